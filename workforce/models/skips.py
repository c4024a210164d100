"""Tasks that were left without an answer, and why. The words beside a reason stand apart, so that they can be erased."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    ProjectLink,
    append_only,
    one_of,
    project_key,
    same_project,
)


class SkipReason(models.TextChoices):
    CANNOT_DECIDE = "cannot-decide", _("I cannot decide")
    UNKNOWN = "unknown", _("I do not know enough about this")
    LANGUAGE = "language", _("I do not read this language")
    UPSETTING = "upsetting", _("I would rather not see this (never counted)")
    OTHER = "other", _("Another reason")


class Skip(BusyProjectRow):
    """An annotator left a task for good: she is not given it again. One that is `excused` counts for no limit and no score."""

    task = ProjectLink("workforce.Task", related_name="skips")
    queue = ProjectLink("workforce.Queue")
    annotator = ProjectLink("workforce.Annotator")
    assignment = ProjectLink("workforce.Assignment")
    reason = models.CharField(max_length=16, choices=SkipReason)
    excused = models.BooleanField()
    skipped_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("skip"),
            *same_project(
                "skip",
                task="workforce_task",
                queue="workforce_queue",
                annotator="workforce_annotator",
                assignment="workforce_assignment",
            ),
            models.UniqueConstraint(fields=["task", "annotator"], name="skipped_once"),
            one_of("skip", "reason", SkipReason),
            models.CheckConstraint(
                condition=~Q(reason=SkipReason.UPSETTING) | Q(excused=True), name="upsetting_skip_is_excused"
            ),
        ]
        indexes = [models.Index(fields=["annotator", "queue", "-skipped_at"], name="skip_annotator_newest")]
        triggers = append_only()


class SkipNote(BusyProjectRow):
    """What an annotator wrote beside the reason of a skip."""

    skip = ProjectLink("workforce.Skip", related_name="notes")
    text = models.TextField()
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("skip_note", skip="workforce_skip"),
            models.UniqueConstraint(fields=["skip"], name="skip_note_once"),
        ]
