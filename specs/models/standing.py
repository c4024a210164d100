"""Whether a member may work: suspensions by a named person, how they end, and appeals against them.

A suspension is on record before anybody is suspended: `specs_member` and `workforce_annotator` take that state from one that is
open, and from nowhere else. There is no row without an actor and a reason.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    SameProject,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Suspension(ProjectRow):
    """Who was suspended, by whom, why, and until when (null: until somebody lifts it). Written once.

    `evidence` holds figures and ids that the decision rested on: what the suspended person is shown as well.
    """

    member = ProjectLink("specs.Member", related_name="suspensions")
    by = ProjectLink("specs.Member")
    reason = models.TextField()
    evidence = models.JSONField(default=dict)
    started_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("suspension"),
            project_key("suspension", "by"),
            *same_project("suspension", member="specs_member", by="specs_member"),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="suspension_has_a_reason"),
            models.CheckConstraint(condition=~Q(by=F("member")), name="suspension_is_by_another_person"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("started_at")),
                name="suspension_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["member", "-id"], name="suspension_member")]
        triggers = append_only()


class Ending(models.TextChoices):
    LIFTED = "lifted", _("Lifted")
    APPEAL = "appeal", _("Lifted on appeal")
    OVER = "over", _("Its time was over")
    LEFT = "left", _("The member left")


class SuspensionEnd(ProjectRow):
    """How a suspension ended. Only time ends one without a person."""

    suspension = ProjectLink("specs.Suspension", related_name="ends")
    ending = models.CharField(max_length=8, choices=Ending)
    by = ProjectLink("specs.Member", null=True)
    ended_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("suspension_end", suspension="specs_suspension", by="specs_member"),
            models.UniqueConstraint(fields=["suspension"], name="suspension_ends_once"),
            one_of("suspension_end", "ending", Ending),
            models.CheckConstraint(
                condition=Q(by__isnull=False) | Q(ending="over"), name="suspension_is_lifted_by_somebody"
            ),
        ]
        triggers = append_only()


class AppealState(models.TextChoices):
    OPEN = "open", _("Open")
    UPHELD = "upheld", _("The suspension stays")
    GRANTED = "granted", _("Granted: the suspension is lifted")


class Appeal(ProjectRow):
    """A suspended member asks another person to look again. Its words are a row of their own that can be erased.

    `suspended_by` repeats who suspended, so that the row itself shows that another person decided; `fallback` says that there
    was no other person, and that an owner decided.
    """

    suspension = ProjectLink("specs.Suspension", related_name="appeals")
    suspended_by = ProjectLink("specs.Member")
    state = models.CharField(max_length=8, choices=AppealState, default=AppealState.OPEN)
    filed_at = models.DateTimeField(db_default=Now())
    decided_by = ProjectLink("specs.Member", null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, db_default="")
    fallback = models.BooleanField(default=False)

    class Meta:
        constraints = [
            project_key("appeal"),
            SameProject(
                name="appeal_repeats_who_suspended",
                columns=("suspended_by_id", "suspension_id"),
                table="specs_suspension",
                keys=("by_id", "id"),
            ),
            *same_project("appeal", decided_by="specs_member"),
            models.UniqueConstraint(
                fields=["suspension"], condition=Q(state="open"), name="one_open_appeal_per_suspension"
            ),
            one_of("appeal", "state", AppealState),
            models.CheckConstraint(
                condition=Q(state="open", decided_by__isnull=True, decided_at__isnull=True)
                | (
                    ~Q(state="open")
                    & Q(decided_by__isnull=False, decided_at__isnull=False, answer__regex=r"\S")
                ),
                name="decided_appeal_has_person_and_answer",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("suspended_by")) | Q(fallback=True),
                name="appeal_is_decided_by_another_person",
            ),
        ]
        indexes = [models.Index(fields=["project"], condition=Q(state="open"), name="appeal_open")]
        triggers = [
            frozen("suspension_id", "suspended_by_id", "filed_at"),
            transitions(("open", "upheld"), ("open", "granted")),
            *never_deleted(),
        ]


class AppealText(ProjectRow):
    """What the suspended member says. Apart from the appeal, so that it can be erased."""

    appeal = ProjectLink("specs.Appeal", related_name="texts")
    text = models.TextField()

    class Meta:
        constraints = [
            *same_project("appeal_text", appeal="specs_appeal"),
            models.UniqueConstraint(fields=["appeal"], name="appeal_text_once"),
        ]
