"""What seeing predictions beforehand did to the answers of a queue, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import anchoring
from specs.access import allows
from specs.api.schema import operation
from workforce.api.base import QueueView


class ArmShape(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="Answers.")
    n_items = serializers.IntegerField()
    median_seconds = serializers.FloatField(allow_null=True, help_text="From the claim to the answer.")


class ArmsShape(serializers.Serializer[Any]):
    shown = ArmShape()
    hidden = ArmShape()


class UptakeShape(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="Taken over or chosen already, and sent so.")
    changed = serializers.IntegerField(help_text="Taken over or chosen already, and changed.")
    ignored = serializers.IntegerField(help_text="Never taken over.")


class DifferenceShape(serializers.Serializer[Any]):
    shown = serializers.FloatField(allow_null=True)
    hidden = serializers.FloatField(allow_null=True)
    n_shown = serializers.IntegerField()
    n_hidden = serializers.IntegerField()
    n_items = serializers.IntegerField()
    difference = serializers.FloatField(allow_null=True, help_text="Shown minus hidden.")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval, clustered by item.")
    high = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_blank=True, help_text="Why there is no difference to say.")


class AgainstShape(serializers.Serializer[Any]):
    model = DifferenceShape()
    resolution = DifferenceShape()
    gold = DifferenceShape()
    people = DifferenceShape(help_text="Pairs of people in the same arm who say the same.")


class ExperimentShape(serializers.Serializer[Any]):
    model = serializers.CharField()
    model_version = serializers.CharField(allow_blank=True)
    question = serializers.CharField()
    title = serializers.CharField()
    arms = ArmsShape()
    uptake = UptakeShape()
    against = AgainstShape()


class AnchoringShape(serializers.Serializer[Any]):
    queue = serializers.CharField()
    experiments = ExperimentShape(many=True)


class Anchoring(QueueView):
    policies = {"get": allows("agreement.read")}

    @operation(
        "Answers with a prediction shown beforehand against answers without",
        gives=AnchoringShape,
        name="queue_anchoring",
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        return Response({"queue": found.key, "experiments": anchoring.report(queue=found)})
