"""Agreement in slices, by REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import scoping, slicing
from annotation.answers import Scope
from annotation.api.estimates import EstimateShape
from specs import running
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import JobShape
from specs.models import Spec
from specs.refusals import WrongState


class SliceShape(serializers.Serializer[Any]):
    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    answers = serializers.IntegerField()
    agreement = EstimateShape(help_text="The share of pairs that agree, or how near they are.")
    alpha = EstimateShape()


class SlicesShape(serializers.Serializer[Any]):
    by = serializers.CharField()
    field = serializers.CharField(allow_blank=True)
    step = serializers.CharField(allow_blank=True, help_text="The unit of time: day, week or month.")
    merged = serializers.IntegerField(help_text="How many slices the last one puts together, or left out.")
    whole = SliceShape()
    slices = SliceShape(many=True)
    at = serializers.DateTimeField(required=False, help_text="When a job counted them; else they are of now.")


class SlicesIn(serializers.Serializer[Any]):
    spec = serializers.CharField(max_length=64)
    queue = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    question = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    by = serializers.ChoiceField(choices=slicing.BY, required=False, default="time")
    field = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class Slices(ApiView):
    policies = {"get": allows("agreement.read"), "post": allows("agreement.measure")}

    @operation(
        "Agreement in slices: by a field of the items, label, clause, cohort or time",
        gives=SlicesShape,
        name="agreement_slices",
        parameters=[
            OpenApiParameter("spec", str, required=True),
            OpenApiParameter("by", str, enum=slicing.BY, description="By time where nothing is said."),
            OpenApiParameter("field", str, description="Of the items' payload; by field."),
            OpenApiParameter("question", str),
            OpenApiParameter("queue", str),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        body = self.checked(SlicesIn, request.query_params.dict())
        found = slicing.of(self._scope(body), by=body["by"], field=body["field"])
        if found is None:
            raise WrongState(
                "These are too many answers to count while you wait: post the same to count them in a job."
            )
        return Response(found)

    @operation(
        "Count the slices of many answers in a job",
        takes=SlicesIn,
        gives=JobShape,
        status=202,
        name="agreement_slices_count",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(SlicesIn, request)
        job = running.start(
            project=self.project,
            kind=slicing.JOB,
            by=self.member,
            arguments=slicing.arguments(self._scope(body), by=body["by"], field=body["field"]),
        )
        job.refresh_from_db()
        return Response(JobShape(job).data, status=202)

    def _scope(self, body: dict[str, Any]) -> Scope:
        rows = Spec.objects.select_related("project")
        spec = get_or_404(rows, project=self.project, key=body["spec"])
        return scoping.of(spec=spec, queue=body["queue"], question=body["question"])
