"""Appeals by REST: file one, see one's own; for leads, what waits and its decision."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import appealing, reviewing
from annotation.models import AnswerAppeal, AppealKind, AppealOutcome, ReviewDecision, Ruling
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.refusals import Invalid
from workforce.api.base import WorkView
from workforce.models import Judgement


class NewAnswerAppeal(serializers.Serializer[Any]):
    against = serializers.ChoiceField(choices=AppealKind.choices)
    decision = serializers.IntegerField(
        min_value=1, help_text="The ruling, the mark, or the reviewer's decision, by its number."
    )
    reason = serializers.CharField(max_length=2000)


class AnswerAppealShape(serializers.ModelSerializer[AnswerAppeal]):
    clause: Any = serializers.SlugRelatedField("key", read_only=True, allow_null=True)
    kind = serializers.ChoiceField(choices=AppealKind.choices)
    outcome = serializers.ChoiceField(choices=AppealOutcome.choices)

    class Meta:
        model = AnswerAppeal
        fields = ["id", "kind", "reason", "clause", "outcome", "filed_at", "decided_at", "decided_reason"]


class AnswerAppealPage(serializers.Serializer[Any]):
    appeals = AnswerAppealShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ToDecide(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=AppealKind.choices)
    item = serializers.CharField()
    payload = serializers.DictField()
    candidates = serializers.DictField(
        help_text="Of a mark: the two values, by letter, in an order of its own."
    )
    answer = serializers.DictField(help_text="Of a return: the answer as it stands.")
    filed_at = serializers.DateTimeField()


class ToDecideList(serializers.Serializer[Any]):
    appeals = ToDecide(many=True)


class AnswerAppealDecision(serializers.Serializer[Any]):
    right = serializers.ChoiceField(
        choices=["A", "B", "both", "neither", "stands", "anew"],
        help_text="Of a mark: which is right. Of a return: whether the answer stands, or is to be given anew.",
    )
    reason = serializers.CharField(max_length=2000)


class MyAppeals(WorkView):
    policies = {"get": allows("work.label"), "post": allows("work.label")}

    @operation(
        "Your appeals with their outcomes, newest first",
        gives=AnswerAppealPage,
        parameters=PAGING,
        name="my_answer_appeals",
    )
    def get(self, request: Request, project: str) -> Response:
        found, before = self.page(appealing.of(self.annotator()), request)
        return Response({"appeals": AnswerAppealShape(found, many=True).data, "next_before": before})

    @operation(
        "Appeal against a ruling on your answer, a mark that you were told, or a return",
        takes=NewAnswerAppeal,
        gives=AnswerAppealShape,
        status=201,
        name="answer_appeal_file",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(NewAnswerAppeal, request)
        asked: dict[str, Any] = {
            "annotator": self.annotator(),
            "reason": body["reason"],
            "by": self.member,
        }
        where: dict[str, Any] = {"project": self.project, "pk": body["decision"]}
        match body["against"]:
            case AppealKind.RULING:
                made = appealing.against_ruling(ruling=get_or_404(Ruling, **where), **asked)
            case AppealKind.GOLD:
                made = appealing.against_mark(judgement=get_or_404(Judgement, **where), **asked)
            case _:
                made = appealing.against_return(decision=get_or_404(ReviewDecision, **where), **asked)
        return Response(AnswerAppealShape(made).data, status=201)


class Appeals(ApiView):
    policies = {"get": allows("dispute.decide")}

    @operation(
        "Appeals against marks and returns that you may decide, the oldest first",
        gives=ToDecideList,
        name="answer_appeals_list",
    )
    def get(self, request: Request, project: str) -> Response:
        return Response({"appeals": [_shown(one) for one in appealing.to_decide(self.member)[:200]]})


def _shown(one: AnswerAppeal) -> dict[str, Any]:
    if one.judgement is not None:
        item, answer = one.judgement.probe.item, {}
        values = {candidate.letter: candidate.value for candidate in appealing.candidates(one)}
    else:
        assert one.decision is not None
        given = reviewing.in_force(one.decision.review)
        item, answer, values = given.task.item, given.values, {}
    return {
        "id": one.pk,
        "kind": one.kind,
        "item": item.key,
        "payload": item.payload,
        "candidates": values,
        "answer": answer,
        "filed_at": one.filed_at.isoformat(),
    }


class AppealDecide(ApiView):
    policies = {"post": allows("dispute.decide")}

    @operation(
        "Decide an appeal against a mark or a return, another than who decided first",
        takes=AnswerAppealDecision,
        gives=AnswerAppealShape,
        name="answer_appeal_decide",
    )
    def post(self, request: Request, project: str, appealed: int) -> Response:
        body = self.body(AnswerAppealDecision, request)
        # An appeal against a ruling is decided by another ruling.
        rows = AnswerAppeal.objects.exclude(kind=AppealKind.RULING)
        found = get_or_404(rows, project=self.project, pk=appealed)
        if found.kind == AppealKind.GOLD:
            made = appealing.decide_mark(
                appeal=found, right=body["right"], reason=body["reason"], by=self.member
            )
        else:
            if body["right"] not in ("stands", "anew"):
                raise Invalid("Of a return, say whether the answer stands, or is to be given anew.")
            made = appealing.decide_return(
                appeal=found, stands=body["right"] == "stands", reason=body["reason"], by=self.member
            )
        made.refresh_from_db()
        return Response(AnswerAppealShape(made).data)
