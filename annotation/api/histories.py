"""Labels made elsewhere, by REST: another tool's export as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import histories
from specs import store
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.parsers import DocumentParser
from specs.api.schema import operation
from specs.models import Job, Spec
from specs.refusals import Invalid
from workforce.import_formats import FORMATS

_CHUNK = 2**18


class HistoryIn(serializers.Serializer[Any]):
    control = serializers.CharField(help_text="The control of the export that became the first question.")
    form = serializers.CharField(help_text="What the file was read as.")
    controls = serializers.DictField(
        child=serializers.CharField(),
        help_text="All controls that were taken, with the question each answers.",
    )
    n_items = serializers.IntegerField(help_text="New ones.")
    n_annotators = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    n_repeats = serializers.IntegerField(help_text="Second labels of one person for an item; left out.")
    report = serializers.ListField(
        child=serializers.CharField(), help_text="How it was mapped, and what had no place here."
    )


class HistoryLook(serializers.Serializer[Any]):
    report = serializers.ListField(child=serializers.CharField())


class HistoryJob(serializers.Serializer[Any]):
    job = serializers.IntegerField()


class History(ApiView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [DocumentParser]

    @operation(
        "Bring in labels made elsewhere: an export of Label Studio, Argilla or doccano, or a long table (CSV)",
        takes={"application/octet-stream": OpenApiTypes.BINARY},
        gives=HistoryIn,
        status=201,
        also={
            200: OpenApiResponse(HistoryLook, description="With `look`: nothing was written."),
            202: OpenApiResponse(HistoryJob, description="A job takes them."),
        },
        name="history_bring_in",
        parameters=[
            OpenApiParameter(
                "form",
                str,
                enum=list(FORMATS),
                description="What the file is; without it, what it begins like.",
            ),
            OpenApiParameter(
                "control",
                str,
                description="Which control (question, column) answers the first question; or `control=question`, with commas "
                "between. Without it, controls answer the questions of their names.",
                examples=[OpenApiExample("Two", value="sentiment=tone,about=topics")],
            ),
            OpenApiParameter(
                "columns",
                str,
                description="Of a table: which column is what, as `item=NAME`; a `label` may stand several times.",
                examples=[OpenApiExample("A table", value="item=post,annotator=rater,label=tone,time=at")],
            ),
            OpenApiParameter("sensitive", bool, description="Blur the items until asked for."),
            OpenApiParameter(
                "look", bool, description="Say how it would be mapped (200), and write nothing."
            ),
        ],
        examples=[
            OpenApiExample(
                "Brought in",
                response_only=True,
                status_codes=["201"],
                value={
                    "control": "sentiment",
                    "form": "Label Studio JSON",
                    "controls": {"sentiment": "tone"},
                    "n_items": 200,
                    "n_annotators": 3,
                    "n_labels": 598,
                    "n_repeats": 0,
                    "report": [
                        "200 tasks, 600 annotations, 0 predictions",
                        "sentiment (choices), 600 results: becomes the question tone (choice)",
                        "sentiment: the results of 2 annotations choose several values; these annotations are left out",
                    ],
                },
            )
        ],
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        asked = request.query_params
        how = histories.How(
            form=asked.get("form", ""),
            control=asked.get("control", ""),
            columns=asked.get("columns", ""),
            sensitive=self.flag(request, "sensitive"),
        )
        found = get_or_404(Spec.objects.select_related("project"), project=self.project, key=spec)
        if self.flag(request, "look"):
            return Response({"report": self._looked(found, request, how)})
        done = histories.receive(spec=found, chunks=_chunks(request.data), how=how, by=self.member)
        if isinstance(done, Job):
            return Response({"job": done.pk}, status=202)
        return Response(vars(done), status=201)

    def _looked(self, spec: Spec, request: Request, how: histories.How) -> list[str]:
        size = 0
        with store.writing() as scratch:
            for chunk in _chunks(request.data):
                size += len(chunk)
                if size > settings.LOAD_AT_ONCE:
                    raise Invalid(
                        f"A file of more than {settings.LOAD_AT_ONCE} bytes is not looked at first."
                    )
                scratch.write(chunk)
            scratch.seek(0)
            return histories.look(spec=spec, source=scratch, how=how)[1]


def _chunks(stream: Any) -> Iterator[bytes]:
    """The body as it comes in; an empty one is a mapping."""
    while not isinstance(stream, dict) and (data := stream.read(_CHUNK)):
        yield data
