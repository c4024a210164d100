"""Where the rows of a load go: by a field of the item, into which queue and with which priority."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, project_key, same_project


class Direction(ProjectRow):
    """A rule of the queue that items are loaded into: rows whose *field* is *value* go to a queue, or get a priority.

    The target is a queue, or whichever open queue of the same spec asks for the skill when a load is made. The first rule by
    `position` that fits decides.
    """

    queue = ProjectLink("workforce.Queue", related_name="directions")
    position = models.SmallIntegerField()
    field = models.CharField(max_length=100)
    value = models.CharField(max_length=200)
    target = ProjectLink("workforce.Queue", null=True)
    skill = ProjectLink("workforce.Skill", null=True)
    priority = models.SmallIntegerField(null=True)
    made_by = ProjectLink("specs.Member", null=True)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("direction"),
            *same_project(
                "direction",
                queue="workforce_queue",
                target="workforce_queue",
                skill="workforce_skill",
                made_by="specs_member",
            ),
            models.UniqueConstraint(fields=["queue", "position"], name="direction_once_per_position"),
            models.UniqueConstraint(fields=["queue", "field", "value"], name="direction_once_per_value"),
            models.CheckConstraint(
                condition=Q(target__isnull=True) | Q(skill__isnull=True), name="direction_has_one_target"
            ),
            models.CheckConstraint(
                condition=Q(target__isnull=False) | Q(skill__isnull=False) | Q(priority__isnull=False),
                name="direction_does_something",
            ),
            models.CheckConstraint(condition=~Q(field=""), name="direction_names_a_field"),
        ]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.field} = {self.value}"
