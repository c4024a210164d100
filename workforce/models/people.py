"""The force: annotators under pseudonyms, what they can do, and the queues they work in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class AnnotatorKind(models.TextChoices):
    PERSON = "person", "Person"
    BOT = "bot", "Bot"
    MODEL = "model", "Model"
    IMPORTED = "imported", "Imported"


class AnnotatorState(models.TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    SUSPENDED = "suspended", "Suspended"
    LEFT = "left", "Left"


class Annotator(ProjectRow):
    """Who answers, under a random pseudonym per project. The link to the log-in can be erased; the answers stay.

    `origin_key` is the name under which imported labels knew the person, "" for everyone else.
    """

    pseudonym = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=AnnotatorKind, default=AnnotatorKind.PERSON)
    state = models.CharField(max_length=16, choices=AnnotatorState, default=AnnotatorState.ACTIVE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="annotators"
    )
    member = ProjectLink("specs.Member", null=True)
    origin_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("annotator"),
            *same_project("annotator", member="specs_member"),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="annotator_pseudonym_once"),
            models.UniqueConstraint(fields=["project", "user"], name="annotator_once_per_user"),
            models.UniqueConstraint(fields=["member"], name="annotator_once_per_member"),
            models.UniqueConstraint(
                fields=["project", "origin_key"], condition=~Q(origin_key=""), name="annotator_origin_once"
            ),
            one_of("annotator", "kind", AnnotatorKind),
            one_of("annotator", "state", AnnotatorState),
        ]
        triggers = [
            frozen("pseudonym", "project_id"),
            *never_deleted(),
            transitions(
                ("active", "paused"),
                ("paused", "active"),
                ("active", "suspended"),
                ("paused", "suspended"),
                ("suspended", "active"),
                ("active", "left"),
                ("paused", "left"),
                ("suspended", "left"),
                ("left", "active"),
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym


class Skill(ProjectRow):
    """Something an annotator can be qualified in; a queue may ask for it."""

    key = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [
            project_key("skill"),
            models.UniqueConstraint(fields=["project", "key"], name="skill_key_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.name


class AnnotatorSkill(ProjectRow):
    """A qualification: how well, since when, until when."""

    annotator = ProjectLink("workforce.Annotator", related_name="skills")
    skill = ProjectLink("workforce.Skill")
    level = models.SmallIntegerField(default=1)
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("annotator_skill", annotator="workforce_annotator", skill="workforce_skill"),
            models.UniqueConstraint(fields=["annotator", "skill"], name="annotator_skill_once"),
            models.CheckConstraint(condition=Q(level__gte=1), name="skill_level_is_positive"),
        ]


class Cohort(ProjectRow):
    """A team or a wave of people who joined together, for comparison over time."""

    key = models.SlugField(max_length=64)
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [
            project_key("cohort"),
            models.UniqueConstraint(fields=["project", "key"], name="cohort_key_once_per_project"),
        ]

    def __str__(self) -> str:
        return self.name


class CohortMembership(ProjectRow):
    cohort = ProjectLink("workforce.Cohort", related_name="memberships")
    annotator = ProjectLink("workforce.Annotator", related_name="cohorts")
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("cohort_membership", cohort="workforce_cohort", annotator="workforce_annotator"),
            models.UniqueConstraint(
                fields=["cohort", "annotator"], condition=Q(until__isnull=True), name="cohort_joined_once"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
                name="cohort_membership_ends_after_it_began",
            ),
        ]
