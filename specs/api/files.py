"""Specs in and out by REST: files, guidelines, clones, what the linter says of a version."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from specs import contents, copying, incoming, linting
from specs.access import allows
from specs.api import shapes
from specs.api.base import ApiView
from specs.api.parsers import DocumentParser, MarkdownParser
from specs.api.schema import operation
from specs.api.views import SpecView, draft_as_json
from specs.models import SpecVersion
from specs.refusals import Invalid

BINARY = {"application/octet-stream": OpenApiTypes.BINARY, "text/markdown": OpenApiTypes.BINARY}


def body_of(request: Request, limit: int) -> bytes:
    """The bytes of a document. Raises `Invalid` beyond the limit."""
    source = request.data
    data: bytes = source.read(limit + 1) if hasattr(source, "read") else b""
    if len(data) > limit:
        raise Invalid(f"The document is larger than {limit} bytes.")
    return data


class SpecFile(SpecView):
    policies = {"get": allows("spec.read")}

    @operation(
        "A version as one Markdown file",
        gives=OpenApiTypes.STR,
        media="text/markdown",
        name="version_file",
    )
    def get(self, request: Request, project: str, spec: str, number: str) -> HttpResponse:
        text = copying.export(self.version(number))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")


def _in_job(view: ApiView, request: Request) -> bool | None:
    """What `?in_job=` says; None leaves it to the document."""
    return view.flag(request, "in_job") if "in_job" in request.query_params else None


IN_JOB = OpenApiParameter(
    "in_job",
    bool,
    description="Whether a job reads the document (202), or this request. Without it, long documents and Word files go to a job.",
)
JOB_STARTED = {202: OpenApiResponse(shapes.JobShape, description="A job reads it; see `jobs`.")}


class SpecImport(ApiView):
    policies = {"post": allows("spec.edit")}
    parser_classes = [MarkdownParser, DocumentParser]

    @operation(
        "Make a spec's draft say what a spec file says; the spec is made if it is not there",
        takes=BINARY,
        gives=shapes.Draft,
        name="spec_import",
        also=JOB_STARTED,
        parameters=[
            OpenApiParameter("key", str, description="Of the spec, if the file's own is not to count."),
            IN_JOB,
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        taken = incoming.take(
            project=self.project,
            data=body_of(request, settings.MAX_DOCUMENT_BYTES),
            name="rest.md",
            what="spec",
            key=request.query_params.get("key", ""),
            in_job=_in_job(self, request),
            by=self.member,
        )
        if taken.job is not None:
            return Response(shapes.JobShape(taken.job).data, status=202)
        assert taken.spec is not None
        return Response(
            draft_as_json(SpecVersion.objects.draft().select_related("based_on").get(spec=taken.spec))
        )


class GuidelineOut(serializers.Serializer[Any]):
    clauses = serializers.IntegerField(help_text="How many were proposed; each waits to be looked at.")
    remarks = serializers.ListField(child=serializers.DictField())


class GuidelineImport(SpecView):
    policies = {"post": allows("spec.edit")}
    parser_classes = [DocumentParser, MarkdownParser]

    @operation(
        "Propose clauses from an existing guideline (Word, HTML, Markdown)",
        takes=BINARY,
        gives=GuidelineOut,
        name="guideline_import",
        also=JOB_STARTED,
        parameters=[
            OpenApiParameter(
                "name", str, required=True, description="The file's name; its ending says what it is."
            ),
            IN_JOB,
        ],
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        if not (name := request.query_params.get("name", "")):
            raise ValidationError({"name": ["says what file it is, such as guideline.docx"]})
        taken = incoming.take(
            project=self.project,
            data=body_of(request, settings.MAX_DOCUMENT_BYTES),
            name=name,
            what="guideline",
            key=self.spec().key,
            in_job=_in_job(self, request),
            by=self.member,
        )
        if taken.job is not None:
            return Response(shapes.JobShape(taken.job).data, status=202)
        return Response({"clauses": taken.n_clauses, "remarks": [vars(remark) for remark in taken.remarks]})


class CloneIn(serializers.Serializer[Any]):
    key = shapes.Key()
    title = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class Clone(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Clone a version into a new spec", takes=CloneIn, gives=shapes.Draft, status=201, name="version_clone"
    )
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        draft = copying.clone_spec(
            version=self.version(number), to=self.project, by=self.member, **self.body(CloneIn, request)
        )
        return Response(draft_as_json(draft), status=201)


class FindingOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    severity = serializers.CharField()
    clause = serializers.CharField()
    block = serializers.IntegerField()
    where = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()


class LintOut(serializers.Serializer[Any]):
    findings = FindingOut(many=True)


class Lint(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("What may be read in two ways", gives=LintOut, name="version_lint")
    def get(self, request: Request, project: str, spec: str, number: str) -> Response:
        found = linting.lint(contents.content(self.version(number)))
        return Response({"findings": [finding.as_dict() for finding in found]})
