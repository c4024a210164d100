"""What leaves the house, and how labels pass from one version to the next: snapshots, relabelling plans, carries."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
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


class SnapshotState(models.TextChoices):
    BUILDING = "building", _("Building")
    FROZEN = "frozen", _("Frozen")
    FAILED = "failed", _("Failed")


class Snapshot(ProjectRow):
    """One instant of the project, frozen: a sealed position of the ledger, a request, and the bytes that follow from both.

    `digest` is the digest of the manifest, which names the digest of every file.
    """

    name = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=SnapshotState, default=SnapshotState.BUILDING)
    version = ProjectLink("specs.SpecVersion")
    position = models.BigIntegerField(null=True)
    request = models.JSONField()
    digest = models.CharField(max_length=80, blank=True)
    manifest = models.JSONField(null=True)
    n_rows = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    job = ProjectLink("specs.Job", null=True)
    requested_by = ProjectLink("specs.Member", null=True)
    created_at = models.DateTimeField(db_default=Now())
    frozen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("snapshot"),
            *same_project(
                "snapshot", version="specs_specversion", job="specs_job", requested_by="specs_member"
            ),
            one_of("snapshot", "state", SnapshotState),
            models.CheckConstraint(
                condition=~Q(state="frozen")
                | Q(
                    ~Q(digest=""),
                    manifest__isnull=False,
                    position__isnull=False,
                    n_rows__isnull=False,
                    frozen_at__isnull=False,
                ),
                name="frozen_snapshot_is_complete",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="snapshot_newest"),
            models.Index(fields=["digest"], condition=~Q(digest=""), name="snapshot_digest"),
        ]
        triggers = [
            transitions(("building", "frozen"), ("building", "failed")),
            pgtrigger.Protect(
                name="no_edit_after",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'building'"),
            ),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return self.name


class SnapshotFile(ProjectRow):
    """One file of a snapshot; its bytes lie in the store under their digest."""

    snapshot = ProjectLink("annotation.Snapshot", related_name="files")
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=100)
    digest = models.CharField(max_length=80)
    n_bytes = models.BigIntegerField()
    n_rows = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            *same_project("snapshot_file", snapshot="annotation_snapshot"),
            models.UniqueConstraint(fields=["snapshot", "name"], name="snapshot_file_once"),
        ]
        triggers = append_only()


class PlanState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    CONFIRMED = "confirmed", _("Confirmed")


class RelabelPlan(ProjectRow):
    """What a publication touches in one queue: listed first, and put to work only when a person confirms."""

    queue = ProjectLink("workforce.Queue")
    relabel_queue = ProjectLink("workforce.Queue", null=True)
    from_version = ProjectLink("specs.SpecVersion")
    to_version = ProjectLink("specs.SpecVersion")
    state = models.CharField(max_length=16, choices=PlanState, default=PlanState.PROPOSED)
    changed = models.JSONField(default=list)
    n_tasks = models.IntegerField(default=0)
    n_direct = models.IntegerField(default=0)
    n_possible = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = ProjectLink("specs.Member", null=True)

    class Meta:
        constraints = [
            project_key("relabel_plan"),
            *same_project(
                "relabel_plan",
                queue="workforce_queue",
                relabel_queue="workforce_queue",
                from_version="specs_specversion",
                to_version="specs_specversion",
                confirmed_by="specs_member",
            ),
            models.UniqueConstraint(fields=["queue", "to_version"], name="relabel_plan_once_per_version"),
            one_of("relabel_plan", "state", PlanState),
        ]
        triggers = [
            frozen("queue_id", "from_version_id", "to_version_id"),
            transitions(("proposed", "confirmed")),
            *never_deleted(),
        ]


class Reach(models.TextChoices):
    DIRECT = "direct", _("Directly")
    POSSIBLE = "possible", _("Possibly")


class RelabelTask(ProjectRow):
    """An affected task of a plan: how it is reached, by which clause, and the task that asks it again once confirmed."""

    plan = ProjectLink("annotation.RelabelPlan", related_name="tasks")
    task = ProjectLink("workforce.Task")
    reach = models.CharField(max_length=16, choices=Reach)
    clause = ProjectLink("specs.Clause", null=True)
    again = ProjectLink("workforce.Task", null=True)

    class Meta:
        constraints = [
            *same_project(
                "relabel_task",
                plan="annotation_relabelplan",
                task="workforce_task",
                clause="specs_clause",
                again="workforce_task",
            ),
            models.UniqueConstraint(fields=["plan", "task"], name="relabel_task_once_per_plan"),
            one_of("relabel_task", "reach", Reach),
        ]
        indexes = [
            models.Index(fields=["again"], condition=Q(again__isnull=False), name="relabel_task_again")
        ]


class Carry(ProjectRow):
    """The labels of one queue pass from a version to the next, but for the exceptions: one record, no cloned tasks."""

    plan = ProjectLink("annotation.RelabelPlan")
    queue = ProjectLink("workforce.Queue")
    from_version = ProjectLink("specs.SpecVersion")
    to_version = ProjectLink("specs.SpecVersion")
    reason = models.TextField()
    n_carried = models.IntegerField()
    exceptions = ArrayField(models.BigIntegerField(), default=list)
    carried_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("carry"),
            *same_project(
                "carry",
                plan="annotation_relabelplan",
                queue="workforce_queue",
                from_version="specs_specversion",
                to_version="specs_specversion",
            ),
            models.UniqueConstraint(fields=["queue", "to_version"], name="carried_once_per_version"),
            models.CheckConstraint(condition=~Q(reason=""), name="carry_has_a_reason"),
        ]
        triggers = append_only()
