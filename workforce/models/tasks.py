"""Tasks: one item under one meaning of a spec in one queue; and who is not given one."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)
from specs.models.guards import Guard


class TaskState(models.TextChoices):
    OPEN = "open", _("Open")
    DISPUTED = "disputed", _("Disputed")
    RESOLVED = "resolved", _("Resolved")
    UNLABELLABLE = "unlabellable", _("Cannot be labelled")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class TaskPurpose(models.TextChoices):
    """What a task is asked for: a label, or something about one annotator.

    How well (gold) and how steadily (repeat) she works; practice with the answer told at once, a shadow of a real task, and a
    test for a skill.
    """

    WORK = "work", _("Work")
    GOLD = "gold", _("Gold")
    REPEAT = "repeat", _("Repeat")
    PRACTICE = "practice", _("Practice")
    SHADOW = "shadow", _("Shadow")
    TEST = "test", _("Test")


class OverlapBasis(models.TextChoices):
    """Why a task wants as many answers as it does: the queue's policy, and what the draw gave this task."""

    FIXED = "fixed", _("The queue's number")
    SINGLE = "single", _("One, as most")
    DOUBLE = "double", _("Two, drawn at random")
    EXPECTED = "expected", _("By the clauses that apply")
    DYNAMIC = "dynamic", _("Until sure enough")
    FAIR = "fair", _("Drawn at random for fair statistics")


class Task(BusyProjectRow):
    """One item under one meaning of the spec in one queue; `round` counts its returns. `n_answers` numbers counted answers;
    `n_corrections` rises when one of them is corrected, so that nothing settles on what was read before.

    `overlap` is how many answers it wants now; `planned` how many before anybody had answered, where a policy other than the
    queue's own number said so, and `overlap_basis` why. Statistics that have to be fair rest on the first `planned` answers.
    `rank` counts tasks as they came in; `priority` (0 to 1000) goes before any order; `disagreement` (the share of pairs of
    answers that differ) and `disputed_at` are what a queue may be ordered by: where each slot lies says `ordering`.
    `pinned` names the version a canary serves it under, whatever version is in force; `load` the delivery that made it. A task
    that is no work is minted at a claim for one annotator (`round` is her id, negative). It is born withdrawn, and the state
    machine has no way out: it is never open, settled, disputed or resolved, so that whatever reads the state of tasks passes it
    by. `kept_for` is the only one who can do it: rework, of its answer's author.
    """

    item = ProjectLink("workforce.Item")
    queue = ProjectLink("workforce.Queue")
    meaning = models.IntegerField()
    round = models.IntegerField(default=1)
    state = models.CharField(max_length=16, choices=TaskState, default=TaskState.OPEN)
    overlap = models.SmallIntegerField()
    overlap_basis = models.CharField(
        max_length=8, choices=OverlapBasis, default=OverlapBasis.FIXED, db_default=OverlapBasis.FIXED
    )
    planned = models.SmallIntegerField(null=True)
    n_answers = models.SmallIntegerField(default=0)
    n_corrections = models.SmallIntegerField(default=0, db_default=0)
    rank = models.BigIntegerField()
    priority = models.SmallIntegerField(default=0)
    disagreement = models.FloatField(null=True)
    disputed_at = models.DateTimeField(null=True)
    purpose = models.CharField(
        max_length=8, choices=TaskPurpose, default=TaskPurpose.WORK, db_default=TaskPurpose.WORK.value
    )
    pinned = ProjectLink("specs.SpecVersion", null=True)
    load = ProjectLink("workforce.Load", null=True)
    kept_for = ProjectLink("workforce.Annotator", null=True)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("task"),
            *same_project("task", pinned="specs_specversion", kept_for="workforce_annotator"),
            models.UniqueConstraint(
                fields=["item", "queue", "meaning", "round"], name="task_once_per_item_meaning_and_round"
            ),
            one_of("task", "state", TaskState),
            one_of("task", "purpose", TaskPurpose),
            models.CheckConstraint(
                condition=Q(purpose="work", round__gte=1) | Q(~Q(purpose="work"), round__lte=-1),
                name="task_round_counts_from_one",
            ),
            models.CheckConstraint(
                condition=Q(purpose="work") | Q(state="withdrawn"), name="only_work_is_open_or_settled"
            ),
            one_of("task", "overlap_basis", OverlapBasis),
            models.CheckConstraint(
                condition=Q(planned__isnull=True, overlap_basis="fixed")
                | Q(planned__isnull=False, planned__gte=1, planned__lte=50) & ~Q(overlap_basis="fixed"),
                name="task_plan_has_a_basis",
            ),
            models.CheckConstraint(
                condition=Q(overlap__gte=0, overlap__lte=50), name="task_overlap_is_sensible"
            ),
            models.CheckConstraint(
                condition=Q(priority__gte=0, priority__lte=1000), name="task_priority_is_sensible"
            ),
            models.CheckConstraint(
                condition=Q(disagreement__isnull=True) | Q(disagreement__gte=0, disagreement__lte=1),
                name="task_disagreement_is_a_share",
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
            models.Index(
                fields=["queue", "settled_at"], condition=Q(state="unlabellable"), name="task_unlabellable"
            ),
            BrinIndex(
                fields=["load"], pages_per_range=32, autosummarize=True, name="task_of_load"
            ),  # the tasks of a load lie together: next to free for the load
            models.Index(
                F("queue"),
                Func(F("id"), Value(0), function="hashint8extended", output_field=models.BigIntegerField()),
                condition=Q(state="open"),
                name="task_drawn",
            ),
        ]
        triggers = [
            LinkedAtOnce(
                *same_project("task", item="workforce_item", queue="workforce_queue", load="workforce_load")
            ),
            frozen(
                "id",
                "item_id",
                "queue_id",
                "meaning",
                "round",
                "project_id",
                "purpose",
                "load_id",
                "kept_for_id",
            ),
            transitions(
                ("open", "resolved"),
                ("open", "disputed"),
                ("disputed", "resolved"),
                ("disputed", "open"),
                ("resolved", "open"),
                ("open", "unlabellable"),
                ("disputed", "unlabellable"),
                ("unlabellable", "open"),
                ("unlabellable", "withdrawn"),
                ("open", "withdrawn"),
                ("disputed", "withdrawn"),
                ("resolved", "withdrawn"),
                kind=Guard,
            ),
            pgtrigger.Trigger(
                name="gold_is_met_once",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="fresh"),
                func="""
                    IF EXISTS (SELECT 1 FROM workforce_probe) THEN
                        INSERT INTO workforce_barred (project_id, task_id, annotator_id, reason, created_at)
                        SELECT f.project_id, f.id, p.annotator_id, 'met before', statement_timestamp()
                        FROM fresh f JOIN workforce_probe p ON p.item_id = f.item_id AND p.queue_id = f.queue_id
                        WHERE f.purpose = 'work' AND p.purpose = 'gold' ON CONFLICT DO NOTHING;
                    END IF;
                    RETURN NULL;
                """,
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
