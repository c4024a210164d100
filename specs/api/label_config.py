"""Questions out to Label Studio and in from it by REST: its labelling configuration, with what has no place there or here."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import configuring, label_config
from specs.access import allows
from specs.api.files import body_of
from specs.api.parsers import DocumentParser, XmlParser
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.refusals import Invalid

_CONFIG = '<View>\n  <Text name="item" value="$text" />\n  <Choices name="tone" toName="item">…</Choices>\n</View>\n'


class LabelConfigOut(serializers.Serializer[Any]):
    config = serializers.CharField(help_text="The configuration, as XML.")
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="What Label Studio does not do of the questions, in words."
    )


class LabelConfig(SpecView):
    policies = {"get": allows("spec.read")}

    @operation(
        "A version's questions as a labelling configuration of Label Studio",
        gives=LabelConfigOut,
        name="version_label_config",
        parameters=[
            OpenApiParameter("as", str, enum=["xml"], description="The configuration alone, as XML.")
        ],
        also={(200, "application/xml"): OpenApiTypes.STR},
        examples=[
            OpenApiExample(
                "One choice",
                response_only=True,
                status_codes=["200"],
                media_type="application/json",
                value={"config": _CONFIG, "left_out": ["tone: Label Studio knows no agree_within"]},
            )
        ],
    )
    def get(self, request: Request, project: str, spec: str, number: str) -> HttpResponse:
        config, left_out = label_config.written(self.version(number).questions)
        if self.choice(request, "as", ["xml"]) == "xml":
            return HttpResponse(config, content_type="application/xml; charset=utf-8")
        return Response({"config": config, "left_out": left_out})


class ConfigQuestions(serializers.Serializer[Any]):
    questions = serializers.ListField(
        child=serializers.DictField(), help_text="As `draft/questions` takes them."
    )
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="What of the configuration has no place here, in words."
    )


class DraftLabelConfig(SpecView):
    policies = {"put": allows("spec.edit")}
    parser_classes = [XmlParser, DocumentParser]

    @operation(
        "Replace the draft's questions with those of a labelling configuration of Label Studio",
        takes={"application/xml": OpenApiTypes.STR, "application/octet-stream": OpenApiTypes.BINARY},
        gives=ConfigQuestions,
        name="draft_label_config",
        parameters=[OpenApiParameter("look", bool, description="Only say what would be asked.")],
        examples=[
            OpenApiExample("A configuration", request_only=True, media_type="application/xml", value=_CONFIG),
            OpenApiExample(
                "One choice, one left out",
                response_only=True,
                status_codes=["200"],
                value={
                    "questions": [
                        {
                            "key": "tone",
                            "kind": "choice",
                            "title": "Tone",
                            "required": True,
                            "labels": [{"value": "kind"}, {"value": "rude"}],
                        }
                    ],
                    "left_out": ["area (PolygonLabels): no kind of question here takes it"],
                },
            ),
        ],
    )
    def put(self, request: Request, project: str, spec: str) -> Response:
        draft = self.draft()
        try:
            text = body_of(request, label_config.LONGEST * 4).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid(f"The configuration is not UTF-8 at byte {error.start}.") from error
        questions, left_out = configuring.look(text)
        if request.query_params.get("look") not in ("1", "true"):
            configuring.take(draft=draft, text=text, by=self.member)
        return Response({"questions": questions, "left_out": left_out})
