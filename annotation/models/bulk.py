"""What is done to many items at once: proposed, looked at, done part by part, and taken back where that is possible."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    ProjectRow,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class BulkKind(models.TextChoices):
    REQUEUE = "requeue", _("Put into a queue")
    WITHDRAW = "withdraw", _("Withdraw")
    PRIORITISE = "prioritise", _("Give a priority")
    ASSIGN = "assign", _("Keep for somebody")
    TAG = "tag", _("Tag")
    UNTAG = "untag", _("Take a tag off")
    GOLD = "gold", _("Propose as known answers")
    REVIEW = "review", _("Send to review")


class BulkState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Done")
    UNDOING = "undoing", _("Being taken back")
    UNDONE = "undone", _("Taken back")
    DISMISSED = "dismissed", _("Dismissed")


class BulkChange(ProjectRow):
    """One thing that is done to many items. The items are fixed when it is proposed; `arguments` say with what.

    `query` is what was looked for, as an address has it. `n_changed` and `n_left` count items as they were done; `n_undone` those
    that were taken back.
    """

    kind = models.CharField(max_length=16, choices=BulkKind)
    arguments = models.JSONField(default=dict)
    query = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=BulkState, default=BulkState.PROPOSED)
    n_items = models.IntegerField()
    n_changed = models.IntegerField(default=0)
    n_left = models.IntegerField(default=0)
    n_undone = models.IntegerField(default=0)
    job = ProjectLink("specs.Job", null=True)
    by = ProjectLink("specs.Member")
    proposed_at = models.DateTimeField(db_default=Now())
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("bulk_change"),
            *same_project("bulk_change", job="specs_job", by="specs_member"),
            one_of("bulk_change", "kind", BulkKind),
            one_of("bulk_change", "state", BulkState),
            models.CheckConstraint(
                condition=Q(n_items__gte=1, n_changed__gte=0, n_left__gte=0, n_undone__gte=0),
                name="bulk_change_counts_items",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="bulk_change_newest")]
        triggers = [
            frozen("id", "project_id", "kind", "arguments", "n_items", "by_id"),
            transitions(
                ("proposed", "running"),
                ("proposed", "dismissed"),
                ("running", "done"),
                ("done", "undoing"),
                ("undoing", "undone"),
            ),
            *never_deleted(),
        ]


class PartState(models.TextChoices):
    WAITING = "waiting", _("Waits")
    CHANGED = "changed", _("Done")
    LEFT = "left", _("Left as it was")
    UNDONE = "undone", _("Taken back")
    KEPT = "kept", _("Not taken back")


class BulkChangeItem(BusyProjectRow):
    """One item of a change: what became of it; `told` is what taking it back goes by, `reason` why it was left."""

    change = ProjectLink("annotation.BulkChange", related_name="items")
    item = ProjectLink("workforce.Item")
    state = models.CharField(max_length=8, choices=PartState, default=PartState.WAITING)
    reason = models.CharField(max_length=32, blank=True, default="")
    told = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["change", "item"], name="bulk_change_item_once"),
            one_of("bulk_change_item", "state", PartState),
        ]
        indexes = [
            models.Index(
                fields=["change", "item"], condition=Q(state="waiting"), name="bulk_change_item_waiting"
            ),
        ]
        triggers = [
            LinkedAtOnce(
                *same_project("bulk_change_item", change="annotation_bulkchange", item="workforce_item")
            ),
            frozen("id", "project_id", "change_id", "item_id"),
            transitions(
                ("waiting", "changed"), ("waiting", "left"), ("changed", "undone"), ("changed", "kept")
            ),
            *never_deleted(),
        ]
