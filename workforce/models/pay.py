"""What work costs: rates with validity, append-only."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import ProjectLink, ProjectRow, append_only, one_of, project_key, same_project


class Work(models.TextChoices):
    """Kinds of work as they are booked and paid."""

    LABELLING = "labelling", _("Labelling")
    REWORK = "rework", _("Labelling again")
    ADJUDICATION = "adjudication", _("Adjudication")
    TRAINING = "training", _("Training and calibration")
    QUIZ = "quiz", _("Quizzes on the spec")
    REVIEW = "review", _("Review")
    RETURNED = "returned", _("Rework of returned answers")


class RateBasis(models.TextChoices):
    HOUR = "hour", _("For an hour")
    ANSWER = "answer", _("For an answer")


class Rate(ProjectRow):
    """What work costs from a day on, for everybody or for one annotator, everywhere or in one queue, of any kind or of one.

    `work` is "" for every kind. `until` is the last day it holds, none for no end. The narrowest rate of a day counts, the
    newest of equally narrow ones; where there is none, it is the project's own (`Project.hourly_rate`). Nothing is edited: a
    change is another row.
    """

    queue = ProjectLink("workforce.Queue", null=True)
    annotator = ProjectLink("workforce.Annotator", null=True)
    work = models.CharField(max_length=16, choices=Work, blank=True)
    basis = models.CharField(max_length=8, choices=RateBasis, default=RateBasis.HOUR)
    amount = models.DecimalField(max_digits=10, decimal_places=4, validators=[MinValueValidator(Decimal(0))])
    currency = models.CharField(max_length=3, validators=[RegexValidator("^[A-Z]{3}$")])
    since = models.DateField()
    until = models.DateField(null=True, blank=True)
    set_by = ProjectLink("specs.Member", null=True)
    set_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("rate"),
            *same_project(
                "rate", queue="workforce_queue", annotator="workforce_annotator", set_by="specs_member"
            ),
            models.CheckConstraint(condition=Q(work__in=["", *Work.values]), name="rate_work_known"),
            one_of("rate", "basis", RateBasis),
            models.CheckConstraint(
                condition=Q(amount__gte=0, currency__regex="^[A-Z]{3}$"), name="rate_is_an_amount"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="rate_ends_after_it_began"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="rate_newest")]
        triggers = append_only()
