"""The work: items as they came in, queues that order it, and tasks: one item under one meaning of a spec in one queue."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    ProjectRow,
    SameProject,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Load(ProjectRow):
    """One delivery of items: staged, validated whole, activated at once; problems name line and reason."""

    queue = ProjectLink("workforce.Queue", null=True, related_name="loads")
    source = models.CharField(max_length=300)
    digest = models.CharField(max_length=80)
    n_rows = models.BigIntegerField(default=0)
    n_new = models.BigIntegerField(default=0)
    n_known = models.BigIntegerField(default=0)
    n_bad = models.BigIntegerField(default=0)
    problems = models.JSONField(default=list)
    loaded_by = ProjectLink("specs.Member", null=True)
    loaded_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("load"),
            *same_project("load", queue="workforce_queue", loaded_by="specs_member"),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="load_newest")]
        triggers = append_only()


class Item(BusyProjectRow):
    """The thing looked at, unchanged since it came. Another payload under the same key is the next revision, if asked for."""

    key = models.CharField(max_length=200)
    revision = models.IntegerField(default=1)
    payload = models.JSONField()
    digest = models.CharField(max_length=80)
    sensitive = models.BooleanField(default=False)
    load = ProjectLink("workforce.Load", null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("item"),
            *same_project("item", load="workforce_load"),
            models.UniqueConstraint(fields=["project", "key", "revision"], name="item_key_once_per_revision"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="item_revision_counts_from_one"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return self.key


class ItemClause(BusyProjectRow):
    """A clause known from the item itself (a test suite, a stratified sample): a property, not a citation."""

    item = ProjectLink("workforce.Item", related_name="item_clauses")
    clause = ProjectLink("specs.Clause")

    class Meta:
        constraints = [
            *same_project("item_clause", item="workforce_item", clause="specs_clause"),
            models.UniqueConstraint(fields=["item", "clause"], name="item_clause_once"),
        ]
        indexes = [models.Index(fields=["clause"], name="item_clause_clause")]
        triggers = append_only()


class Purpose(models.TextChoices):
    LABELLING = "labelling", "Labelling"
    ADJUDICATION = "adjudication", "Adjudication"
    CALIBRATION = "calibration", "Calibration"
    RELABELLING = "relabelling", "Relabelling"
    TRAINING = "training", "Training"
    PILOT = "pilot", "Pilot"


class QueueState(models.TextChoices):
    OPEN = "open", "Open"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed"


class Rule(models.TextChoices):
    SHARE = "share", "Share of the answers"
    UNANIMITY = "unanimity", "Unanimity"
    MAJORITY = "majority", "Majority"


class Order(models.TextChoices):
    FIRST_IN = "first-in", "First in, first out"
    RANDOM = "random", "Random"


class Entry(models.TextChoices):
    """What stands before the first claim under a version: nothing, reading what changed, or a quiz on it as well."""

    NONE = "none", "Nothing"
    ACKNOWLEDGE = "acknowledge", "Read and confirm what changed"
    QUIZ = "quiz", "Read what changed and pass a quiz on it"


class QuizFailure(models.TextChoices):
    WAIT = "wait", "May try again after a while"
    LEAD = "lead", "A lead or manager lets her try again"


class InProgress(models.TextChoices):
    """What happens to work under way when another version comes into force."""

    FINISH = "finish", "Finish under the old version"
    RESTART = "restart", "Start again under the new version"
    ASK = "ask", "Ask each annotator at submission"


class Citing(models.TextChoices):
    NEVER = "never", "Never asked"
    SAMPLE = "sample", "Asked on a random share, and wherever an answer is flagged"
    ALWAYS = "always", "Always required"


class Queue(ProjectRow):
    """An ordered supply of tasks with one purpose, an owner and a service level. `version` is the version in force.

    `cursor_epoch` rises whenever work was put before work already passed, so that every annotator's cursor starts again.
    """

    key = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.LABELLING)
    state = models.CharField(max_length=16, choices=QueueState, default=QueueState.OPEN)
    spec = ProjectLink("specs.Spec")
    version = ProjectLink("specs.SpecVersion", null=True)
    owner = ProjectLink("specs.Member", null=True)
    adjudication_queue = ProjectLink("workforce.Queue", null=True)
    required_skill = ProjectLink("workforce.Skill", null=True)
    required_level = models.SmallIntegerField(default=1)
    overlap = models.SmallIntegerField(default=3, validators=[MinValueValidator(1), MaxValueValidator(50)])
    max_overlap = models.SmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    rule = models.CharField(max_length=16, choices=Rule, default=Rule.SHARE)
    consensus_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.8"))
    order = models.CharField(max_length=16, choices=Order, default=Order.FIRST_IN)
    lease_for = models.DurationField(default=timedelta(minutes=30))
    max_renewals = models.SmallIntegerField(default=4, validators=[MinValueValidator(0)])
    max_leases = models.SmallIntegerField(default=1, validators=[MinValueValidator(1)])
    citing = models.CharField(max_length=16, choices=Citing, default=Citing.SAMPLE)
    cite_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.2"))
    entry = models.CharField(max_length=16, choices=Entry, default=Entry.ACKNOWLEDGE)
    qualification = models.BooleanField(default=False)
    quiz_items = models.SmallIntegerField(default=5, validators=[MinValueValidator(1), MaxValueValidator(50)])
    quiz_pass_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.8"))
    quiz_attempts = models.SmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    quiz_failure = models.CharField(max_length=8, choices=QuizFailure, default=QuizFailure.LEAD)
    quiz_wait = models.DurationField(default=timedelta(hours=1))
    in_progress = models.CharField(max_length=8, choices=InProgress, default=InProgress.FINISH)
    gold_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.05"))
    oldest_within = models.DurationField(default=timedelta(days=7))
    disputes_within = models.DurationField(default=timedelta(days=2))
    cursor_epoch = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("queue"),
            *same_project(
                "queue",
                spec="specs_spec",
                owner="specs_member",
                adjudication_queue="workforce_queue",
                required_skill="workforce_skill",
            ),
            SameProject(
                name="queue_version_of_its_spec",
                columns=("spec_id", "version_id"),
                table="specs_specversion",
                keys=("spec_id", "id"),
            ),
            models.UniqueConstraint(fields=["project", "key"], name="queue_key_once_per_project"),
            one_of("queue", "purpose", Purpose),
            one_of("queue", "state", QueueState),
            one_of("queue", "rule", Rule),
            one_of("queue", "order", Order),
            one_of("queue", "citing", Citing),
            one_of("queue", "entry", Entry),
            one_of("queue", "quiz_failure", QuizFailure),
            one_of("queue", "in_progress", InProgress),
            models.CheckConstraint(
                condition=Q(overlap__gte=1, max_overlap__gte=F("overlap"), max_overlap__lte=50),
                name="queue_overlap_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(consensus_share__gt=Decimal("0.5"), consensus_share__lte=1),
                name="queue_consensus_share_is_a_majority",
            ),
            models.CheckConstraint(
                condition=Q(lease_for__gt=timedelta(0), max_renewals__gte=0, max_leases__gte=1),
                name="queue_lease_is_sensible",
            ),
            models.CheckConstraint(
                condition=Q(
                    cite_share__gte=0,
                    cite_share__lte=1,
                    gold_share__gte=0,
                    gold_share__lte=Decimal("0.5"),
                    quiz_pass_share__gt=0,
                    quiz_pass_share__lte=1,
                ),
                name="queue_shares_are_shares",
            ),
            models.CheckConstraint(
                condition=~Q(state="open") | Q(version__isnull=False, owner__isnull=False),
                name="open_queue_has_version_and_owner",
            ),
        ]
        triggers = [
            transitions(
                ("open", "paused"),
                ("paused", "open"),
                ("open", "closed"),
                ("paused", "closed"),
                ("closed", "paused"),
            ),
            pgtrigger.Trigger(
                name="version_in_force_is_published",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("version_id"),
                func="""
                    IF NEW.version_id IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM specs_specversion v WHERE v.id = NEW.version_id
                          AND (v.state IN ('published', 'retired') OR v.state = 'trial' AND NEW.purpose = 'pilot')) THEN
                        RAISE EXCEPTION 'only a published version can be in force'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'workforce_queue_version_in_force_is_published';
                    END IF;
                    RETURN NEW;
                """,
            ),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return self.name


class Enrolment(ProjectRow):
    """An annotator may pull from a queue. The row holds how far this annotator has got through each lane of the queue.

    The claim locks it first, so one annotator's claims are one after the other, in two tabs as well.
    """

    queue = ProjectLink("workforce.Queue", related_name="enrolments")
    annotator = ProjectLink("workforce.Annotator", related_name="enrolments")
    active = models.BooleanField(default=True)
    cursor_epoch = models.IntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    returned_cursor = models.BigIntegerField(default=0)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("enrolment", queue="workforce_queue", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["annotator", "queue"], name="enrolled_once"),
        ]
        indexes = [models.Index(fields=["queue"], name="enrolment_queue")]
        triggers = never_deleted()


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


class KnownAnswer(ProjectRow):
    """Gold: a resolution known beforehand. Set aside, never deleted, when its clause changes meaning."""

    item = ProjectLink("workforce.Item", related_name="known_answers")
    spec = ProjectLink("specs.Spec")
    question = models.CharField(max_length=64)
    value = models.JSONField()
    source = models.CharField(max_length=32)
    meaning = models.IntegerField()
    clauses = ArrayField(models.BigIntegerField(), default=list)
    created_at = models.DateTimeField(db_default=Now())
    set_aside_at = models.DateTimeField(null=True)
    explanation = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [
            project_key("known_answer"),
            *same_project("known_answer", item="workforce_item", spec="specs_spec"),
            models.UniqueConstraint(
                fields=["item", "spec", "question"],
                condition=Q(set_aside_at__isnull=True),
                name="known_answer_once",
            ),
        ]
        triggers = [frozen("item_id", "spec_id", "question", "value", "source", "meaning"), *never_deleted()]


class Prediction(BusyProjectRow):
    """What a model said of an item: a source of its own, never part of human agreement."""

    item = ProjectLink("workforce.Item", related_name="predictions")
    spec = ProjectLink("specs.Spec")
    question = models.CharField(max_length=64)
    value = models.JSONField()
    model = models.CharField(max_length=200)
    model_version = models.CharField(max_length=100, blank=True)
    confidence = models.FloatField(null=True)
    predicted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("prediction", item="workforce_item", spec="specs_spec"),
            models.UniqueConstraint(
                fields=["item", "spec", "question", "model", "model_version"],
                name="prediction_once_per_model_version",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="confidence_is_a_share",
            ),
        ]
        triggers = append_only()
