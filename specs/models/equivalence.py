"""Meanings of a spec that somebody answers for as one: what agreement may then measure together."""

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
    same_project,
    transitions,
)


class EquivalenceState(models.TextChoices):
    DECLARED = "declared", _("Declared")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Equivalence(ProjectRow):
    """Two meanings of a spec, declared to ask for the same labels, with who says so and why.

    It joins what is measured, and changes no label, no task and no version. Whatever is declared the same as the same
    meaning is the same.
    """

    spec = ProjectLink("specs.Spec", related_name="equivalences")
    earlier = models.IntegerField()
    later = models.IntegerField()
    state = models.CharField(max_length=16, choices=EquivalenceState, default=EquivalenceState.DECLARED)
    reason = models.TextField()
    declared_by = ProjectLink("specs.Member")
    declared_at = models.DateTimeField(db_default=Now())
    withdrawn_by = ProjectLink("specs.Member", null=True)
    withdrawn_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project(
                "equivalence", spec="specs_spec", declared_by="specs_member", withdrawn_by="specs_member"
            ),
            models.UniqueConstraint(
                fields=["spec", "earlier", "later"],
                condition=Q(state="declared"),
                name="equivalence_declared_once",
            ),
            models.CheckConstraint(
                condition=Q(earlier__gte=1, later__gt=F("earlier")),
                name="equivalence_of_two_published_meanings",
            ),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="equivalence_has_a_reason"),
            one_of("equivalence", "state", EquivalenceState),
            models.CheckConstraint(
                condition=Q(state="declared", withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(state="withdrawn", withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="equivalence_is_withdrawn_by_somebody",
            ),
        ]
        triggers = [
            frozen("project_id", "spec_id", "earlier", "later", "reason", "declared_by_id", "event_id"),
            transitions(("declared", "withdrawn")),
            *never_deleted(),
        ]
