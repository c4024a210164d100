"""A version on a part of a queue, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING
from workforce import canarying
from workforce.api.base import QueueView, version_of
from workforce.models import Canary, Cohort, InProgress


class CanaryShape(serializers.ModelSerializer[Canary]):
    version = serializers.CharField(source="version.number")
    cohort = serializers.CharField(source="cohort.key", default=None, allow_null=True)

    class Meta:
        model = Canary
        fields = ("id", "version", "cohort", "share", "n_tasks", "state", "started_at", "ended_at")


class CanaryList(serializers.Serializer[Any]):
    canaries = CanaryShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class CanaryIn(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=40)
    share = serializers.FloatField(min_value=0, max_value=1)
    cohort = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)


class CanaryEndIn(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=["all", "back"])
    in_progress = serializers.ChoiceField(
        choices=InProgress.choices, required=False, default=InProgress.FINISH
    )


class Canaries(QueueView):
    policies = {"get": allows("queue.read"), "post": allows("spec.roll-back")}

    @operation("Canaries of a queue, newest first", gives=CanaryList, parameters=PAGING, name="canaries_list")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows, before = self.page(
            Canary.objects.filter(queue=self.queue()).select_related("version", "cohort"), request
        )
        return Response({"canaries": CanaryShape(rows, many=True).data, "next_before": before})

    @operation(
        "Try a version on a part of the queue",
        takes=CanaryIn,
        gives=CanaryShape,
        status=201,
        name="canary_start",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        body, found = self.body(CanaryIn, request), self.queue()
        cohort = get_or_404(Cohort, project=self.project, key=body["cohort"]) if body["cohort"] else None
        canary = canarying.start(
            queue=found,
            version=version_of(found.spec, body["version"]),
            share=body["share"],
            cohort=cohort,
            by=self.member,
        )
        return Response(CanaryShape(canary).data, status=201)


class CanaryEnd(QueueView):
    policies = {"post": allows("spec.roll-back")}

    @operation("To all, or back", takes=CanaryEndIn, gives=CanaryShape, name="canary_end")
    def post(self, request: Request, project: str, queue: str, canary: int) -> Response:
        body = self.body(CanaryEndIn, request)
        found = get_or_404(Canary, project=self.project, queue=self.queue(), pk=canary)
        if body["to"] == "all":
            canarying.adopt(canary=found, in_progress=body["in_progress"], by=self.member)
        else:
            canarying.withdraw(canary=found, by=self.member)
        row = Canary.objects.select_related("version", "cohort").get(pk=found.pk)
        return Response(CanaryShape(row).data)
