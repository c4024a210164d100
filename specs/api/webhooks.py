"""Webhooks and deliveries by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import delivering
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Delivery, DeliveryState, Subscriber


class WebhookIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=2000)
    topics = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1)


class WebhookShape(serializers.ModelSerializer[Subscriber]):
    class Meta:
        model = Subscriber
        fields = ("id", "name", "url", "topics", "made_at", "ended_at")


class WebhookMade(WebhookShape):
    secret = serializers.CharField(help_text="Shown this once; it signs every message.")

    class Meta(WebhookShape.Meta):
        fields = (*WebhookShape.Meta.fields, "secret")  # type: ignore[assignment]


class WebhookList(serializers.Serializer[Any]):
    webhooks = WebhookShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class DeliveryShape(serializers.ModelSerializer[Delivery]):
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    behind = serializers.IntegerField(
        allow_null=True,
        help_text="The delivery of its line that has to go first; `next_at` counts once it has.",
    )

    class Meta:
        model = Delivery
        fields = (
            "id",
            "subscriber_id",
            "member_id",
            "topic",
            "event_id",
            "state",
            "n_tries",
            "next_at",
            "behind",
            "last_status",
            "last_error",
            "created_at",
            "delivered_at",
        )


class DeliveryList(serializers.Serializer[Any]):
    deliveries = DeliveryShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Webhooks(ApiView):
    policies = {"get": allows("webhook.manage"), "post": allows("webhook.manage")}
    shown_once = ("secret",)

    @operation("List the webhooks", gives=WebhookList, parameters=PAGING, name="webhooks_list")
    def get(self, request: Request, project: str) -> Response:
        shown, before = self.page(Subscriber.objects.filter(project=self.project), request)
        return Response({"webhooks": WebhookShape(shown, many=True).data, "next_before": before})

    @operation("Make a webhook", takes=WebhookIn, gives=WebhookMade, status=201, name="webhook_make")
    def post(self, request: Request, project: str) -> Response:
        made, secret = delivering.subscribe(
            project=self.project, by=self.member, **self.body(WebhookIn, request)
        )
        return Response({**WebhookShape(made).data, "secret": secret}, status=201)


class WebhookOne(ApiView):
    policies = {"delete": allows("webhook.manage")}

    @operation("End a webhook", status=204, name="webhook_end")
    def delete(self, request: Request, project: str, webhook: int) -> Response:
        delivering.unsubscribe(
            subscriber=get_or_404(Subscriber, project=self.project, pk=webhook), by=self.member
        )
        return Response(status=204)


class Deliveries(ApiView):
    policies = {"get": allows("webhook.manage")}

    @operation("List deliveries, newest first", gives=DeliveryList, parameters=PAGING, name="deliveries_list")
    def get(self, request: Request, project: str) -> Response:
        shown, before = self.page(delivering.in_line(Delivery.objects.filter(project=self.project)), request)
        return Response({"deliveries": DeliveryShape(shown, many=True).data, "next_before": before})


class DeliveryAgain(ApiView):
    policies = {"post": allows("webhook.manage")}

    @operation("Send a delivery again", status=204, name="delivery_again")
    def post(self, request: Request, project: str, delivery: int) -> Response:
        delivering.send_again(
            delivery=get_or_404(Delivery, project=self.project, pk=delivery), by=self.member
        )
        return Response(status=204)


class ReplayIn(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        min_value=0, required=False, default=0, help_text="The last delivery that is not to be sent again."
    )


class Replayed(serializers.Serializer[Any]):
    deliveries = serializers.IntegerField()


class WebhookReplay(ApiView):
    policies = {"post": allows("webhook.manage")}

    @operation(
        "Send again what a webhook was told after a delivery",
        takes=ReplayIn,
        gives=Replayed,
        name="webhook_replay",
    )
    def post(self, request: Request, project: str, webhook: int) -> Response:
        found = get_or_404(Subscriber, project=self.project, pk=webhook)
        n = delivering.replay(subscriber=found, after=self.body(ReplayIn, request)["after"], by=self.member)
        return Response({"deliveries": n})
