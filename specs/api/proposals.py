"""How a draft is put forward by REST: the proposal, its verdicts, the discussion."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import contents, proposing
from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from specs.models import Approval, ChangeClass, Clause, Comment, Proposal


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
