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
from workforce.models import Annotator, Item


class ResampleShape(serializers.ModelSerializer[Resample]):
    queue = serializers.CharField(
        source="queue.key",
        default=None,
        allow_null=True,
        help_text="Where it is answered; null for a model's.",
    )

    class Meta:
        model = Resample
        fields = ("id", "queue", "kind", "model", "model_version", "n_items", "started_at")


class ResampleList(serializers.Serializer[Any]):
    samples = ResampleShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ResampleIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ResampleKind.choices)
    n_items = serializers.IntegerField(min_value=1)
    overlap = serializers.IntegerField(min_value=1, max_value=10, required=False, default=1)
    annotators = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        default=list,
        help_text="Their pseudonyms; none for a model's predictions.",
    )
    model = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        help_text="Of a bridge: the model whose predictions of these items are compared.",
    )
    model_version = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["model"] and (attrs["annotators"] or attrs["kind"] != ResampleKind.BRIDGE):
            raise serializers.ValidationError({"model": ["is for a bridge without annotators"]})
        return attrs


class ResampleWhole(ResampleShape):
    items = serializers.ListField(
        child=serializers.CharField(), help_text="The keys of its items, for whoever runs a model on them."
    )
    shown = serializers.ListField(
        child=serializers.DictField(),
        help_text="Per question: what would come out otherwise, answers like the label, like the same person's "
        "before, and kappa of earlier against new ones.",
    )

    class Meta(ResampleShape.Meta):
        fields = (*ResampleShape.Meta.fields, "items", "shown")  # type: ignore[assignment]


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
        model, model_version = body.pop("model"), body.pop("model_version")
        if model:
            made = resampling.draw_for_model(
                source=self.queue(),
                model=model,
                model_version=model_version,
                n_items=body["n_items"],
                by=self.member,
            )
        else:
            made = resampling.draw(
                source=self.queue(), annotators=annotators, owner=self.member, by=self.member, **body
            )
        return Response(ResampleShape(made).data, status=201)


class ResampleOne(QueueView):
    policies = {"get": allows("agreement.read")}

    @operation("One sample and what it shows", gives=ResampleWhole, name="resample")
    def get(self, request: Request, project: str, queue: str, sample: int) -> Response:
        rows = Resample.objects.select_related("queue", "trial__based_on", "version")
        row = get_or_404(rows, project=self.project, source=self.queue(), pk=sample)
        shown = [asdict(one) for one in resampled.read(row)]
        keys = Item.objects.filter(pk__in=[int(item) for item in row.labels]).order_by("key")
        items = list(keys.values_list("key", flat=True))
        return Response({**ResampleShape(row).data, "items": items, "shown": shown})
