"""The force: annotators under pseudonyms, what they can do, and the queues they work in."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
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
    transitions,
)
from workforce.models.clearances import ends_clearance


class AnnotatorKind(models.TextChoices):
    PERSON = "person", _("Person")
    BOT = "bot", _("Bot")
    MODEL = "model", _("Model")
    IMPORTED = "imported", _("Imported")


class AnnotatorState(models.TextChoices):
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    SUSPENDED = "suspended", _("Suspended")
    LEFT = "left", _("Left")


class Annotator(ProjectRow):
    """Who answers, under a random pseudonym per project. The link to the log-in can be erased; the answers stay.

    `origin_key` is the name under which imported labels knew the person, "" for everyone else. `weekday_hours` are the hours she
    means to work, Monday first; empty while she has not said. Who was paused by somebody else is resumed by somebody else.
    """

    pseudonym = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=AnnotatorKind, default=AnnotatorKind.PERSON)
    state = models.CharField(max_length=16, choices=AnnotatorState, default=AnnotatorState.ACTIVE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="annotators"
    )
    member = ProjectLink("specs.Member", null=True)
    origin_key = models.CharField(max_length=200, blank=True)
    languages = ArrayField(models.CharField(max_length=35), default=list, db_default=[])
    time_zone = models.CharField(max_length=64, blank=True, db_default="")
    weekday_hours = ArrayField(models.FloatField(), default=list, db_default=[])
    paused_by = ProjectLink("specs.Member", null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("annotator"),
            *same_project("annotator", member="specs_member", paused_by="specs_member"),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="annotator_pseudonym_once"),
            models.UniqueConstraint(fields=["project", "user"], name="annotator_once_per_user"),
            models.UniqueConstraint(fields=["member"], name="annotator_once_per_member"),
            models.UniqueConstraint(
                fields=["project", "origin_key"], condition=~Q(origin_key=""), name="annotator_origin_once"
            ),
            one_of("annotator", "kind", AnnotatorKind),
            one_of("annotator", "state", AnnotatorState),
            models.CheckConstraint(
                condition=~Q(state="paused") | Q(paused_by__isnull=False),
                name="annotator_is_paused_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(weekday_hours__len=0) | Q(weekday_hours__len=7),
                name="annotator_week_has_seven_days",
            ),
        ]
        triggers = [
            ends_clearance("annotator", "languages", "kind", "member_id", inserted=False),
            frozen("id", "pseudonym", "project_id"),
            pgtrigger.Trigger(
                name="suspended_by_a_person",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                condition=pgtrigger.Condition("NEW.state = 'suspended'"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM specs_suspension s WHERE s.member_id = NEW.member_id
                          AND NOT EXISTS (SELECT 1 FROM specs_suspensionend e WHERE e.suspension_id = s.id)) THEN
                        RAISE EXCEPTION 'an annotator is suspended by a named person only'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'workforce_annotator_suspended_by_a_person';
                    END IF;
                    RETURN NEW;
                """,
            ),
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


class DayAway(ProjectRow):
    """Days on which an annotator does not work, both included. Taken back by deleting the row; the events stay."""

    annotator = ProjectLink("workforce.Annotator", related_name="days_away")
    first = models.DateField()
    last = models.DateField()

    class Meta:
        constraints = [
            *same_project("day_away", annotator="workforce_annotator"),
            models.UniqueConstraint(fields=["annotator", "first"], name="day_away_once"),
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="day_away_ends_after_it_began"),
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
        triggers = [ends_clearance("annotator")]
