"""What is expected of a queue's clauses: how many answers a task under each of them will need."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, append_only, project_key, same_project


class OverlapPlan(ProjectRow):
    """The numbers that a queue of policy `expected` loads tasks by, from some moment on: the newest plan is in force.

    `wanted` holds for items that no clause is known for; `expected` is the share of pairs of answers expected to differ.
    """

    queue = ProjectLink("workforce.Queue", related_name="overlap_plans")
    version = ProjectLink("specs.SpecVersion")
    formula = models.CharField(max_length=64)
    wanted = models.SmallIntegerField()
    expected = models.FloatField()
    made_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("overlap_plan"),
            *same_project("overlap_plan", queue="workforce_queue", version="specs_specversion"),
            models.CheckConstraint(
                condition=Q(wanted__gte=1, wanted__lte=50), name="overlap_plan_is_sensible"
            ),
        ]
        indexes = [models.Index(fields=["queue", "-id"], name="overlap_plan_newest")]
        triggers = append_only()


class ClauseOverlap(ProjectRow):
    """One clause of a plan, with what the number rests on: disagreement seen under this wording, on how many items, how old."""

    plan = ProjectLink("workforce.OverlapPlan", related_name="clauses")
    clause = ProjectLink("specs.Clause")
    wanted = models.SmallIntegerField()
    expected = models.FloatField()
    n_items = models.IntegerField()
    age_days = models.FloatField()

    class Meta:
        constraints = [
            *same_project("clause_overlap", plan="workforce_overlapplan", clause="specs_clause"),
            models.UniqueConstraint(fields=["plan", "clause"], name="clause_overlap_once"),
            models.CheckConstraint(
                condition=Q(wanted__gte=1, wanted__lte=50), name="clause_overlap_is_sensible"
            ),
        ]
        triggers = append_only()
