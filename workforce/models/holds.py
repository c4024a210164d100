"""Tasks that wait for an answer about a clause, and leases that a manager took away."""

from __future__ import annotations

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
)


class HoldOutcome(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    ANSWERED = "answered", _("The answer came")
    OVERDUE = "overdue", _("No answer came in time")
    RELEASED = "released", _("Released by hand")


class Hold(ProjectRow):
    """An annotator asked about a clause and holds the task until the answer comes, or until a time: nobody can claim it."""

    task = ProjectLink("workforce.Task", related_name="holds")
    queue = ProjectLink("workforce.Queue", related_name="holds")
    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    until = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=HoldOutcome, default=HoldOutcome.WAITING)
    held_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("hold"),
            *same_project(
                "hold",
                task="workforce_task",
                queue="workforce_queue",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
            ),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(released_at__isnull=True), name="slot_held_once"
            ),
            one_of("hold", "outcome", HoldOutcome),
            models.CheckConstraint(
                condition=Q(outcome="waiting") ^ Q(released_at__isnull=False),
                name="hold_that_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("held_at")), name="hold_ends_after_it_began"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "until"], condition=Q(released_at__isnull=True), name="hold_waiting"
            ),
            models.Index(
                fields=["annotator", "queue"], condition=Q(released_at__isnull=True), name="hold_of_annotator"
            ),
            models.Index(fields=["task"], name="hold_task"),
        ]
        triggers = [
            frozen("task_id", "queue_id", "assignment_id", "annotator_id", "held_at"),
            *never_deleted(),
        ]


class Recall(ProjectRow):
    """A lease was taken away from an annotator by name, with a reason. The reason can be erased; the event stays."""

    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator", related_name="recalls")
    reason = models.TextField()
    by = ProjectLink("specs.Member")
    recalled_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "recall",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                by="specs_member",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="recall_has_a_reason"),
        ]
        indexes = [models.Index(fields=["annotator", "-id"], name="recall_annotator")]
        triggers = [*never_deleted()]
