"""Messages that leave the house: who wants which, and each delivery with its tries."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Subscriber(ProjectRow):
    """An address outside that is told of some events. Its secret is not stored but derived, from `nonce` and the house's key."""

    name = models.CharField(max_length=100)
    url = models.CharField(max_length=2000)
    topics = ArrayField(models.CharField(max_length=64))
    nonce = models.CharField(max_length=64)
    made_by = ProjectLink("specs.Member", null=True)
    made_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("subscriber"),
            *same_project("subscriber", made_by="specs_member"),
            models.CheckConstraint(condition=Q(topics__len__gte=1), name="subscriber_wants_something"),
        ]
        indexes = [
            models.Index(fields=["project"], condition=Q(ended_at__isnull=True), name="subscriber_active")
        ]
        triggers = [frozen("url", "topics", "nonce"), *never_deleted()]

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    GIVEN_UP = "given-up", _("Given up")


class Delivery(ProjectRow):
    """One message to one receiver: a subscriber's address, or a member by mail. Written with the change that it tells of.

    `event_id` names the event, so that a receiver can tell a repeated message; `next_at` is when it is tried again. What goes
    to one receiver and is `about` one thing is a line: at most one of a line is `sending` at a time, and it is sent in order.
    """

    subscriber = ProjectLink("specs.Subscriber", null=True)
    member = ProjectLink("specs.Member", null=True)
    event_id = models.BigIntegerField()
    topic = models.CharField(max_length=64)
    about = models.CharField(max_length=64)
    about_id = models.BigIntegerField()
    body = models.JSONField()
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    sending = models.BooleanField(db_default=False)
    n_tries = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    last_status = models.SmallIntegerField(null=True)
    last_error = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("delivery"),
            *same_project("delivery", subscriber="specs_subscriber", member="specs_member"),
            one_of("delivery", "state", DeliveryState),
            models.CheckConstraint(
                condition=Q(subscriber__isnull=True) ^ Q(member__isnull=True),
                name="delivery_has_one_receiver",
            ),
            models.CheckConstraint(
                condition=~Q(state="delivered") | Q(delivered_at__isnull=False), name="delivered_has_a_time"
            ),
            models.UniqueConstraint(
                fields=["subscriber", "event_id", "topic"],
                condition=Q(subscriber__isnull=False),
                name="delivery_once_per_subscriber_and_event",
            ),
            models.UniqueConstraint(
                fields=["member", "event_id", "topic"],
                condition=Q(member__isnull=False),
                name="delivery_once_per_member_and_event",
            ),
            models.CheckConstraint(
                condition=Q(sending=False) | Q(state="waiting"), name="delivery_sending_has_not_arrived"
            ),
            models.UniqueConstraint(
                fields=["subscriber", "about", "about_id"],
                condition=Q(sending=True, subscriber__isnull=False),
                name="delivery_one_of_a_line_to_a_subscriber",
            ),
            models.UniqueConstraint(
                fields=["member", "about", "about_id"],
                condition=Q(sending=True, member__isnull=False),
                name="delivery_one_of_a_line_to_a_member",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(state="waiting"), name="delivery_waiting"),
            models.Index(
                fields=["about", "about_id", "id"], condition=Q(state="waiting"), name="delivery_line"
            ),
            models.Index(fields=["project", "-id"], name="delivery_newest"),
        ]
        triggers = [
            frozen("subscriber_id", "member_id", "event_id", "topic", "about", "about_id", "body"),
            transitions(
                ("waiting", "delivered"),
                ("waiting", "given-up"),
                ("given-up", "waiting"),
                ("delivered", "waiting"),
            ),
            *never_deleted(),
        ]
