"""A version's first steps in a queue: the canary it goes through, and what annotators show they have understood."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
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
from workforce.models.clearances import ends_clearance


class CanaryState(models.TextChoices):
    RUNNING = "running", _("Running")
    ADOPTED = "adopted", _("Adopted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Canary(ProjectRow):
    """A published version on a share of a queue's untouched tasks, or on those of a cohort, before it is in force for all."""

    queue = ProjectLink("workforce.Queue", related_name="canaries")
    spec = ProjectLink("specs.Spec")
    version = ProjectLink("specs.SpecVersion")
    before = ProjectLink("specs.SpecVersion")
    cohort = ProjectLink("workforce.Cohort", null=True)
    share = models.FloatField()
    n_tasks = models.IntegerField(default=0)
    state = models.CharField(max_length=16, choices=CanaryState, default=CanaryState.RUNNING)
    started_by = ProjectLink("specs.Member", null=True)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("canary"),
            *same_project(
                "canary",
                queue="workforce_queue",
                before="specs_specversion",
                cohort="workforce_cohort",
                started_by="specs_member",
            ),
            SameProject(
                name="canary_version_of_its_spec",
                columns=("spec_id", "version_id"),
                table="specs_specversion",
                keys=("spec_id", "id"),
            ),
            models.UniqueConstraint(
                fields=["queue"], condition=Q(state="running"), name="one_running_canary_per_queue"
            ),
            one_of("canary", "state", CanaryState),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="canary_share_is_a_share"),
            models.CheckConstraint(
                condition=Q(state="running") ^ Q(ended_at__isnull=False), name="ended_canary_has_a_time"
            ),
        ]
        triggers = [
            ends_clearance("queue"),
            frozen("queue_id", "version_id", "cohort_id", "share", "started_at"),
            transitions(("running", "adopted"), ("running", "withdrawn")),
            *never_deleted(),
        ]


class QuizScope(models.TextChoices):
    CHANGED = "changed", _("Quiz on the changed clauses")
    WHOLE = "whole", _("Qualification on the whole spec")


class QuizState(models.TextChoices):
    OPEN = "open", _("Open")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


class QuizAttempt(ProjectRow):
    """One go at a quiz under a version in a queue.

    `items` holds what is asked, in order: the item, the question, the right value, why, the clause, and the answer once given.
    """

    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator")
    version = ProjectLink("specs.SpecVersion")
    scope = models.CharField(max_length=8, choices=QuizScope)
    number = models.SmallIntegerField()
    items = models.JSONField(default=list)
    n_right = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=QuizState, default=QuizState.OPEN)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("quiz_attempt"),
            *same_project(
                "quiz_attempt",
                queue="workforce_queue",
                annotator="workforce_annotator",
                version="specs_specversion",
            ),
            models.UniqueConstraint(
                fields=["annotator", "queue", "version", "number"], name="quiz_attempt_number_once"
            ),
            models.UniqueConstraint(
                fields=["annotator", "queue"], condition=Q(state="open"), name="one_open_quiz_per_queue"
            ),
            one_of("quiz_attempt", "scope", QuizScope),
            one_of("quiz_attempt", "state", QuizState),
            models.CheckConstraint(
                condition=Q(state="open") ^ Q(ended_at__isnull=False), name="ended_quiz_has_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "version"], condition=Q(state="passed"), name="quiz_passed")
        ]
        triggers = [
            ends_clearance("annotator"),
            frozen("queue_id", "annotator_id", "version_id", "number", "scope"),
            transitions(("open", "passed"), ("open", "failed")),
            *never_deleted(),
        ]


class QuizLeave(ProjectRow):
    """A lead or manager lets an annotator try again, or work without the quiz, and says why."""

    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator")
    version = ProjectLink("specs.SpecVersion")
    excused = models.BooleanField(default=False)
    reason = models.TextField()
    given_by = ProjectLink("specs.Member")
    given_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "quiz_leave",
                queue="workforce_queue",
                annotator="workforce_annotator",
                version="specs_specversion",
                given_by="specs_member",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="quiz_leave_has_a_reason"),
        ]
        indexes = [models.Index(fields=["annotator", "queue"], name="quiz_leave_annotator")]
        triggers = [ends_clearance("annotator"), *append_only()]
