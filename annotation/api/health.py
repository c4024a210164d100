"""Clause health and clause issues, by REST. People are not named here."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import health, investigating
from annotation.models import ClauseEvidence, ClauseIssue, ClauseVerdict
from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from specs.models import Clause, Member, SpecVersion
from specs.versions import keys_of


class ClauseHealthShape(serializers.Serializer[Any]):
    key = serializers.CharField()
    number = serializers.CharField()
    verdict = serializers.ChoiceField(choices=ClauseVerdict.choices)
    place = serializers.IntegerField(help_text="Where to look first: 1.")
    beside = serializers.CharField(allow_null=True, help_text="The clause that it overlaps with.")
    issue = serializers.IntegerField(allow_null=True, help_text="Its open issue.")
    numbers = serializers.DictField(help_text="What the verdict rests on; see docs/clause-health.md.")


class HealthShape(serializers.Serializer[Any]):
    question = serializers.CharField()
    meaning = serializers.IntegerField()
    measured_at = serializers.DateTimeField()
    gathered = serializers.BooleanField(help_text="Whether the evidence of this measurement is there yet.")
    clauses = ClauseHealthShape(many=True)


class HealthList(serializers.Serializer[Any]):
    questions = HealthShape(many=True)


class IssueShape(serializers.ModelSerializer[ClauseIssue]):
    clause = serializers.CharField(source="clause.key")
    closed_by_version = serializers.CharField(
        source="closed_by_version.number", default=None, allow_null=True
    )

    class Meta:
        model = ClauseIssue
        fields = (
            *("id", "clause", "state", "opened_for", "opened_at", "follows", "owner", "due_at", "closed_at"),
            *("closed_by_version", "closing_reason"),
        )


class IssueList(serializers.Serializer[Any]):
    issues = IssueShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class CaseShape(serializers.Serializer[Any]):
    task = serializers.IntegerField()
    item = serializers.CharField()
    control = serializers.BooleanField(help_text="Nobody disputes it: what the others are held against.")


class IssueWhole(IssueShape):
    cases = serializers.SerializerMethodField()

    def get_cases(self, issue: ClauseIssue) -> list[dict[str, Any]]:
        rows = issue.cases.select_related("task__item").order_by("control", "pk")
        return [
            {
                "case": row.pk,
                "task": row.task_id,
                "item": row.task.item.key,
                "control": row.control,
                "why": row.why,
            }
            for row in rows
        ]

    class Meta(IssueShape.Meta):
        fields = (*IssueShape.Meta.fields, "cases")  # type: ignore[assignment]


class IssueIn(serializers.Serializer[Any]):
    clause = serializers.CharField(max_length=64)
    due_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class IssueEnd(serializers.Serializer[Any]):
    version = serializers.CharField(required=False, default="", help_text="The number that resolves it.")
    reason = serializers.CharField(required=False, default="", allow_blank=True)


class ClauseHealth(SpecView):
    policies = {"get": allows("agreement.read")}

    @operation("Every clause with its verdict, as last measured", gives=HealthList, name="clause_health")
    def get(self, request: Request, project: str, spec: str) -> Response:
        found = [health.of(report) for report in health.newest(spec=self.spec())]
        return Response({"questions": [_as_dict(one) for one in found]})


def _as_dict(found: health.Health) -> dict[str, Any]:
    return {
        "question": found.report.question,
        "meaning": found.report.meaning,
        "measured_at": found.report.measured_at,
        "gathered": found.evidence is not None,
        "clauses": [
            {
                "key": row.clause.key,
                "number": row.clause.number,
                "verdict": row.found.verdict,
                "place": row.found.place,
                "beside": row.found.beside.key if row.found.beside else None,
                "issue": row.issue.pk if row.issue else None,
                "numbers": {
                    name: value for name, value in row.numbers.items() if name not in ("controls", "money")
                },
            }
            for row in found.rows
        ],
    }


class Issues(SpecView):
    policies = {"get": allows("dispute.read"), "post": allows("spec.discuss")}

    @operation("Clause issues, newest first", gives=IssueList, parameters=PAGING, name="clause_issues")
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows = ClauseIssue.objects.filter(clause__spec=self.spec()).select_related(
            "clause", "closed_by_version"
        )
        shown, before = self.page(rows, request)
        return Response({"issues": IssueShape(shown, many=True).data, "next_before": before})

    @operation(
        "Open an issue on a clause, with its cases",
        takes=IssueIn,
        gives=IssueWhole,
        status=201,
        name="clause_issue_open",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        body, found = self.body(IssueIn, request), self.spec()
        clause = get_or_404(Clause, project=self.project, spec=found, key=body["clause"])
        kept = (
            ClauseEvidence.objects.filter(clause=clause, evidence__report__in=health.newest(spec=found))
            .order_by("place")
            .first()
        )
        issue = investigating.open_issue(clause=clause, evidence=kept, due_at=body["due_at"], by=self.member)
        return Response(IssueWhole(issue).data, status=201)


class IssueView(SpecView):
    def issue(self) -> ClauseIssue:
        rows = ClauseIssue.objects.select_related("clause", "closed_by_version")
        return get_or_404(rows, project=self.project, clause__spec=self.spec(), pk=self.kwargs["issue"])


class IssueOne(IssueView):
    policies = {"get": allows("dispute.read")}

    @operation("One clause issue with its cases", gives=IssueWhole, name="clause_issue")
    def get(self, request: Request, project: str, spec: str, issue: int) -> Response:
        return Response(IssueWhole(self.issue()).data)


class IssueClose(IssueView):
    policies = {"post": allows("spec.discuss")}

    @operation("Close a clause issue", takes=IssueEnd, gives=IssueShape, name="clause_issue_close")
    def post(self, request: Request, project: str, spec: str, issue: int) -> Response:
        body, found = self.body(IssueEnd, request), self.issue()
        version = (
            get_or_404(
                SpecVersion, project=self.project, spec=found.clause.spec_id, **keys_of(body["version"])
            )
            if body["version"]
            else None
        )
        return Response(
            IssueShape(
                investigating.close(issue=found, version=version, reason=body["reason"], by=self.member)
            ).data
        )


class HandOver(serializers.Serializer[Any]):
    owner = serializers.IntegerField(allow_null=True, help_text="The member who answers for it.")
    due_at = serializers.DateTimeField(allow_null=True)


class Park(serializers.Serializer[Any]):
    parked = serializers.BooleanField()


class IssueHandOver(IssueView):
    policies = {"post": allows("spec.discuss")}

    @operation("Hand a clause issue over", takes=HandOver, gives=IssueShape, name="clause_issue_hand_over")
    def post(self, request: Request, project: str, spec: str, issue: int) -> Response:
        body, found = self.body(HandOver, request), self.issue()
        owner = get_or_404(Member, project=self.project, pk=body["owner"]) if body["owner"] else None
        made = investigating.hand_over(issue=found, owner=owner, due_at=body["due_at"], by=self.member)
        return Response(IssueShape(made).data)


class IssuePark(IssueView):
    policies = {"post": allows("spec.discuss")}

    @operation(
        "Park a clause issue, or take it up again", takes=Park, gives=IssueShape, name="clause_issue_park"
    )
    def post(self, request: Request, project: str, spec: str, issue: int) -> Response:
        body, found = self.body(Park, request), self.issue()
        made = investigating.park(issue=found, parked=body["parked"], by=self.member)
        return Response(IssueShape(made).data)
