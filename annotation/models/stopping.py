"""What tasks are stopped by: annotators' skills as they were learnt, where to stop, and every decision to stop or go on."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    ProjectRow,
    append_only,
    one_of,
    project_key,
    same_project,
)


class SkillSet(ProjectRow):
    """What was learnt at one moment of everybody who answered one question under one meaning; the highest number is in force.

    `values` are the canonical values in the order of all matrices, `prior` their shares, `pooled` the matrix of an annotator of
    whom nothing is known. Matrices are ready to judge other items by. `upto` is the last answer it rests on, `n_known` the
    items whose answer is known, as gold or by audit.
    """

    spec = ProjectLink("specs.Spec")
    meaning = models.IntegerField()
    question = models.CharField(max_length=64)
    number = models.IntegerField()
    rule = models.CharField(max_length=64)
    values = models.JSONField()
    prior = models.JSONField()
    pooled = models.JSONField()
    n_items = models.IntegerField()
    n_answers = models.IntegerField()
    n_known = models.IntegerField()
    upto = models.BigIntegerField()
    made_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("skill_set"),
            *same_project("skill_set", spec="specs_spec"),
            models.UniqueConstraint(
                fields=["spec", "meaning", "question", "number"], name="skill_set_number_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, n_known__gte=0), name="skill_set_counts_from_one"
            ),
        ]
        triggers = append_only()


class SkillMatrix(BusyProjectRow):
    """One annotator in a skill set: `matrix[true][said]`, and how many labels it rests on."""

    skills = ProjectLink("annotation.SkillSet", related_name="matrices")
    annotator = ProjectLink("workforce.Annotator")
    n_labels = models.IntegerField()
    matrix = models.JSONField()

    class Meta:
        constraints = [
            *same_project("skill_matrix", skills="annotation_skillset", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["skills", "annotator"], name="skill_matrix_once"),
        ]
        triggers = append_only()


class StopTarget(ProjectRow):
    """Where tasks of a queue stop on one question from some moment on, chosen by replaying items with a known answer.

    `tau` is the smallest posterior that was tried whose accepted items reached `accuracy` (`reached`), else the strictest.
    `trials` is what each came to, `calibration` the curve from posterior and number of answers to confidence.
    """

    queue = ProjectLink("workforce.Queue")
    skills = ProjectLink("annotation.SkillSet")
    question = models.CharField(max_length=64)
    rule = models.CharField(max_length=64)
    accuracy = models.FloatField()
    tau = models.FloatField()
    reached = models.BooleanField()
    n_known = models.IntegerField()
    trials = models.JSONField()
    calibration = models.JSONField()
    chosen_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("stop_target"),
            *same_project("stop_target", queue="workforce_queue", skills="annotation_skillset"),
            models.UniqueConstraint(
                fields=["queue", "skills", "question"], name="stop_target_once_per_skills"
            ),
            models.CheckConstraint(condition=Q(tau__gt=0.5, tau__lt=1), name="stop_target_is_a_share"),
        ]
        indexes = [models.Index(fields=["queue", "question", "-id"], name="stop_target_newest")]
        triggers = append_only()


class StopVerdict(models.TextChoices):
    AGREED = "agreed", _("Sure enough")
    MORE = "more", _("One more answer")
    DISPUTED = "disputed", _("A dispute")
    AUDIT = "audit", _("Sure enough, and one more blind answer")
    CONFIRMED = "confirmed", _("The blind answer says the same")
    CONTRADICTED = "contradicted", _("The blind answer says something else")


class StopDecision(BusyProjectRow):
    """One look at a task's answers: go on, accept, audit, or dispute. Kept with all it rests on, never edited.

    `questions` holds for each question `{"question", "value", "posterior", "tau", "minimum", "n", "skills", "target",
    "confidence", "verdict"}`; `posterior` is None where the share rule decided. `confidence` is the calibrated chance that all
    values are right, None before there is a calibration.
    """

    task = ProjectLink("workforce.Task", related_name="stop_decisions")
    queue = ProjectLink("workforce.Queue")
    n_answers = models.SmallIntegerField()
    verdict = models.CharField(max_length=16, choices=StopVerdict)
    rule = models.CharField(max_length=64)
    skill_sets = ArrayField(models.BigIntegerField(), default=list)
    posterior = models.FloatField(null=True)
    tau = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    questions = models.JSONField()
    decided_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("stop_decision", task="workforce_task", queue="workforce_queue"),
            one_of("stop_decision", "verdict", StopVerdict),
            models.CheckConstraint(condition=Q(n_answers__gte=1), name="stop_decision_has_answers"),
        ]
        indexes = [
            models.Index(fields=["task", "-id"], name="stop_decision_newest"),
            models.Index(fields=["queue", "-id"], name="stop_decision_queue"),
            models.Index(
                fields=["queue"],
                condition=Q(verdict__in=["audit", "confirmed", "contradicted"]),
                name="stop_decision_audits",
            ),
        ]
        triggers = append_only()
