"""How queues stand, by REST, and what would change it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import Key
from specs.api.views import PAGING
from specs.refusals import WrongState
from workforce import degrading, operating
from workforce.api.base import QueueView
from workforce.models import Degradation, Measure


class ForecastShape(serializers.Serializer[Any]):
    utilisation = serializers.FloatField(allow_null=True, help_text="Demand over capacity.")
    overloaded = serializers.BooleanField()
    waiting = serializers.FloatField(
        allow_null=True, help_text="Hours that what waits takes at the present pace."
    )
    drained = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="Hours until it is empty: low, middle, high."
    )
    missed = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="Hours until the service level is missed: low, middle, high; null if it is not.",
    )
    path = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    disputes = serializers.FloatField(help_text="An hour, to the queue of disputes.")


class StandingShape(serializers.Serializer[Any]):
    queue = serializers.CharField()
    tone = serializers.CharField(help_text="bad, warn, good, or empty where nothing can be said.")
    reasons = serializers.ListField(child=serializers.CharField())
    measured_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())
    waiting = serializers.IntegerField(help_text="Answers wanted, those under way included.")
    out = serializers.IntegerField()
    oldest_seconds = serializers.FloatField(allow_null=True)
    answers_in_24_hours = serializers.IntegerField()
    in_time_share = serializers.FloatField(allow_null=True)
    settled = serializers.IntegerField()
    missed_at = serializers.DateTimeField(allow_null=True)
    ages = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    forecast = ForecastShape(allow_null=True)


class BoardShape(serializers.Serializer[Any]):
    queues = StandingShape(many=True)


class WhatIfShape(serializers.Serializer[Any]):
    before = ForecastShape()
    after = ForecastShape()


def as_dict(one: operating.Standing) -> dict[str, Any]:
    gauge = one.gauge
    return {
        "queue": one.queue.key,
        "tone": one.tone,
        "reasons": one.reasons,
        "measured_at": gauge.measured_at.isoformat() if gauge else None,
        "counts": one.counts,
        "waiting": one.waiting,
        "out": one.out,
        "oldest_seconds": one.oldest.total_seconds() if one.oldest else None,
        "answers_in_24_hours": one.per_day,
        "in_time_share": one.in_time,
        "settled": one.n_settled,
        "missed_at": one.missed_at.isoformat() if one.missed_at else None,
        "ages": gauge.ages if gauge else [],
        "forecast": gauge.forecast if gauge else None,
    }


class Board(ApiView):
    policies = {"get": allows("queue.read")}

    @operation("How all queues stand, worst first", gives=BoardShape, name="board")
    def get(self, request: Request, project: str) -> Response:
        return Response({"queues": [as_dict(one) for one in operating.board(project=self.project)]})


class QueueOperations(QueueView):
    policies = {"get": allows("queue.read")}

    @operation(
        "How one queue stands, and what is to be expected", gives=StandingShape, name="queue_operations"
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        return Response(as_dict(operating.of(self.queue())))


class QueueWhatIf(QueueView):
    policies = {"get": allows("queue.read")}

    @operation(
        "What more people, more items or another overlap would do",
        gives=WhatIfShape,
        parameters=[
            OpenApiParameter("people", int, description="More annotators; fewer if below nothing."),
            OpenApiParameter("items", int, description="More items, now."),
            OpenApiParameter("overlap", int, description="Answers per task; as it is if left out."),
        ],
        name="queue_what_if",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        gauge = operating.of(found).gauge
        if gauge is None:
            raise WrongState("This queue was not counted yet; a job does so within a minute.")
        answer = operating.what_if(
            queue=found,
            gauge=gauge,
            people=self.number(request, "people", 0, low=-1000, high=1000),
            items=self.number(request, "items", 0, low=0, high=100_000_000),
            overlap=self.number(request, "overlap", 0, low=1, high=50) or None,
        )
        return Response({"before": answer.before, "after": answer.after})


class DegradeIn(serializers.Serializer[Any]):
    measure = serializers.ChoiceField(choices=Measure.choices)
    hours = serializers.FloatField(min_value=0)
    reason = serializers.CharField(max_length=2000)
    overlap = serializers.IntegerField(
        min_value=1, max_value=50, required=False, allow_null=True, default=None
    )
    cohort = Key(
        required=False, default="", help_text="Whose members may take it meanwhile; everybody if left out."
    )


class DegradationShape(serializers.ModelSerializer[Degradation]):
    began_by = serializers.IntegerField(source="began_by_id")
    ended_by = serializers.IntegerField(source="ended_by_id", allow_null=True)

    class Meta:
        model = Degradation
        fields = ("id", "measure", "reason", "began_at", "until", "ended_at", "began_by", "ended_by")


class DegradationList(serializers.Serializer[Any]):
    degradations = DegradationShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Degradations(QueueView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation(
        "What was lowered on purpose, and when: an answer of this queue between began_at and ended_at was given under it",
        gives=DegradationList,
        parameters=PAGING,
        name="degradations_list",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        shown, before = self.page(Degradation.objects.filter(queue=self.queue()), request)
        return Response({"degradations": DegradationShape(shown, many=True).data, "next_before": before})

    @operation("Put a measure into use", takes=DegradeIn, gives=DegradationShape, status=201, name="degrade")
    def post(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        body = self.body(DegradeIn, request)
        lasting = timedelta(hours=min(body.pop("hours"), 10**6))
        made = degrading.begin(queue=found, lasting=lasting, by=self.member, **body)
        return Response(DegradationShape(made).data, status=201)


class DegradationEnd(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Take a measure out of use", gives=DegradationShape, name="degradation_end")
    def post(self, request: Request, project: str, queue: str, degradation: int) -> Response:
        row = get_or_404(Degradation, project=self.project, queue=self.queue(), pk=degradation)
        return Response(DegradationShape(degrading.end(degradation=row, by=self.member)).data)
