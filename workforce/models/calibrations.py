"""Calibration queues: what their test asks for and grants, and every time somebody sat for it."""

from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
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
    transitions,
)


class Calibration(ProjectRow):
    """What a calibration queue tests and grants: `skill` at `level` to whoever answers `share` of `wanted` known answers right.

    With `sure`, the lower end of the 95 % interval has to reach the share. The grant holds for `valid_days` (null: without end),
    for `clause` alone if named, and with `bound` under versions of the meaning it was shown under. Whoever fails may try again
    after `wait`, `attempts` times in all (0: without limit).
    """

    queue = ProjectLink("workforce.Queue", related_name="calibrations")
    skill = ProjectLink("workforce.Skill")
    level = models.SmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(10)])
    clause = ProjectLink("specs.Clause", null=True)
    wanted = models.SmallIntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(500)])
    share = models.FloatField(default=0.8, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)])
    sure = models.BooleanField(default=False)
    valid_days = models.SmallIntegerField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(3660)]
    )
    bound = models.BooleanField(default=True)
    wait = models.DurationField(default=timedelta(days=1))
    attempts = models.SmallIntegerField(default=3, validators=[MinValueValidator(0), MaxValueValidator(100)])

    class Meta:
        constraints = [
            project_key("calibration"),
            *same_project(
                "calibration", queue="workforce_queue", skill="workforce_skill", clause="specs_clause"
            ),
            models.UniqueConstraint(fields=["queue"], name="calibration_once_per_queue"),
            models.CheckConstraint(
                condition=Q(
                    level__gte=1,
                    wanted__gte=1,
                    share__gt=0,
                    share__lte=1,
                    wait__gte=timedelta(0),
                    attempts__gte=0,
                ),
                name="calibration_is_sensible",
            ),
        ]
        triggers = [frozen("project_id", "queue_id"), *never_deleted()]

    @property
    def wait_hours(self) -> int:
        return round(self.wait.total_seconds() / 3600)


class SittingState(models.TextChoices):
    OPEN = "open", _("Under way")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Not passed")


class Sitting(ProjectRow):
    """One time somebody sat for a test, under the terms as they were then; passed, it names the skill that it granted."""

    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator", related_name="sittings")
    version = ProjectLink("specs.SpecVersion")
    number = models.SmallIntegerField()
    wanted = models.SmallIntegerField()
    share = models.FloatField()
    sure = models.BooleanField()
    state = models.CharField(max_length=8, choices=SittingState, default=SittingState.OPEN)
    n_right = models.SmallIntegerField(default=0)
    granted = ProjectLink("workforce.AnnotatorSkill", null=True)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("sitting"),
            *same_project(
                "sitting",
                queue="workforce_queue",
                annotator="workforce_annotator",
                version="specs_specversion",
                granted="workforce_annotatorskill",
            ),
            models.UniqueConstraint(fields=["annotator", "queue", "number"], name="sitting_number_once"),
            models.UniqueConstraint(
                fields=["annotator", "queue"], condition=Q(state="open"), name="one_open_sitting_per_queue"
            ),
            one_of("sitting", "state", SittingState),
            models.CheckConstraint(
                condition=Q(state="open") ^ Q(ended_at__isnull=False), name="ended_sitting_has_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="passed", granted__isnull=False)
                | ~Q(state="passed") & Q(granted__isnull=True),
                name="passed_sitting_grants_its_skill",
            ),
            models.CheckConstraint(condition=Q(n_right__gte=0, wanted__gte=1), name="sitting_counts_up"),
        ]
        indexes = [models.Index(fields=["queue", "-id"], name="sitting_newest")]
        triggers = [
            frozen(
                "queue_id", "annotator_id", "version_id", "number", "wanted", "share", "sure", "started_at"
            ),
            transitions(("open", "passed"), ("open", "failed")),
            *never_deleted(),
        ]
