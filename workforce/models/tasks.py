"""Tasks: one item under one meaning of a spec in one queue; and who is not given one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class TaskState(models.TextChoices):
    OPEN = "open", "Open"
    DISPUTED = "disputed", "Disputed"
    RESOLVED = "resolved", "Resolved"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Task(BusyProjectRow):
    """One item under one meaning of the spec in one queue; `round` counts its returns. `n_answers` numbers counted answers.

    `pinned` names the version a canary serves it under, whatever version is in force.
    """

    item = ProjectLink("workforce.Item")
    queue = ProjectLink("workforce.Queue")
    meaning = models.IntegerField()
    round = models.IntegerField(default=1)
    state = models.CharField(max_length=16, choices=TaskState, default=TaskState.OPEN)
    overlap = models.SmallIntegerField()
    n_answers = models.SmallIntegerField(default=0)
    rank = models.BigIntegerField()
    priority = models.SmallIntegerField(default=0)
    pinned = ProjectLink("specs.SpecVersion", null=True)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("task"),
            project_key("task", "queue"),
            *same_project("task", item="workforce_item", queue="workforce_queue", pinned="specs_specversion"),
            models.UniqueConstraint(
                fields=["item", "queue", "meaning", "round"], name="task_once_per_item_meaning_and_round"
            ),
            one_of("task", "state", TaskState),
            models.CheckConstraint(condition=Q(round__gte=1), name="task_round_counts_from_one"),
            models.CheckConstraint(
                condition=Q(overlap__gte=0, overlap__lte=50), name="task_overlap_is_sensible"
            ),
            models.CheckConstraint(
                condition=Q(n_answers__gte=0, n_answers__lte=50), name="task_answers_are_counted"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "rank"], condition=Q(state__in=["open", "disputed"]), name="task_unsettled"
            ),
            models.Index(fields=["queue", "settled_at"], condition=Q(state="resolved"), name="task_settled"),
        ]
        triggers = [
            frozen("item_id", "queue_id", "meaning", "round", "project_id"),
            transitions(
                ("open", "resolved"),
                ("open", "disputed"),
                ("disputed", "resolved"),
                ("disputed", "open"),
                ("resolved", "open"),
                ("open", "withdrawn"),
                ("disputed", "withdrawn"),
                ("resolved", "withdrawn"),
            ),
            *never_deleted(),
        ]


class Barred(BusyProjectRow):
    """An annotator is not given a task: she answered what is now disputed, or she skipped it."""

    task = ProjectLink("workforce.Task", related_name="barred")
    annotator = ProjectLink("workforce.Annotator")
    reason = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("barred", task="workforce_task", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["task", "annotator"], name="barred_once"),
        ]
