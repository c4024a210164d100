"""What annotators are qualified in: granted, expired and revoked, each by a named member or by a rule, and kept."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from specs.models.base import ProjectLink, ProjectRow, frozen, never_deleted, project_key, same_project
from workforce.models.clearances import ends_clearance


class Skill(ProjectRow):
    """Something an annotator can be qualified in; a queue may ask for it."""

    key = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [
            project_key("skill"),
            models.UniqueConstraint(fields=["project", "key"], name="skill_key_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.name


class AnnotatorSkillQuerySet(models.QuerySet["AnnotatorSkill"]):
    def valid(self) -> AnnotatorSkillQuerySet:
        """Neither revoked nor past their end."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=Now()), revoked_at__isnull=True)


class AnnotatorSkill(ProjectRow):
    """A qualification: how well, since when, until when, under which version and clause.

    Bound to a version, it holds under the versions of the same spec and meaning; bound to a clause, for queues that ask for the
    skill under that clause. A change is a new row: the old one is revoked and stays. `granted_by` is null when a rule did it.
    """

    annotator = ProjectLink("workforce.Annotator", related_name="skills")
    skill = ProjectLink("workforce.Skill")
    level = models.SmallIntegerField(default=1)
    version = ProjectLink("specs.SpecVersion", null=True)
    clause = ProjectLink("specs.Clause", null=True)
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True)
    granted_by = ProjectLink("specs.Member", null=True)
    source = models.CharField(max_length=32, db_default="person")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = ProjectLink("specs.Member", null=True)

    objects = AnnotatorSkillQuerySet.as_manager()

    class Meta:
        constraints = [
            project_key("annotator_skill"),
            *same_project(
                "annotator_skill",
                annotator="workforce_annotator",
                skill="workforce_skill",
                version="specs_specversion",
                clause="specs_clause",
                granted_by="specs_member",
                revoked_by="specs_member",
            ),
            models.UniqueConstraint(
                fields=["annotator", "skill", "version", "clause"],
                condition=Q(revoked_at__isnull=True),
                nulls_distinct=False,
                name="annotator_skill_once",
            ),
            models.CheckConstraint(condition=Q(level__gte=1), name="skill_level_is_positive"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")), name="skill_ends_after_it_began"
            ),
            models.CheckConstraint(
                condition=Q(revoked_by__isnull=True) | Q(revoked_at__isnull=False),
                name="revoked_skill_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["skill", "annotator"], name="annotator_skill_skill")]
        triggers = [
            ends_clearance("annotator"),
            frozen(
                "annotator_id",
                "skill_id",
                "level",
                "version_id",
                "clause_id",
                "since",
                "until",
                "granted_by_id",
            ),
            *never_deleted(),
        ]
