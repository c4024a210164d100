"""What was done about one annotator's answers."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, append_only, project_key, same_project


class Recheck(ProjectRow):
    """A second look at an annotator's answers since a time: one more blind answer on each of `tasks`. Nothing is taken back.

    `n_reopened` of them were settled by consensus and are open again; their label stays until the new answer is in.
    """

    annotator = ProjectLink("workforce.Annotator")
    since = models.DateTimeField()
    reason = models.TextField()
    tasks = ArrayField(models.BigIntegerField())
    n_reopened = models.IntegerField()
    by = ProjectLink("specs.Member")
    at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("recheck"),
            *same_project("recheck", annotator="workforce_annotator", by="specs_member"),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="recheck_has_a_reason"),
            models.CheckConstraint(condition=Q(tasks__len__gt=0), name="recheck_has_tasks"),
        ]
        indexes = [models.Index(fields=["annotator"], name="recheck_annotator")]
        triggers = append_only()
