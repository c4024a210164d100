"""The effect of a publication, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import aftermath
from specs.access import allows
from specs.api.schema import operation
from specs.api.views import SpecView
from workforce.api.base import version_of


class SideShape(serializers.Serializer[Any]):
    n_items = serializers.IntegerField(help_text="Items with two answers; what was asked again is left out.")
    apart = serializers.FloatField(
        allow_null=True,
        help_text="The share of pairs of answers that differ; where the kind has a distance, the mean of it.",
    )
    error = serializers.FloatField(allow_null=True)
    n_tasks = serializers.IntegerField()
    n_disputes = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True, help_text="The median of an answer.")
    n_questions = serializers.IntegerField()
    n_answers = serializers.IntegerField()
    disputes_per_1000 = serializers.FloatField(allow_null=True)
    questions_per_1000 = serializers.FloatField(allow_null=True)


class EffectRow(serializers.Serializer[Any]):
    clause = serializers.CharField(allow_null=True, help_text="Null: the whole spec.")
    before = SideShape()
    after = SideShape()
    change = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="After minus before, with 95 % bounds."
    )
    asked_again = serializers.IntegerField()
    flipped = serializers.IntegerField()
    came_back = serializers.ListField(
        child=serializers.IntegerField(), help_text="Issues opened on it since."
    )


class ClockShape(serializers.Serializer[Any]):
    seconds = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class CurvePoint(serializers.Serializer[Any]):
    version = serializers.CharField()
    side = SideShape()


class EffectShape(serializers.Serializer[Any]):
    version = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    whole = EffectRow(allow_null=True)
    clauses = EffectRow(many=True)
    curve = CurvePoint(many=True)
    clock = serializers.DictField(
        child=ClockShape(), help_text="Medians: ruling, publication, relabelled, export."
    )


class EffectView(SpecView):
    policies = {"get": allows("agreement.read")}

    @operation("What a publication changed", gives=EffectShape, name="effect")
    def get(self, request: Request, project: str, spec: str, number: str) -> Response:
        version = version_of(self.spec(), number)
        found = aftermath.of(version)
        return Response(
            {
                "version": version.number,
                "before": found.before.number if found else None,
                "whole": found.whole.as_dict() if found else None,
                "clauses": [row.as_dict() for row in found.clauses] if found else [],
                "curve": [
                    {"version": one.number, "side": side.as_dict()} for one, side in aftermath.curve(version)
                ],
                "clock": {
                    name: {"seconds": seconds, "n": n}
                    for name, (seconds, n) in aftermath.clock(version).items()
                },
            }
        )
