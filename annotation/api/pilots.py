"""A draft on trial, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import piloting
from annotation.models import Asks, Pilot, Sample
from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from workforce.models import Annotator


class PilotShape(serializers.ModelSerializer[Pilot]):
    trial = serializers.CharField(source="trial.number")
    digest = serializers.CharField(source="trial.digest")
    queue = serializers.CharField(source="queue.key")

    class Meta:
        model = Pilot
        fields = (
            "id",
            "trial",
            "digest",
            "queue",
            "sample",
            "asks",
            "changed",
            "n_items",
            "state",
            "started_at",
            "ended_at",
        )


class PilotList(serializers.Serializer[Any]):
    pilots = PilotShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class PilotIn(serializers.Serializer[Any]):
    sample = serializers.ChoiceField(choices=Sample.choices, required=False, default=Sample.CHANGED)
    asks = serializers.ChoiceField(
        choices=Asks.choices,
        required=False,
        default=Asks.QUESTIONS,
        help_text="The draft's questions, or of every clause whether it applies.",
    )
    n_items = serializers.IntegerField(min_value=1)
    overlap = serializers.IntegerField(min_value=2, max_value=10, required=False, default=3)
    annotators = serializers.ListField(
        child=serializers.CharField(max_length=64), help_text="Their pseudonyms."
    )


class PilotWhole(PilotShape):
    reading = serializers.DictField(help_text="What it shows so far, beside the version in force.")

    class Meta(PilotShape.Meta):
        fields = (*PilotShape.Meta.fields, "reading")  # type: ignore[assignment]


class Pilots(SpecView):
    policies = {"get": allows("spec.read"), "post": allows("spec.propose")}

    @operation("Pilots of a spec, newest first", gives=PilotList, parameters=PAGING, name="pilots_list")
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows, before = self.page(
            Pilot.objects.filter(spec=self.spec()).select_related("trial", "queue"), request
        )
        return Response({"pilots": PilotShape(rows, many=True).data, "next_before": before})

    @operation("Try the draft on a sample", takes=PilotIn, gives=PilotShape, status=201, name="pilot_start")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(PilotIn, request)
        annotators = [
            get_or_404(Annotator, project=self.project, pseudonym=name) for name in body.pop("annotators")
        ]
        pilot = piloting.start(
            draft=self.draft(), annotators=annotators, owner=self.member, by=self.member, **body
        )
        return Response(PilotShape(pilot).data, status=201)


class PilotView(SpecView):
    def pilot(self) -> Pilot:
        rows = Pilot.objects.select_related("trial__based_on", "queue", "spec")
        return get_or_404(rows, project=self.project, spec=self.spec(), pk=self.kwargs["pilot"])


class PilotOne(PilotView):
    policies = {"get": allows("spec.read")}

    @operation("One pilot and what it shows", gives=PilotWhole, name="pilot_read")
    def get(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        found = self.pilot()
        return Response({**PilotShape(found).data, "reading": piloting.as_dict(piloting.read(found))})


class PilotEnd(PilotView):
    policies = {"post": allows("spec.propose"), "delete": allows("spec.propose")}

    @operation("End a pilot", gives=PilotShape, name="pilot_end")
    def post(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        piloting.end(pilot=self.pilot(), by=self.member)
        return Response(PilotShape(self.pilot()).data)

    @operation("Let a pilot go on", gives=PilotShape, name="pilot_resume")
    def delete(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        piloting.resume(pilot=self.pilot(), by=self.member)
        return Response(PilotShape(self.pilot()).data)
