"""Deliveries of items: from the file to the work, and what was found in them on the way."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
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


class LoadState(models.TextChoices):
    READING = "reading", _("Being read")
    LOADED = "loaded", _("Loaded")
    REFUSED = "refused", _("Refused")
    CANCELLED = "cancelled", _("Stopped")
    UNDONE = "undone", _("Undone")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Load(ProjectRow):
    """One delivery of items: read row by row, validated whole, activated at once; problems name line and reason.

    `n_staged` rows of the file are kept for it while it is read, up to line `position`; a job that was killed goes on there.
    `directed` holds the rules that sent its rows into queues, each with how many it took.
    `rank_base` is fixed at its first activation, so that one that is taken up again puts its tasks where they belong.
    """

    queue = ProjectLink("workforce.Queue", null=True, related_name="loads")
    source = models.CharField(max_length=300)
    file = models.CharField(max_length=80, blank=True, db_default="")
    form = models.CharField(max_length=16, db_default="jsonl")
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=LoadState, default=LoadState.READING, db_default="loaded")
    digest = models.CharField(max_length=80, blank=True)
    n_rows = models.BigIntegerField(default=0)
    n_new = models.BigIntegerField(default=0)
    n_known = models.BigIntegerField(default=0)
    n_bad = models.BigIntegerField(default=0)
    n_left_out = models.BigIntegerField(default=0, db_default=0)
    n_replaced = models.BigIntegerField(default=0, db_default=0)
    n_gone = models.BigIntegerField(default=0, db_default=0)
    n_same = models.BigIntegerField(default=0, db_default=0)
    n_near = models.BigIntegerField(default=0, db_default=0)
    n_staged = models.BigIntegerField(default=0, db_default=0)
    position = models.BigIntegerField(default=0, db_default=0)
    checked = models.BooleanField(default=False, db_default=False)
    rank_base = models.BigIntegerField(null=True)
    problems = models.JSONField(default=list)
    directed = models.JSONField(default=list)
    job = ProjectLink("specs.Job", null=True)
    loaded_by = ProjectLink("specs.Member", null=True)
    loaded_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            project_key("load"),
            *same_project("load", queue="workforce_queue", loaded_by="specs_member", job="specs_job"),
            one_of("load", "state", LoadState),
            models.CheckConstraint(
                condition=~Q(state__in=["loaded", "undone", "withdrawn"]) | Q(event_id__isnull=False),
                name="finished_load_has_its_event",
            ),
            models.CheckConstraint(
                condition=Q(
                    n_rows__gte=0,
                    n_new__gte=0,
                    n_known__gte=0,
                    n_bad__gte=0,
                    n_left_out__gte=0,
                    position__gte=0,
                ),
                name="load_counts_up",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="load_newest"),
            models.Index(fields=["queue", "-id"], name="load_of_queue"),
        ]
        triggers = [
            frozen("id", "project_id", "queue_id", "source", "file", "loaded_by_id"),
            transitions(
                ("reading", "loaded"),
                ("reading", "refused"),
                ("reading", "cancelled"),
                ("cancelled", "reading"),
                ("loaded", "undone"),
                ("loaded", "withdrawn"),
            ),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return self.source


class StagedRow(BusyProjectRow):
    """A row of a delivery that is not activated yet: scratch, gone with the end of its load.

    Unlogged: after a crash of the database it is empty, and the load reads its file again. Links to nothing.
    `replaces` is the item whose key it has, with other content: the row is its next `revision`; with `gone` that item ends.
    """

    load_number = models.BigIntegerField()
    line = models.BigIntegerField()
    key = models.CharField(max_length=200)
    payload = models.JSONField()
    digest = models.CharField(max_length=80)
    sensitive = models.BooleanField(default=False)
    known = models.BigIntegerField(null=True)
    rule = models.SmallIntegerField(null=True)
    target = models.BigIntegerField(null=True)
    priority = models.SmallIntegerField(default=0, db_default=0)
    revision = models.IntegerField(default=1, db_default=1)
    replaces = models.BigIntegerField(null=True)
    gone = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["load_number", "line"], name="staged_line_once")]


class TwinKind(models.TextChoices):
    SAME = "same", _("Same content")
    NEAR = "near", _("Nearly the same")


class Twin(BusyProjectRow):
    """A row of a load that repeats another item under another key: the row's key, the other's, how alike they are in [0, 1]."""

    load = ProjectLink("workforce.Load", related_name="twins")
    kind = models.CharField(max_length=8, choices=TwinKind)
    line = models.BigIntegerField()
    key = models.CharField(max_length=200)
    of = models.CharField(max_length=200)
    within = models.BooleanField()
    likeness = models.FloatField()
    left_out = models.BooleanField()

    class Meta:
        constraints = [
            *same_project("twin", load="workforce_load"),
            one_of("twin", "kind", TwinKind),
            models.UniqueConstraint(fields=["load", "line"], name="twin_once_per_line"),
            models.CheckConstraint(
                condition=Q(likeness__gte=0, likeness__lte=1), name="twin_likeness_is_a_share"
            ),
        ]
        triggers = append_only()
