"""Alerts: what somebody has to look at, who that is, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class AlertKind(models.TextChoices):
    LEVEL_MISSED = "level-missed", _("The service level is missed")
    LEVEL_AT_RISK = "level-at-risk", _("The service level is about to be missed")
    UTILISATION = "utilisation", _("More comes in than is done")
    BACKLOG = "backlog", _("The backlog has no end in sight")
    NOBODY = "nobody-enrolled", _("Work waits, and nobody is enrolled")
    NO_OWNER = "no-owner", _("The owner of the queue is gone")
    GOLD = "gold-falling", _("Known answers are answered worse than before")
    AGREEMENT = "agreement-falling", _("Agreement is lower than before")
    OPPOSITE = "opposite-readings", _("Two groups of people read in opposite ways")
    DRIFT = "drift", _("Somebody's errors have risen")
    CHANGE = "changed-at-once", _("Several people's errors rose at once: look at the data or the spec")
    ANCHORING = "leaning-on-predictions", _("People lean on predictions that they are shown")
    JOB_FAILED = "job-failed", _("A background job failed")
    LOAD_FAILED = "import-failed", _("An import failed")


class AlertState(models.TextChoices):
    OPEN = "open", _("Open")
    ACKNOWLEDGED = "acknowledged", _("Taken on")
    CLOSED = "closed", _("Over")


class Alert(ProjectRow):
    """One thing that is wrong, from when it was seen until it is over. `subject` tells alerts of one kind and queue apart."""

    kind = models.CharField(max_length=32, choices=AlertKind)
    queue = ProjectLink("workforce.Queue", null=True)
    subject = models.CharField(max_length=64, blank=True)
    urgent = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)
    owner = ProjectLink("specs.Member", null=True)
    state = models.CharField(max_length=16, choices=AlertState, default=AlertState.OPEN)
    raised_at = models.DateTimeField(db_default=Now())
    acknowledged_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("alert"),
            *same_project("alert", queue="workforce_queue", owner="specs_member"),
            one_of("alert", "kind", AlertKind),
            one_of("alert", "state", AlertState),
            models.UniqueConstraint(
                fields=["project", "kind", "queue", "subject"],
                condition=~Q(state="closed"),
                nulls_distinct=False,
                name="alert_raised_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="acknowledged") | Q(acknowledged_at__isnull=False, owner__isnull=False),
                name="acknowledged_alert_has_an_owner",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | ~Q(state="closed") & Q(closed_at__isnull=True),
                name="closed_alert_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="alert_newest"),
            models.Index(fields=["owner"], condition=~Q(state="closed"), name="alert_awaiting"),
        ]
        triggers = [
            frozen("kind", "queue_id", "subject", "raised_at"),
            transitions(("open", "acknowledged"), ("open", "closed"), ("acknowledged", "closed")),
            *never_deleted(),
        ]


class AlertStep(ProjectRow):
    """The log of an alert: raised, acknowledged, handed over, closed; by whom (the house itself: nobody), with a note."""

    alert = ProjectLink("workforce.Alert", related_name="steps")
    step = models.CharField(max_length=16)
    by = ProjectLink("specs.Member", null=True)
    to = ProjectLink("specs.Member", null=True)
    note = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("alert_step", alert="workforce_alert", by="specs_member", to="specs_member"),
        ]
        indexes = [models.Index(fields=["alert"], name="alert_step_alert")]
        triggers = append_only()
