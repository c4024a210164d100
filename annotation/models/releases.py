"""What leaves the house, and how labels pass from one version to the next: snapshots, relabelling plans, carries."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
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
    SAMPLING = "sampling", _("A sample is asked")
    CONFIRMED = "confirmed", _("Confirmed")


class Choice(models.TextChoices):
    """Which of the affected tasks are asked again for certain."""

    TOUCHED = "touched", _("The directly and likely affected ones")
    ALL = "all", _("All that may be affected")
    DISPUTED = "disputed", _("Only the affected ones that were disputed")


class RelabelPlan(ProjectRow):
    """What a publication touches in one queue: listed first, and put to work only when a person confirms.

    `choice` says which tasks are asked again for certain. While the plan is sampled, nothing is carried; `tolerated` is the share
    of the `n_bounded` others that may have flipped unseen before they are carried, null where nobody samples them. `mapping` says
    what becomes of labels that the new version has no longer, by question; `left_empty` are new questions that nobody is asked
    on a carried label. Up to `followed_at` it was looked at what ended under the old meaning since it was begun.
    """

    queue = ProjectLink("workforce.Queue")
    relabel_queue = ProjectLink("workforce.Queue", null=True)
    from_version = ProjectLink("specs.SpecVersion")
    to_version = ProjectLink("specs.SpecVersion")
    state = models.CharField(max_length=16, choices=PlanState, default=PlanState.PROPOSED)
    changed = models.JSONField(default=list)
    n_tasks = models.IntegerField(default=0)
    n_direct = models.IntegerField(default=0)
    n_likely = models.IntegerField(default=0, db_default=0)
    n_possible = models.IntegerField(default=0)
    choice = models.CharField(max_length=16, choices=Choice, blank=True, default="", db_default="")
    tolerated = models.FloatField(null=True)
    n_bounded = models.IntegerField(null=True)
    mapping = models.JSONField(default=dict)
    left_empty = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    reason = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now())
    begun_at = models.DateTimeField(null=True)
    begun_by = ProjectLink("specs.Member", null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = ProjectLink("specs.Member", null=True)
    followed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("relabel_plan"),
            *same_project(
                "relabel_plan",
                queue="workforce_queue",
                relabel_queue="workforce_queue",
                from_version="specs_specversion",
                to_version="specs_specversion",
                begun_by="specs_member",
                confirmed_by="specs_member",
            ),
            models.UniqueConstraint(fields=["queue", "to_version"], name="relabel_plan_once_per_version"),
            one_of("relabel_plan", "state", PlanState),
            models.CheckConstraint(
                condition=~Q(state="sampling") | Q(tolerated__gt=0, tolerated__lt=1, begun_at__isnull=False),
                name="sampled_plan_says_what_it_tolerates",
            ),
            models.CheckConstraint(
                condition=~Q(state="sampling") | ~Q(reason=""), name="sampled_plan_has_a_reason"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="sampling"), name="relabel_plan_sampling")]
        triggers = [
            frozen("queue_id", "from_version_id", "to_version_id"),
            transitions(("proposed", "confirmed"), ("proposed", "sampling"), ("sampling", "confirmed")),
            *never_deleted(),
        ]


class Reach(models.TextChoices):
    DIRECT = "direct", _("Directly")
    LIKELY = "likely", _("Likely")
    POSSIBLE = "possible", _("Possibly")
    REST = "rest", _("By no changed clause")


class RelabelTask(ProjectRow):
    """An affected task of a plan: how it is reached, by which clause, and the task that asks it again once confirmed.

    `sampled` tasks are the blind sample of those that would be carried; one of the rest is a row only as part of it, or where it
    is `late`: it ended under the old meaning after the plan was begun. `flipped`
    says whether the label is another one now, null until that is known.
    """

    plan = ProjectLink("annotation.RelabelPlan", related_name="tasks")
    task = ProjectLink("workforce.Task")
    reach = models.CharField(max_length=16, choices=Reach)
    clause = ProjectLink("specs.Clause", null=True)
    again = ProjectLink("workforce.Task", null=True)
    sampled = models.BooleanField(default=False, db_default=False)
    late = models.BooleanField(default=False, db_default=False)
    flipped = models.BooleanField(null=True)

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
            models.CheckConstraint(
                condition=~Q(reach="rest") | Q(sampled=True) | Q(late=True),
                name="relabel_task_of_the_rest_is_sampled",
            ),
            models.CheckConstraint(
                condition=Q(flipped__isnull=True) | Q(again__isnull=False),
                name="relabel_task_flips_when_asked",
            ),
        ]
        indexes = [
            models.Index(fields=["again"], condition=Q(again__isnull=False), name="relabel_task_again"),
            models.Index(
                fields=["plan"],
                condition=Q(again__isnull=False, flipped__isnull=True),
                name="relabel_task_unknown",
            ),
        ]


class Carry(ProjectRow):
    """The labels of one queue pass from a version to the next, but for the exceptions: one record, no cloned tasks.

    `n_sampled` labels of the `n_bounded` that may have changed were asked again blindly, `n_flipped` of them are others now;
    so at most `missed_at_most` flips are carried unseen. All four are null where nobody looked.
    """

    plan = ProjectLink("annotation.RelabelPlan")
    queue = ProjectLink("workforce.Queue")
    from_version = ProjectLink("specs.SpecVersion")
    to_version = ProjectLink("specs.SpecVersion")
    reason = models.TextField()
    n_carried = models.IntegerField()
    n_bounded = models.IntegerField(null=True)
    n_sampled = models.IntegerField(null=True)
    n_flipped = models.IntegerField(null=True)
    missed_at_most = models.IntegerField(null=True)
    mapping = models.JSONField(default=dict)
    left_empty = models.JSONField(default=list, db_default=Value([], models.JSONField()))
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
            models.CheckConstraint(
                condition=Q(n_sampled__isnull=True, missed_at_most__isnull=True)
                | Q(n_sampled__lte=F("n_bounded"), n_flipped__lte=F("n_sampled"), missed_at_most__gte=0),
                name="carry_was_sampled_or_not",
            ),
        ]
        triggers = append_only()


class LateCarry(ProjectRow):
    """What ended under the old meaning after a carry: tasks that are asked again as well, and tasks that are carried too."""

    carry = ProjectLink("annotation.Carry", related_name="late")
    asked = ArrayField(models.BigIntegerField(), default=list)
    carried = ArrayField(models.BigIntegerField(), default=list)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("late_carry"),
            *same_project("late_carry", carry="annotation_carry"),
            models.CheckConstraint(
                condition=Q(asked__len__gte=1) | Q(carried__len__gte=1), name="late_carry_names_tasks"
            ),
        ]
        indexes = [models.Index(fields=["carry"], name="late_carry_of")]
        triggers = append_only()
