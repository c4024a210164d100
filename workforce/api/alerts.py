"""Alerts by REST: list, take on, hand over, close."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Member
from workforce import alerting
from workforce.models import Alert, AlertKind, AlertState, AlertStep


class AlertStepShape(serializers.ModelSerializer[AlertStep]):
    class Meta:
        model = AlertStep
        fields = ("step", "by_id", "to_id", "note", "at")


class AlertShape(serializers.ModelSerializer[Alert]):
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    state = serializers.ChoiceField(choices=AlertState.choices)
    queue = serializers.CharField(source="queue.key", allow_null=True, default=None)
    steps = AlertStepShape(many=True)

    class Meta:
        model = Alert
        fields = (
            "id",
            "kind",
            "queue",
            "urgent",
            "facts",
            "owner_id",
            "state",
            "raised_at",
            "acknowledged_at",
            "closed_at",
            "steps",
        )


class AlertList(serializers.Serializer[Any]):
    alerts = AlertShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class NoteIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class HandOverIn(NoteIn):
    member = serializers.IntegerField()


def _rows() -> Any:
    return Alert.objects.select_related("queue").prefetch_related("steps")


class Alerts(ApiView):
    policies = {"get": allows("queue.read")}

    @operation(
        "List alerts, newest first",
        gives=AlertList,
        parameters=[
            *PAGING,
            OpenApiParameter("state", str, enum=AlertState.values, description="Only those in this state."),
        ],
        name="alerts_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows = _rows().filter(project=self.project)
        if state := self.choice(request, "state", AlertState.values):
            rows = rows.filter(state=state)
        shown, before = self.page(rows, request)
        return Response({"alerts": AlertShape(shown, many=True).data, "next_before": before})


class AlertView(ApiView):
    """Base of what can be done with one alert."""

    def found(self) -> Alert:
        return get_or_404(_rows(), project=self.project, pk=self.kwargs["alert"])

    def reply(self) -> Response:
        return Response(AlertShape(self.found()).data)


class AlertAcknowledge(AlertView):
    policies = {"post": allows("queue.manage")}

    @operation("Take an alert on", takes=NoteIn, gives=AlertShape, name="alert_acknowledge")
    def post(self, request: Request, project: str, alert: int) -> Response:
        found = self.found()
        alerting.acknowledge(alert=found, by=self.member, **self.body(NoteIn, request))
        return self.reply()


class AlertHandOver(AlertView):
    policies = {"post": allows("queue.manage")}

    @operation("Hand an alert over", takes=HandOverIn, gives=AlertShape, name="alert_hand_over")
    def post(self, request: Request, project: str, alert: int) -> Response:
        found = self.found()
        body = self.body(HandOverIn, request)
        to = get_or_404(Member, project=self.project, pk=body["member"])
        alerting.hand_over(alert=found, to=to, note=body["note"], by=self.member)
        return self.reply()


class AlertClose(AlertView):
    policies = {"post": allows("queue.manage")}

    @operation("Close an alert", takes=NoteIn, gives=AlertShape, name="alert_close")
    def post(self, request: Request, project: str, alert: int) -> Response:
        found = self.found()
        alerting.close(alert=found, by=self.member, **self.body(NoteIn, request))
        return self.reply()
