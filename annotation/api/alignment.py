"""Alignment sessions by REST: convene, vote blindly, reveal, talk, decide into the draft."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import aligning, inviting, rules
from annotation.models import AlignmentSession, ClauseIssue, SessionState
from specs.access import allows, get_or_404, permissions_of
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.models import Member


class Convene(serializers.Serializer[Any]):
    members = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=500)


class VoteIn(serializers.Serializer[Any]):
    case = serializers.IntegerField(min_value=1)
    reading = serializers.CharField(
        max_length=10_000, help_text="The key of one of the readings of the case."
    )
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class RemarkIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=10_000)


class OutcomeIn(serializers.Serializer[Any]):
    case = serializers.IntegerField(min_value=1)
    reading = serializers.CharField(max_length=10_000)
    use = serializers.ChoiceField(
        choices=list(aligning.USES),
        required=False,
        default="",
        allow_blank=True,
        help_text="What it becomes in the draft.",
    )
    why = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class AlignmentDecideIn(serializers.Serializer[Any]):
    asked = serializers.CharField(max_length=10_000, help_text="The question that was open.")
    decision = serializers.CharField(max_length=10_000)
    rule = serializers.CharField(
        max_length=10_000, help_text="The definition of the clause in the draft from now on."
    )
    outcomes = OutcomeIn(many=True, required=False, default=list)


class ReadingShape(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    votes = serializers.IntegerField(allow_null=True, help_text="Null while the votes are blind.")


class SessionCase(serializers.Serializer[Any]):
    case = serializers.IntegerField()
    item = serializers.CharField()
    readings = ReadingShape(many=True)
    mine = serializers.CharField(allow_null=True, help_text="The key of one's own vote.")


class SessionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    issue = serializers.IntegerField()
    clause = serializers.CharField()
    question = serializers.CharField()
    state = serializers.ChoiceField(choices=SessionState.choices)
    members = serializers.ListField(child=serializers.IntegerField())
    voted = serializers.ListField(child=serializers.IntegerField())
    cases = SessionCase(many=True)
    remarks = serializers.ListField(child=serializers.DictField())
    asked = serializers.CharField(allow_blank=True)
    decision = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    outcomes = serializers.ListField(child=serializers.DictField())


def as_dict(row: AlignmentSession, member: Member) -> dict[str, Any]:
    """A session as one of its people may see it: others' votes only once they are revealed."""
    version = aligning.version_of(row.issue)
    question, tally = version.question(row.question), aligning.tally(row)
    votes, blind = list(row.votes.all()), row.state == SessionState.VOTING
    mine = {one.case_id: rules.key_of(one.value) for one in votes if one.member_id == member.pk}
    return {
        "id": row.pk,
        "issue": row.issue_id,
        "clause": row.issue.clause.key,
        "question": row.question,
        "state": row.state,
        "members": list(row.seats.order_by("pk").values_list("member_id", flat=True)),
        "voted": sorted({one.member_id for one in votes}),
        "cases": [
            {
                "case": case.pk,
                "item": case.task.item.key,
                "readings": [
                    {
                        "key": one.key,
                        "title": one.title,
                        "votes": None if blind else tally.get(case.pk, Counter[str]())[one.key],
                    }
                    for one in aligning.readings(case, version, question)
                ],
                "mine": mine.get(case.pk),
            }
            for case in row.issue.cases.select_related("task__item").order_by("pk")
        ],
        "remarks": [
            {"member": one.member_id, "text": one.text, "said_at": one.said_at.isoformat()}
            for one in row.remarks.order_by("pk")[:500]
        ],
        "asked": row.asked,
        "decision": row.decision,
        "rule": row.rule,
        "outcomes": row.outcomes,
    }


class AskedTo(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    spec = serializers.CharField()
    clause = serializers.CharField()
    state = serializers.ChoiceField(choices=SessionState.choices)
    cases_left = serializers.IntegerField(help_text="Cases without a vote of one's own.")


class MySessions(ApiView):
    policies = {"get": allows("spec.read")}

    @operation(
        "Alignment sessions that wait for oneself",
        gives=AskedTo(many=True),
        name="my_alignment",
    )
    def get(self, request: Request, project: str) -> Response:
        return Response(
            [
                {
                    "id": seat.session_id,
                    "spec": seat.session.issue.clause.spec.key,
                    "clause": seat.session.issue.clause.key,
                    "state": seat.session.state,
                    "cases_left": seat.n_left,  # type: ignore[attr-defined]  # annotated
                }
                for seat in inviting.waiting([self.member])
            ]
        )


class Sessions(SpecView):
    policies = {"post": allows("spec.discuss")}

    @operation(
        "Convene an alignment session on a clause issue",
        takes=Convene,
        gives=SessionShape,
        status=201,
        name="alignment_convene",
    )
    def post(self, request: Request, project: str, spec: str, issue: int) -> Response:
        rows = ClauseIssue.objects.select_related("clause")
        found = get_or_404(rows, project=self.project, clause__spec=self.spec(), pk=issue)
        wanted = self.body(Convene, request)["members"]
        members = list(Member.objects.filter(project=self.project, pk__in=wanted))
        made = aligning.convene(issue=found, members=members, by=self.member)
        return Response(as_dict(made, self.member), status=201)


class SessionView(SpecView):
    def session(self) -> AlignmentSession:
        rows = AlignmentSession.objects.select_related("issue__clause__spec")
        found = get_or_404(
            rows, project=self.project, issue__clause__spec=self.spec(), pk=self.kwargs["session"]
        )
        if (
            "dispute.read" not in permissions_of(self.member)
            and not found.seats.filter(member=self.member).exists()
        ):
            raise Http404
        return found

    def whole(self) -> Response:
        return Response(as_dict(self.session(), self.member))


class SessionOne(SessionView):
    policies = {"get": allows("spec.read")}

    @operation("One alignment session", gives=SessionShape, name="alignment")
    def get(self, request: Request, project: str, spec: str, session: int) -> Response:
        return self.whole()


class SessionVote(SessionView):
    policies = {"post": allows("spec.read")}

    @operation("Vote on a case", takes=VoteIn, gives=SessionShape, name="alignment_vote")
    def post(self, request: Request, project: str, spec: str, session: int) -> Response:
        row, body = self.session(), self.body(VoteIn, request)
        case = get_or_404(row.issue.cases.all(), project=self.project, pk=body.pop("case"))
        aligning.vote(session=row, case=case, by=self.member, **body)
        return self.whole()


class SessionReveal(SessionView):
    policies = {"post": allows("spec.read")}

    @operation("Reveal all votes", gives=SessionShape, name="alignment_reveal")
    def post(self, request: Request, project: str, spec: str, session: int) -> Response:
        aligning.reveal(session=self.session(), by=self.member)
        return self.whole()


class SessionRemark(SessionView):
    policies = {"post": allows("spec.read")}

    @operation("Say something about the votes", takes=RemarkIn, gives=SessionShape, name="alignment_remark")
    def post(self, request: Request, project: str, spec: str, session: int) -> Response:
        aligning.remark(session=self.session(), by=self.member, **self.body(RemarkIn, request))
        return self.whole()


class SessionDecide(SessionView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Decide, and write the clause's draft",
        takes=AlignmentDecideIn,
        gives=SessionShape,
        name="alignment_decide",
    )
    def post(self, request: Request, project: str, spec: str, session: int) -> Response:
        body = self.body(AlignmentDecideIn, request)
        outcomes = [aligning.Outcome(**one) for one in body.pop("outcomes")]
        aligning.decide(session=self.session(), outcomes=outcomes, by=self.member, **body)
        return self.whole()


class SessionCallOff(SessionView):
    policies = {"post": allows("spec.read")}

    @operation("Call a session off", gives=SessionShape, name="alignment_call_off")
    def post(self, request: Request, project: str, spec: str, session: int) -> Response:
        aligning.call_off(session=self.session(), by=self.member)
        return self.whole()
