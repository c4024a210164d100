"""Samples of settled items before people again, by REST."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import resampled, resampling
from annotation.models import Resample, ResampleKind
from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING
from workforce.api.base import QueueView
from workforce.models import Annotator


class ResampleShape(serializers.ModelSerializer[Resample]):
    queue = serializers.CharField(source="queue.key", help_text="Where it is answered.")

    class Meta:
        model = Resample
        fields = ("id", "queue", "kind", "n_items", "started_at")


class ResampleList(serializers.Serializer[Any]):
    samples = ResampleShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ResampleIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ResampleKind.choices)
    n_items = serializers.IntegerField(min_value=1)
    overlap = serializers.IntegerField(min_value=1, max_value=10, required=False, default=1)
    annotators = serializers.ListField(
        child=serializers.CharField(max_length=64), help_text="Their pseudonyms."
    )


class ResampleWhole(ResampleShape):
    shown = serializers.ListField(
        child=serializers.DictField(),
        help_text="Per question: what would come out otherwise, answers like the label, like the same person's "
        "before, and kappa of earlier against new ones.",
    )

    class Meta(ResampleShape.Meta):
        fields = (*ResampleShape.Meta.fields, "shown")  # type: ignore[assignment]


class Resamples(QueueView):
    policies = {"get": allows("agreement.read"), "post": allows("queue.manage")}

    @operation("Samples of a queue, newest first", gives=ResampleList, parameters=PAGING, name="resamples")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows = Resample.objects.filter(source=self.queue()).select_related("queue")
        shown, before = self.page(rows, request)
        return Response({"samples": ResampleShape(shown, many=True).data, "next_before": before})

    @operation(
        "Put settled items before people again, blind",
        takes=ResampleIn,
        gives=ResampleShape,
        status=201,
        name="resample_draw",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(ResampleIn, request)
        annotators = [
            get_or_404(Annotator, project=self.project, pseudonym=name) for name in body.pop("annotators")
        ]
        made = resampling.draw(
            source=self.queue(), annotators=annotators, owner=self.member, by=self.member, **body
        )
        return Response(ResampleShape(made).data, status=201)


class ResampleOne(QueueView):
    policies = {"get": allows("agreement.read")}

    @operation("One sample and what it shows", gives=ResampleWhole, name="resample")
    def get(self, request: Request, project: str, queue: str, sample: int) -> Response:
        rows = Resample.objects.select_related("queue", "trial__based_on")
        row = get_or_404(rows, project=self.project, source=self.queue(), pk=sample)
        shown = [asdict(one) for one in resampled.read(row)]
        return Response({**ResampleShape(row).data, "shown": shown})
