"""How specs come, go and become law by REST: files, guidelines, pictures, linting, proposals, comments, acknowledgement."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import (
    acknowledging,
    contents,
    copying,
    drafting,
    governing,
    linting,
    pictures,
    proposing,
    store,
)
from specs.access import allows, get_or_404
from specs.api import shapes
from specs.api.base import ApiView
from specs.api.parsers import DocumentParser, MarkdownParser
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView, draft_as_json
from specs.models import Acknowledgement, Approval, ChangeClass, Clause, Comment, Picture, Project, Proposal
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


class SpecImport(ApiView):
    policies = {"post": allows("spec.edit")}
    parser_classes = [MarkdownParser, DocumentParser]

    @operation(
        "Make a spec's draft say what a spec file says; the spec is made if it is not there",
        takes=BINARY,
        gives=shapes.Draft,
        name="spec_import",
        parameters=[
            OpenApiParameter("key", str, description="Of the spec, if the file's own is not to count.")
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        data = body_of(request, settings.MAX_DOCUMENT_BYTES)
        key = request.query_params.get("key", "")
        draft = copying.import_file(project=self.project, data=data, key=key, by=self.member)
        return Response(draft_as_json(draft))


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
        parameters=[
            OpenApiParameter(
                "name", str, required=True, description="The file's name; its ending says what it is."
            )
        ],
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        draft = drafting.open_draft(spec=self.spec(), by=self.member)
        n_clauses, remarks = copying.import_guideline(
            draft=draft,
            data=body_of(request, settings.MAX_DOCUMENT_BYTES),
            name=request.query_params.get("name", ""),
            by=self.member,
        )
        return Response({"clauses": n_clauses, "remarks": [vars(remark) for remark in remarks]})


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


class PictureOut(serializers.ModelSerializer[Picture]):
    class Meta:
        model = Picture
        fields = ("digest", "media_type", "width", "height", "n_bytes")


class Pictures(ApiView):
    policies = {"post": allows("spec.edit")}
    parser_classes = [DocumentParser]

    @operation("Keep a picture for clauses", takes=BINARY, gives=PictureOut, status=201, name="picture_add")
    def post(self, request: Request, project: str) -> Response:
        data = body_of(request, settings.MAX_PICTURE_BYTES)
        picture = pictures.add(project=self.project, source=io.BytesIO(data), by=self.member)
        return Response(PictureOut(picture).data, status=201)


class PictureOne(ApiView):
    policies = {"get": allows("spec.read")}

    @operation("A kept picture", gives=OpenApiTypes.BINARY, media="image/*", name="picture_read")
    def get(self, request: Request, project: str, digest: str) -> HttpResponse:
        found = get_or_404(Picture, project=self.project, digest=digest)
        with store.opened(found.digest) as source:
            reply = HttpResponse(source.read(), content_type=found.media_type)
        reply["X-Content-Type-Options"] = "nosniff"
        return reply


class VerdictOut(serializers.ModelSerializer[Approval]):
    by = serializers.CharField(source="by.pk")

    class Meta:
        model = Approval
        fields = ("by", "verdict", "digest", "note", "given_at")


class ProposalOut(serializers.ModelSerializer[Proposal]):
    digest = serializers.SerializerMethodField(
        help_text="Of the draft as it stands: only approvals of it count."
    )
    verdicts = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = ("id", "state", "claimed", "notes", "rationale", "proposed_at", "digest", "verdicts")

    def get_digest(self, proposal: Proposal) -> str:
        return contents.digest_of(proposal.version) if proposal.version else ""

    def get_verdicts(self, proposal: Proposal) -> list[dict[str, Any]]:
        return list(VerdictOut(proposing.verdicts(proposal), many=True).data)


class ProposalIn(serializers.Serializer[Any]):
    notes = serializers.CharField(max_length=10_000)
    rationale = serializers.CharField(max_length=10_000)
    claimed = serializers.ChoiceField(
        choices=ChangeClass.choices, required=False, allow_null=True, default=None
    )


class VerdictIn(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=["approved", "declined"])
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class OpenProposal(SpecView):
    """Base of the routes of a spec's open proposal."""

    def opened(self) -> Proposal:
        return get_or_404(
            Proposal.objects.select_related("version__spec", "spec__project"),
            project=self.project,
            spec=self.spec(),
            state="open",
        )


class ProposalView(OpenProposal):
    policies = {
        "get": allows("spec.discuss"),
        "post": allows("spec.propose"),
        "delete": allows("spec.propose"),
    }

    @operation("The open proposal", gives=ProposalOut, name="proposal_read")
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response(ProposalOut(self.opened()).data)

    @operation("Propose the draft", takes=ProposalIn, gives=ProposalOut, status=201, name="proposal_open")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(ProposalIn, request)
        claimed = ChangeClass(body["claimed"]) if body["claimed"] else None
        proposing.propose(draft=self.draft(), by=self.member, **{**body, "claimed": claimed})
        return Response(ProposalOut(self.opened()).data, status=201)

    @operation("Withdraw the proposal", status=204, name="proposal_withdraw")
    def delete(self, request: Request, project: str, spec: str) -> Response:
        proposing.withdraw(proposal=self.opened(), by=self.member)
        return Response(status=204)


class Verdict(OpenProposal):
    policies = {"post": allows("spec.approve")}

    @operation("Approve, or ask for changes", takes=VerdictIn, gives=ProposalOut, name="proposal_verdict")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body, opened = self.body(VerdictIn, request), self.opened()
        if body["verdict"] == "approved":
            proposing.approve(proposal=opened, note=body["note"], by=self.member)
        else:
            proposing.decline(proposal=opened, note=body["note"], by=self.member)
        return Response(ProposalOut(self.opened()).data)


class CommentOut(serializers.ModelSerializer[Comment]):
    clause = serializers.CharField(source="clause.key", default=None, allow_null=True)
    by = serializers.IntegerField(source="by_id", allow_null=True)

    class Meta:
        model = Comment
        fields = ("id", "clause", "text", "by", "written_at", "resolved_at")


class CommentList(serializers.Serializer[Any]):
    comments = CommentOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class CommentIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=20_000)
    clause = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)


class Comments(SpecView):
    policies = {"get": allows("spec.discuss"), "post": allows("spec.discuss")}

    @operation("Comments, newest first", gives=CommentList, parameters=PAGING, name="comments_list")
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows, before = self.page(Comment.objects.filter(spec=self.spec()).select_related("clause"), request)
        return Response({"comments": CommentOut(rows, many=True).data, "next_before": before})

    @operation(
        "Comment on the draft, or on a clause",
        takes=CommentIn,
        gives=CommentOut,
        status=201,
        name="comment_write",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        body, found = self.body(CommentIn, request), self.spec()
        clause = (
            get_or_404(Clause, project=self.project, spec=found, key=body["clause"])
            if body["clause"]
            else None
        )
        made = proposing.comment(spec=found, clause=clause, text=body["text"], by=self.member)
        return Response(CommentOut(made).data, status=201)


class CommentResolve(SpecView):
    policies = {"post": allows("spec.discuss"), "delete": allows("spec.discuss")}

    def comment(self, number: int) -> Comment:
        return get_or_404(Comment, project=self.project, spec=self.spec(), pk=number)

    @operation("Mark a comment as dealt with", gives=CommentOut, name="comment_resolve")
    def post(self, request: Request, project: str, spec: str, comment: int) -> Response:
        return Response(
            CommentOut(proposing.resolve_comment(comment=self.comment(comment), by=self.member)).data
        )

    @operation("Open a comment again", gives=CommentOut, name="comment_reopen")
    def delete(self, request: Request, project: str, spec: str, comment: int) -> Response:
        return Response(
            CommentOut(proposing.reopen_comment(comment=self.comment(comment), by=self.member)).data
        )


class AcknowledgementIn(serializers.Serializer[Any]):
    digest = serializers.CharField(max_length=80, help_text="Of the version that was read.")


class AcknowledgementOut(serializers.ModelSerializer[Acknowledgement]):
    version = serializers.CharField(source="version.number")

    class Meta:
        model = Acknowledgement
        fields = ("version", "digest", "changed", "acknowledged_at")


class Acknowledge(SpecView):
    policies = {"post": allows("spec.read")}

    @operation(
        "Confirm that one has read what a version changes",
        takes=AcknowledgementIn,
        gives=AcknowledgementOut,
        name="version_acknowledge",
    )
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        made = acknowledging.acknowledge(
            member=self.member, version=self.version(number), **self.body(AcknowledgementIn, request)
        )
        return Response(AcknowledgementOut(made).data)


class ProjectShape(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("key", *governing.SETTINGS)
        read_only_fields = ("key",)


class ProjectSettings(ApiView):
    policies = {"get": allows("spec.read"), "patch": allows("project.manage")}

    @operation("How the project makes law", gives=ProjectShape, name="project_read")
    def get(self, request: Request, project: str) -> Response:
        return Response(ProjectShape(self.project).data)

    @operation("Change the project's settings", takes=ProjectShape, gives=ProjectShape, name="project_change")
    def patch(self, request: Request, project: str) -> Response:
        shape = ProjectShape(self.project, data=request.data, partial=True)
        unknown = sorted(set(request.data) - set(governing.SETTINGS))
        if unknown:
            raise Invalid(f"A project has no setting {', '.join(unknown)[:200]}.")
        shape.is_valid(raise_exception=True)
        changed = governing.change_settings(project=self.project, by=self.member, **shape.validated_data)
        return Response(ProjectShape(changed).data)
