"""How a newcomer gets into a queue's work: the stages of its path, and every step somebody took on it."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import ProjectLink, ProjectRow, append_only, frozen, one_of, project_key, same_project


class Stage(models.TextChoices):
    """The stages in their order; a path leaves out what it does not want."""

    READ = "read", _("Read the spec and confirm it")
    QUIZ = "quiz", _("Pass the quiz")
    PRACTICE = "practice", _("Practice on known answers, told at once")
    SHADOW = "shadow", _("Shadow: real items, answers that do not count")
    PROBATION = "probation", _("Probation: answers count, more review")


class PathStage(ProjectRow):
    """One stage of a queue's path with its thresholds.

    Practice and shadow are passed when, of the last `wanted` answers, at least `share` are right (or agree with what the task
    ended with); with `sure`, the lower end of the 95 % interval has to reach it. After `at_most` answers a person looks.
    Probation lasts `wanted` answers or `days`, whichever is over first (0 and null: no such end), while `review_share` of her
    tasks get one more answer and at least `gold_share` of what she is given is gold; with a `share` above 0 it does not end
    while fewer of the known answers given in it are right.
    """

    queue = ProjectLink("workforce.Queue", related_name="path_stages")
    stage = models.CharField(max_length=12, choices=Stage)
    wanted = models.SmallIntegerField(default=0, validators=[MinValueValidator(0), MaxValueValidator(10_000)])
    share = models.FloatField(default=0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    sure = models.BooleanField(default=False)
    at_most = models.SmallIntegerField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(10_000)]
    )
    days = models.SmallIntegerField(null=True, validators=[MinValueValidator(1), MaxValueValidator(366)])
    review_share = models.FloatField(default=0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    gold_share = models.FloatField(default=0, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)])

    class Meta:
        constraints = [
            *same_project("path_stage", queue="workforce_queue"),
            models.UniqueConstraint(fields=["queue", "stage"], name="path_stage_once"),
            one_of("path_stage", "stage", Stage),
            models.CheckConstraint(
                condition=Q(
                    wanted__gte=0,
                    share__gte=0,
                    share__lte=1,
                    review_share__gte=0,
                    review_share__lte=1,
                    gold_share__gte=0,
                    gold_share__lte=0.5,
                ),
                name="path_stage_is_sensible",
            ),
            models.CheckConstraint(
                condition=~Q(stage__in=["practice", "shadow"]) | Q(wanted__gte=1, at_most__gte=F("wanted")),
                name="tried_stage_wants_answers",
            ),
            models.CheckConstraint(
                condition=~Q(stage="probation") | Q(wanted__gte=1) | Q(days__gte=1),
                name="probation_has_an_end",
            ),
        ]
        triggers = [frozen("project_id", "queue_id", "stage")]

    def __str__(self) -> str:
        return self.get_stage_display()


class Step(models.TextChoices):
    """What happened on a path: by its rule, or by a named person who says why."""

    BEGUN = "begun", _("Began")
    PASSED = "passed", _("Passed")
    MOVED = "moved", _("Moved")
    HELD = "held", _("Held")
    LET_GO = "let-go", _("Let go on")


class OnboardingStep(ProjectRow):
    """One step of an annotator on a queue's path, from a stage to one; "" is beside the path: before it, or through.

    `n` and `n_right` are what the rule counted, `value` the share it judged by. Only a person holds, lets go, and moves.
    """

    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator", related_name="onboarding_steps")
    step = models.CharField(max_length=8, choices=Step)
    before = models.CharField(max_length=12, blank=True, choices=Stage)
    after = models.CharField(max_length=12, blank=True, choices=Stage)
    n = models.IntegerField(default=0)
    n_right = models.IntegerField(default=0)
    value = models.FloatField(null=True)
    reason = models.TextField(blank=True, db_default="")
    by = ProjectLink("specs.Member", null=True)
    at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("onboarding_step"),
            *same_project(
                "onboarding_step", queue="workforce_queue", annotator="workforce_annotator", by="specs_member"
            ),
            one_of("onboarding_step", "step", Step),
            models.CheckConstraint(
                condition=Q(step__in=["begun", "passed"]) | Q(by__isnull=False) & ~Q(reason=""),
                name="onboarding_is_decided_by_name_and_reason",
            ),
            models.CheckConstraint(
                condition=Q(before__in=["", *Stage.values], after__in=["", *Stage.values]),
                name="onboarding_stages_known",
            ),
        ]
        indexes = [models.Index(fields=["queue", "annotator", "-id"], name="onboarding_step_annotator")]
        triggers = append_only()
