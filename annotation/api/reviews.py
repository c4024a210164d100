"""Reviews by REST: claim one, decide it; and one's own answers that were returned."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import reviewing, reworking
from annotation.api import shapes
from annotation.models import Review, ReviewVerdict
from specs import versions
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from workforce import limiting, staffing
from workforce.api.base import WorkView, lease
from workforce.api.shapes import LeaseShape
from workforce.models import Annotator, Purpose, Queue


class ReviewedAnswer(serializers.Serializer[Any]):
    annotation = serializers.IntegerField(
        help_text="The answer that is looked at; sent back with the decision."
    )
    values = serializers.DictField()
    cannot = serializers.CharField()
    flagged = serializers.BooleanField()
    version = serializers.CharField(help_text="The version that it was given under.")


class ReviewClaimed(serializers.Serializer[Any]):
    review = serializers.IntegerField()
    round = serializers.IntegerField(help_text="The how-manieth look of this stage at the answer.")
    answer = ReviewedAnswer()
    lease = LeaseShape()


class Decision(serializers.Serializer[Any]):
    assignment = serializers.IntegerField(min_value=1)
    token = serializers.UUIDField()
    annotation = serializers.IntegerField(min_value=1, help_text="The answer that was looked at.")
    verdict = serializers.ChoiceField(choices=ReviewVerdict.choices)
    values = serializers.DictField(required=False, default=dict, help_text="Of a fix: the reviewer's own.")
    citations = shapes.Citations(required=False, default=dict)
    cannot = serializers.CharField(required=False, allow_blank=True, default="", max_length=32)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    clause = serializers.CharField(required=False, allow_blank=True, default="", max_length=64)


class Decided(serializers.Serializer[Any]):
    decision = serializers.IntegerField()
    review = serializers.IntegerField()


class ReturnedShape(serializers.Serializer[Any]):
    review = serializers.IntegerField(source="review.pk")
    item = serializers.CharField(source="review.task.item.key")
    queue = serializers.CharField(source="review.stage.rework_queue.key", help_text="Where it is claimed.")
    values = serializers.DictField(source="answer.values")
    cannot = serializers.CharField(source="answer.cannot")
    reason = serializers.CharField(source="decision.reason")
    clause = serializers.CharField(source="decision.clause.key")
    due_at = serializers.DateTimeField(source="review.due_at")


class ReturnedList(serializers.Serializer[Any]):
    returned = ReturnedShape(many=True)


class ReviewClaim(ApiView):
    policies = {"post": allows("answer.review")}

    @operation(
        "Claim the next review of a review queue, or the one held there; 204 when none waits",
        gives=ReviewClaimed,
        name="review_claim",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        found = get_or_404(Queue, project=self.project, key=queue, purpose=Purpose.REVIEW)
        annotator = staffing.annotator_for(member=self.member)
        with limiting.within(bearer=self.bearer, annotator=annotator):
            taken = reviewing.take(queue=found, annotator=annotator, by=self.member)
        if taken is None:
            return Response(status=204)
        review, served = taken
        answer = reviewing.in_force(review)
        shown = {
            "annotation": answer.pk,
            "values": answer.values,
            "cannot": answer.cannot,
            "flagged": answer.flagged,
            "version": versions.read(answer.version_id).number,
        }
        return Response({"review": review.pk, "round": review.round, "answer": shown, "lease": lease(served)})


class ReviewDecide(ApiView):
    policies = {"post": allows("answer.review")}

    @operation(
        "Accept an answer, put one's own in its place, or return it to its author",
        takes=Decision,
        gives=Decided,
        status=201,
        name="review_decide",
    )
    def post(self, request: Request, project: str, review: int) -> Response:
        body = self.body(Decision, request)
        assignment, token, seen = body.pop("assignment"), body.pop("token"), body.pop("annotation")
        made = reviewing.decide(
            review=get_or_404(Review, project=self.project, pk=review),
            annotator=staffing.annotator_for(member=self.member),
            assignment_id=assignment,
            token=token,
            decided=reviewing.Decided(seen=seen, **body),
            by=self.member,
        )
        return Response({"decision": made.pk, "review": made.review_id}, status=201)


class MyReturned(WorkView):
    policies = {"get": allows("work.label")}

    @operation(
        "Your answers that a reviewer returned and you have not given anew, the first to be due first",
        gives=ReturnedList,
        name="my_returned",
    )
    def get(self, request: Request, project: str) -> Response:
        annotator = Annotator.objects.filter(member=self.member).first()
        found = reworking.waiting_for(annotator) if annotator else []
        return Response({"returned": ReturnedShape(found, many=True).data})
