"""The boundary of access: projects, their members, and the tokens members give to programs."""

from __future__ import annotations

import zoneinfo
from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs import item_fields
from specs.models.base import (
    ProjectLink,
    ProjectRow,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


def known_zone(name: str) -> None:
    """Refuse what is no time zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("There is no time zone of this name."))


def known_fields(lines: str) -> None:
    """Refuse lines that do not say what a field of items is."""
    try:
        item_fields.declared(lines)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class GateRule(models.TextChoices):
    MAJORS = "majors", _("For major versions")
    OFF = "off", _("Never")


class Project(models.Model):
    """Everything belongs to one project; nobody outside it can tell that it exists.

    A publication needs `approvals` of them, with `four_eyes` not the proposer's own. `gate_disagreement` is the highest
    disagreement, at its interval's upper bound, that a changed clause may show in a pilot, on at least `gate_items` items.
    `hourly_rate` is what an hour costs where no narrower rate is set; pay below `living_wage` an hour is warned of (0: never).
    `time_zone` is the one of its days, for whoever has none of their own. `item_fields` says what the fields of items are
    (`specs.item_fields`).
    """

    key = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    approvals = models.SmallIntegerField(default=0, validators=[MinValueValidator(0), MaxValueValidator(10)])
    four_eyes = models.BooleanField(default=True)
    gate = models.CharField(max_length=8, choices=GateRule, default=GateRule.MAJORS)
    gate_disagreement = models.FloatField(
        default=0.5, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    gate_items = models.SmallIntegerField(default=10, validators=[MinValueValidator(1)])
    hourly_rate = models.DecimalField(
        max_digits=8, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(Decimal(0))]
    )
    currency = models.CharField(max_length=3, default="EUR", validators=[RegexValidator("^[A-Z]{3}$")])
    living_wage = models.DecimalField(
        max_digits=8, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(Decimal(0))]
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_zone])
    item_fields = models.TextField(
        blank=True, default="", db_default="", max_length=20_000, validators=[known_fields]
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            one_of("project", "gate", GateRule),
            models.CheckConstraint(
                condition=models.Q(
                    approvals__gte=0,
                    gate_disagreement__gte=0,
                    gate_disagreement__lte=1,
                    gate_items__gte=1,
                    hourly_rate__gte=0,
                    living_wage__gte=0,
                ),
                name="project_settings_are_sensible",
            ),
        ]
        triggers = never_deleted()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    EDITOR = "editor", _("Spec editor")
    PUBLISHER = "publisher", _("Publisher")
    LEAD = "lead", _("Lead")
    MANAGER = "manager", _("Operations manager")
    ANNOTATOR = "annotator", _("Annotator")
    READER = "reader", _("Reader")


class MemberState(models.TextChoices):
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    LEFT = "left", _("Left")


class Member(ProjectRow):
    """A person in a project, with one or more roles. Events and acknowledgements name the member, never the user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="members"
    )
    roles = ArrayField(models.CharField(max_length=16, choices=Role), default=list)
    state = models.CharField(max_length=16, choices=MemberState, default=MemberState.ACTIVE)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("member"),
            models.UniqueConstraint(fields=["project", "user"], name="member_once_per_project"),
            one_of("member", "state", MemberState),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=Role.values), name="member_roles_known"
            ),
        ]
        triggers = [
            *never_deleted(),
            pgtrigger.Trigger(
                name="suspended_by_a_person",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                func="""
                    IF (NEW.state = 'suspended') <> EXISTS (
                        SELECT 1 FROM specs_suspension s WHERE s.member_id = NEW.id
                          AND NOT EXISTS (SELECT 1 FROM specs_suspensionend e WHERE e.suspension_id = s.id)) THEN
                        RAISE EXCEPTION 'a member is suspended as long as a named person''s suspension lasts'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'specs_member_suspended_by_a_person';
                    END IF;
                    RETURN NEW;
                """,
            ),
            transitions(
                ("active", "suspended"),
                ("suspended", "active"),
                ("active", "left"),
                ("suspended", "left"),
                ("left", "active"),
            ),
        ]

    @property
    def role_titles(self) -> list[str]:
        return [str(Role(role).label) for role in self.roles]

    def __str__(self) -> str:
        return self.user.get_username() if self.user else f"member {self.pk}"


class ApiToken(ProjectRow):
    """A program's key: bound to one member of one project and to the permissions it was given. Only its digest is kept."""

    member = ProjectLink("specs.Member")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=80, unique=True)
    permissions = ArrayField(models.CharField(max_length=40), default=list)
    max_leases = models.IntegerField(
        null=True
    )  # held at once before a claim by this token is refused; none: no limit
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *same_project("api_token", member="specs_member"),
            models.CheckConstraint(
                condition=models.Q(max_leases=None) | models.Q(max_leases__gte=1, max_leases__lte=10_000),
                name="api_token_leases_are_some",
            ),
        ]
        indexes = [models.Index(fields=["member"], name="api_token_member")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
