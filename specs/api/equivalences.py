"""Meanings of a spec that are measured as one, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import equating
from specs.access import allows
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from specs.models import Equivalence


class EquivalenceShape(serializers.ModelSerializer[Equivalence]):
    class Meta:
        model = Equivalence
        fields = ("id", "earlier", "later", "reason", "declared_at", "withdrawn_at")


class EquivalenceList(serializers.Serializer[Any]):
    equivalences = EquivalenceShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class MeaningsIn(serializers.Serializer[Any]):
    meanings = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=2, max_length=2, help_text="The two."
    )


class EquivalenceIn(MeaningsIn):
    reason = serializers.CharField(max_length=2000)


class Equivalences(SpecView):
    policies = {"get": allows("agreement.read"), "post": allows("spec.publish")}

    @operation(
        "Meanings declared to be one, withdrawn ones among them, newest first",
        gives=EquivalenceList,
        parameters=PAGING,
        name="equivalences",
    )
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows, before = self.page(Equivalence.objects.filter(spec=self.spec()), request)
        return Response({"equivalences": EquivalenceShape(rows, many=True).data, "next_before": before})

    @operation(
        "Declare two meanings to be one, so that they are measured together",
        takes=EquivalenceIn,
        gives=EquivalenceShape,
        status=201,
        name="equivalence_declare",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        found = equating.declare(spec=self.spec(), by=self.member, **self.body(EquivalenceIn, request))
        return Response(EquivalenceShape(found).data, status=201)


class EquivalenceWithdraw(SpecView):
    policies = {"post": allows("spec.publish")}

    @operation(
        "Measure two meanings apart again",
        takes=MeaningsIn,
        gives=EquivalenceShape,
        name="equivalence_withdraw",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        found = equating.withdraw(spec=self.spec(), by=self.member, **self.body(MeaningsIn, request))
        return Response(EquivalenceShape(found).data)
