"""Signals from production: what is known of how an item came: when it happened, why it was chosen, how likely that was."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    frozen,
    never_deleted,
    one_of,
    same_project,
    transitions,
)


class SignalState(models.TextChoices):
    LIVE = "live", _("Waits for an answer")
    USED = "used", _("Answered")
    EXPIRED = "expired", _("Expired unused")


class Signal(BusyProjectRow):
    """How an item came out of production: once per item, the first time it came.

    `probability` is that of its selection, in (0, 1]: a labelled sample is weighted with it. What `expires_at` has passed without
    an answer is withdrawn.
    """

    item = ProjectLink("workforce.Item")
    load = ProjectLink("workforce.Load")
    source = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    probability = models.FloatField()
    happened_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=SignalState, default=SignalState.LIVE, db_default="live")
    came_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("signal", item="workforce_item", load="workforce_load"),
            models.UniqueConstraint(fields=["item"], name="signal_once_per_item"),
            one_of("signal", "state", SignalState),
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1), name="signal_probability_is_one"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("happened_at")),
                name="signal_expires_after_it_happened",
            ),
            models.CheckConstraint(
                condition=Q(state="live", ended_at__isnull=True)
                | ~Q(state="live") & Q(ended_at__isnull=False, expires_at__isnull=False),
                name="ended_signal_has_its_times",
            ),
            models.CheckConstraint(
                condition=~Q(source="") & ~Q(reason=""), name="signal_has_source_and_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state="live", expires_at__isnull=False),
                name="signal_due",
            ),
            models.Index(fields=["project", "came_at"], name="signal_newest"),
        ]
        triggers = [
            frozen(
                "project_id",
                "item_id",
                "load_id",
                "source",
                "reason",
                "probability",
                "happened_at",
                "expires_at",
                "came_at",
            ),
            transitions(("live", "used"), ("live", "expired")),
            *never_deleted(),
        ]


class StagedSignal(BusyProjectRow):
    """The signal of a staged row, beside it: scratch, unlogged as that is, and gone with it."""

    load_number = models.BigIntegerField()
    line = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    probability = models.FloatField()
    happened_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["load_number", "line"], name="staged_signal_line_once")
        ]
