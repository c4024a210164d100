"""Two versions compared, by REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import comparing
from specs.access import allows
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.models import VersionState


class Reason(serializers.Serializer[Any]):
    where = serializers.CharField()
    change_class = serializers.CharField()
    message = serializers.CharField()


class Run(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["same", "removed", "added"])
    text = serializers.CharField()


class BlockRuns(serializers.Serializer[Any]):
    title = serializers.CharField()
    runs = Run(many=True)


class TouchedOut(serializers.Serializer[Any]):
    n_answers = serializers.IntegerField()
    n_tasks = serializers.IntegerField()


class Change(serializers.Serializer[Any]):
    key = serializers.CharField()
    kind = serializers.CharField()
    ancestors = serializers.ListField(child=serializers.CharField())
    title = serializers.CharField()
    old_number = serializers.CharField()
    new_number = serializers.CharField()
    change_class = serializers.CharField()
    reasons = Reason(many=True)
    blocks = BlockRuns(many=True)
    touched = TouchedOut(allow_null=True)


class CostOut(serializers.Serializer[Any]):
    n_tasks = serializers.IntegerField()
    n_answers = serializers.IntegerField()
    seconds_per_answer = serializers.FloatField(allow_null=True)
    hours = serializers.FloatField(allow_null=True)
    money = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()


class Comparison(serializers.Serializer[Any]):
    old = serializers.CharField()
    new = serializers.CharField()
    change_class = serializers.CharField()
    clauses = Change(many=True)
    questions = Reason(many=True)
    changed_meaning = serializers.ListField(child=serializers.CharField())
    cost = CostOut(
        allow_null=True, help_text="What relabelling takes; null where nothing has to be asked again."
    )


class Compare(SpecView):
    policies = {"get": allows("spec.read")}

    @operation(
        "Compare two versions word by word, with what the change costs",
        gives=Comparison,
        name="versions_compare",
    )
    def get(self, request: Request, project: str, spec: str, old: str, new: str) -> Response:
        before, after = self.version(old), self.version(new)
        if before.state == VersionState.DRAFT and after.state != VersionState.DRAFT:
            raise Http404
        return Response(comparing.compare(before, after).as_dict())
