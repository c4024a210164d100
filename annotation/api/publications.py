"""The gate, and the publication that passes it, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import releasing
from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.shapes import VersionShape
from specs.api.views import SpecView
from specs.models import ChangeClass
from workforce.models import InProgress, Queue


class CheckOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    clause = serializers.CharField()
    passed = serializers.BooleanField()
    message = serializers.CharField()


class GateOut(serializers.Serializer[Any]):
    change_class = serializers.CharField()
    binding = serializers.BooleanField()
    passed = serializers.BooleanField(allow_null=True)
    pilot = serializers.IntegerField(allow_null=True)
    checks = CheckOut(many=True)
    moved = serializers.DictField(allow_null=True)


class Gate(SpecView):
    policies = {"get": allows("spec.discuss")}

    @operation("What the gate says of the draft", gives=GateOut, name="draft_gate")
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response(releasing.gate_of(self.draft()).as_dict())


class PublicationIn(serializers.Serializer[Any]):
    notes = serializers.CharField(max_length=10_000)
    rationale = serializers.CharField(max_length=10_000)
    change_class = serializers.ChoiceField(
        choices=ChangeClass.choices, required=False, allow_null=True, default=None
    )
    override_reason = serializers.CharField(
        max_length=10_000,
        required=False,
        allow_blank=True,
        default="",
        help_text="For owners: publish past a gate that is not passed, on record.",
    )
    in_force = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, default=list, help_text="Keys of queues."
    )
    in_progress = serializers.ChoiceField(
        choices=InProgress.choices, required=False, default=InProgress.FINISH
    )


class Publish(SpecView):
    policies = {"post": allows("spec.publish")}

    @operation("Publish the draft", takes=PublicationIn, gives=VersionShape, status=201, name="draft_publish")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(PublicationIn, request)
        version = releasing.publish(
            draft=self.draft(),
            claimed=ChangeClass(body["change_class"]) if body["change_class"] else None,
            notes=body["notes"],
            rationale=body["rationale"],
            override_reason=body["override_reason"],
            in_force=[get_or_404(Queue, project=self.project, key=key) for key in body["in_force"]],
            in_progress=body["in_progress"],
            by=self.member,
        )
        return Response(VersionShape(version).data, status=201)
