"""What labels cost, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import costing
from specs.access import allows
from specs.api.schema import operation
from workforce import timesheets
from workforce.api.pay import PERIOD, SheetView, StampShape


class ShareShape(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    seconds = serializers.IntegerField()
    slots = serializers.IntegerField()
    money = serializers.DictField(child=serializers.CharField())


class CostShape(serializers.Serializer[Any]):
    stamp = StampShape()
    seconds = serializers.IntegerField()
    labels = serializers.IntegerField(help_text="Tasks that were settled in these days.")
    money = serializers.DictField(child=serializers.CharField())
    per_label = serializers.DictField(child=serializers.CharField())
    sources = ShareShape(many=True)
    clauses = ShareShape(many=True)


class CostView(SheetView):
    policies = {"get": allows("pay.read")}

    @operation("What labels cost in a period", gives=CostShape, parameters=PERIOD, name="cost")
    def get(self, request: Request, project: str) -> Response:
        found = costing.reckon(project=self.project, asked=self.asked(request))
        return Response(
            {
                "stamp": timesheets.stamp(project=self.project, asked=found.asked),
                "seconds": found.seconds,
                "labels": found.n_labels,
                "money": {currency: str(amount) for currency, amount in found.money},
                "per_label": {currency: str(amount) for currency, amount in found.per_label},
                "sources": [share.as_dict() for share in found.sources],
                "clauses": [share.as_dict() for share in found.clauses],
            }
        )
