"""Declared degradation: what was lowered on purpose, why, by whom, and until when."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
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
)


class Measure(models.TextChoices):
    PRIORITY = "priority", _("Its work comes first")
    OVERLAP = "overlap", _("Fewer answers per task")
    POOL = "pool", _("More people may take it")
    INTAKE = "intake", _("Nothing new comes in")


class Degradation(ProjectRow):
    """One use of one measure on one queue, from `began_at` until it ended; `until` is when it ends by itself.

    An answer was given under it when its queue is this one and its time lies between: no answer carries a mark of its own, so
    that a submission pays nothing. `before` is what is restored, `after` what holds meanwhile.
    """

    queue = ProjectLink("workforce.Queue", related_name="degradations")
    measure = models.CharField(max_length=16, choices=Measure)
    reason = models.TextField()
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    began_by = ProjectLink("specs.Member")
    began_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField()
    ended_by = ProjectLink("specs.Member", null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("degradation"),
            *same_project(
                "degradation", queue="workforce_queue", began_by="specs_member", ended_by="specs_member"
            ),
            one_of("degradation", "measure", Measure),
            models.UniqueConstraint(
                fields=["queue", "measure"],
                condition=Q(ended_at__isnull=True),
                name="degradation_once_at_a_time",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="degradation_has_a_reason"),
            models.CheckConstraint(
                condition=Q(until__gt=F("began_at"))
                & (Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at"))),
                name="degradation_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["queue", "began_at"], name="degradation_queue")]
        triggers = [
            frozen("queue_id", "measure", "reason", "before", "after", "began_by_id", "began_at", "until"),
            pgtrigger.Protect(
                name="ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            *never_deleted(),
        ]
