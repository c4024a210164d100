"""The boundary of access: projects, their members, and the tokens members give to programs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)


class Project(models.Model):
    """Everything belongs to one project; nobody outside it can tell that it exists."""

    key = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers = never_deleted()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    EDITOR = "editor", "Spec editor"
    PUBLISHER = "publisher", "Publisher"
    LEAD = "lead", "Lead"
    MANAGER = "manager", "Operations manager"
    ANNOTATOR = "annotator", "Annotator"
    READER = "reader", "Reader"


class MemberState(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    LEFT = "left", "Left"


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
            transitions(
                ("active", "suspended"),
                ("suspended", "active"),
                ("active", "left"),
                ("suspended", "left"),
                ("left", "active"),
            ),
        ]

    def __str__(self) -> str:
        return self.user.get_username() if self.user else f"member {self.pk}"


class ApiToken(ProjectRow):
    """A program's key: bound to one member of one project and to the permissions it was given. Only its digest is kept."""

    member = ProjectLink("specs.Member")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=80, unique=True)
    permissions = ArrayField(models.CharField(max_length=40), default=list)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [*same_project("api_token", member="specs_member")]
        indexes = [models.Index(fields=["member"], name="api_token_member")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
