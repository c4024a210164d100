"""A model beside the people who answered the same items, by REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import beside_model, scoping
from annotation.api.estimates import EstimateShape
from specs.access import allows
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.refusals import WrongState


class ClauseBesideShape(EstimateShape):
    key = serializers.CharField()
    number = serializers.CharField()


class BinShape(serializers.Serializer[Any]):
    least = serializers.FloatField(help_text="Of the confidence of what is in here.")
    most = serializers.FloatField()
    n = serializers.IntegerField()
    confidence = serializers.FloatField(allow_null=True, help_text="Mean.")
    right = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval (Wilson).")
    high = serializers.FloatField(allow_null=True)


class CalibrationShape(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="Items with a known answer or a label.")
    error = serializers.FloatField(allow_null=True, help_text="Expected calibration error.")
    confidence = serializers.FloatField(allow_null=True)
    right = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    bins = BinShape(many=True)


class BesideShape(serializers.Serializer[Any]):
    model = serializers.CharField()
    model_version = serializers.CharField(allow_blank=True)
    items = serializers.IntegerField(help_text="That both said something about.")
    predictions = serializers.IntegerField()
    in_sight = serializers.IntegerField(help_text="Answers given in sight of the prediction: left out.")
    sampled = serializers.BooleanField(help_text="Whether this is a random sample of the items.")
    agreement = EstimateShape(help_text="How often a person says what the model says.")
    among_people = EstimateShape(help_text="How often people say what each other says, on these items.")
    lead = EstimateShape(help_text="The first less the second; 0: as near as one of them.")
    kappa = EstimateShape()
    values = serializers.ListField(child=serializers.CharField(), help_text="In the order of the confusion.")
    confusion = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="Items, by what the model says (rows) and what people say (columns).",
    )
    clauses = ClauseBesideShape(many=True)
    calibration = CalibrationShape(allow_null=True, help_text="Null where it says no confidence.")
    shown_in = serializers.ListField(
        child=serializers.CharField(), help_text="Queues that showed it; see their anchoring."
    )


class ModelBeside(SpecView):
    policies = {"get": allows("agreement.read")}

    @operation(
        "One model beside the people who answered the same items",
        gives=BesideShape,
        name="model_beside_people",
        parameters=[
            OpenApiParameter(
                "model",
                str,
                description="Or the pseudonym of one that answers tasks; the newest series where none is named.",
            ),
            OpenApiParameter("model_version", str),
            OpenApiParameter("question", str),
            OpenApiParameter("queue", str),
        ],
    )
    def get(self, request: Request, project: str, spec: str) -> Response:
        found = self.spec()
        asked = beside_model.asked(spec=found, given=request.query_params.dict())
        if not asked["model"]:
            raise WrongState("No model has said anything about this spec yet.")
        scope = scoping.of(spec=found, queue=asked["queue"], question=asked["question"])
        series = beside_model.series_of(scope, model=asked["model"], version=asked["model_version"])
        return Response(beside_model.as_dict(beside_model.read(scope, series)))
