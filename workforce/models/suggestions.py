"""What of a prediction reached the person who answered: in which arm she was, and whether she took it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import BusyProjectRow, ProjectLink, frozen, never_deleted, one_of, same_project


class Predictions(models.TextChoices):
    """What a queue does with what models said of its items."""

    HIDDEN = "hidden", _("Never shown")
    AFTER = "after", _("Shown after the answer")
    BEFORE = "before", _("Shown before the answer")
    EXPERIMENT = "experiment", _("Shown before the answer to a random share")


class Arm(models.TextChoices):
    SHOWN = "shown", _("Shown before the answer")
    HIDDEN = "hidden", _("Not shown")
    AFTER = "after", _("Shown after the answer")


class Suggestion(BusyProjectRow):
    """The prediction that stood behind a question when a task was served to an annotator, and the arm that was drawn.

    Written when it is served, also where it is not shown: whoever measures what seeing it does needs both. The prediction
    never changes, so its value, confidence, model and version are those that she saw. `taken_at` is when she took it over.
    """

    queue = ProjectLink("workforce.Queue")
    task = ProjectLink("workforce.Task")
    annotator = ProjectLink("workforce.Annotator")
    prediction = ProjectLink("workforce.Prediction")
    question = models.CharField(max_length=64)
    arm = models.CharField(max_length=8, choices=Arm)
    prefilled = models.BooleanField(default=False)
    taken_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project(
                "suggestion",
                queue="workforce_queue",
                task="workforce_task",
                annotator="workforce_annotator",
                prediction="workforce_prediction",
            ),
            models.UniqueConstraint(
                fields=["task", "annotator", "question"], name="suggestion_once_per_task_and_annotator"
            ),
            one_of("suggestion", "arm", Arm),
            models.CheckConstraint(
                condition=Q(arm="shown") | Q(taken_at__isnull=True, prefilled=False),
                name="only_what_is_shown_is_taken",
            ),
        ]
        indexes = [models.Index(fields=["queue"], name="suggestion_queue")]
        triggers = [
            frozen(
                "project_id",
                "queue_id",
                "task_id",
                "annotator_id",
                "prediction_id",
                "question",
                "arm",
                "prefilled",
                "served_at",
            ),
            pgtrigger.Protect(
                name="taken_once",
                operation=pgtrigger.UpdateOf("taken_at"),
                condition=pgtrigger.Condition("OLD.taken_at IS NOT NULL"),
            ),
            *never_deleted(),
        ]
