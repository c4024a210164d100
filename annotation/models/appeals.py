"""Appeals of annotators against what became of their answers: a ruling, a mark on gold, a return."""

from __future__ import annotations

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


class AppealKind(models.TextChoices):
    RULING = "ruling", _("A ruling")
    GOLD = "gold", _("A mark on a known answer")
    RETURN = "return", _("A return by a reviewer")


class AppealOutcome(models.TextChoices):
    OPEN = "open", _("Waits for another lead")
    UPHELD = "upheld", _("Upheld: it stands")
    REVERSED = "reversed", _("Reversed")


class AnswerAppeal(ProjectRow):
    """One annotator's appeal against one decision about her answer. `against` made that decision; another decides the appeal.

    `fallback` is who decides where the team has one lead only. `by` is the appellant. An appeal against a ruling is decided by
    the next ruling on its dispute, `second`.
    """

    kind = models.CharField(max_length=8, choices=AppealKind)
    annotator = ProjectLink("workforce.Annotator")
    by = ProjectLink("specs.Member")
    ruling = ProjectLink("annotation.Ruling", null=True)
    judgement = ProjectLink("workforce.Judgement", null=True)
    decision = ProjectLink("annotation.ReviewDecision", null=True)
    reason = models.TextField()
    clause = ProjectLink("specs.Clause", null=True)
    against = ProjectLink("specs.Member", null=True)
    fallback = ProjectLink("specs.Member", null=True)
    outcome = models.CharField(max_length=8, choices=AppealOutcome, default=AppealOutcome.OPEN)
    filed_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    decided_by = ProjectLink("specs.Member", null=True)
    decided_reason = models.TextField(blank=True, default="")
    second = ProjectLink("annotation.Ruling", null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("answer_appeal"),
            *same_project(
                "answer_appeal",
                annotator="workforce_annotator",
                by="specs_member",
                ruling="annotation_ruling",
                judgement="workforce_judgement",
                decision="annotation_reviewdecision",
                clause="specs_clause",
                against="specs_member",
                fallback="specs_member",
                decided_by="specs_member",
                second="annotation_ruling",
            ),
            one_of("answer_appeal", "kind", AppealKind),
            one_of("answer_appeal", "outcome", AppealOutcome),
            models.UniqueConstraint(fields=["ruling", "annotator"], name="one_appeal_per_ruling_and_person"),
            models.UniqueConstraint(fields=["judgement"], name="one_appeal_per_mark"),
            models.UniqueConstraint(fields=["decision"], name="one_appeal_per_return"),
            models.CheckConstraint(
                condition=Q(kind="ruling", ruling__isnull=False, judgement=None, decision=None)
                | Q(kind="gold", ruling=None, judgement__isnull=False, decision=None)
                | Q(kind="return", ruling=None, judgement=None, decision__isnull=False),
                name="appeal_names_what_it_is_against",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="appeal_says_why"),
            models.CheckConstraint(
                condition=Q(outcome="open", decided_at=None, decided_by=None)
                | ~Q(outcome="open") & Q(decided_at__isnull=False, decided_by__isnull=False),
                name="decided_appeal_names_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(outcome="open") | ~Q(kind="ruling") | Q(second__isnull=False),
                name="appealed_ruling_is_decided_by_the_next",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(against=None) | ~Q(decided_by=F("against")),
                name="another_decides_the_appeal",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("by")), name="nobody_decides_her_own_appeal"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "-id"], name="answer_appeal_annotator"),
            models.Index(fields=["project", "id"], condition=Q(outcome="open"), name="answer_appeal_open"),
        ]
        triggers = [
            frozen(
                "kind",
                "annotator_id",
                "by_id",
                "ruling_id",
                "judgement_id",
                "decision_id",
                "clause_id",
                "against_id",
                "filed_at",
            ),
            transitions(("open", "upheld"), ("open", "reversed"), field="outcome"),
            *never_deleted(),
        ]
