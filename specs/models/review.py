"""How a draft becomes law: proposals, approvals, comments; and the pictures that clauses show."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    ProjectLink,
    ProjectRow,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)
from specs.models.spec import ChangeClass


class ProposalState(models.TextChoices):
    OPEN = "open", _("Open")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    PUBLISHED = "published", _("Published")


class Proposal(ProjectRow):
    """A draft put forward for publication, with the words and the class it is to be published under.

    The draft may go on changing: an approval names the digest of what was approved, and counts for nothing else.
    """

    spec = ProjectLink("specs.Spec", related_name="proposals")
    version = ProjectLink("specs.SpecVersion", null=True, related_name="proposals")
    state = models.CharField(max_length=16, choices=ProposalState, default=ProposalState.OPEN)
    claimed = models.CharField(max_length=8, choices=ChangeClass, blank=True)
    notes = models.TextField()
    rationale = models.TextField()
    proposed_by = ProjectLink("specs.Member", null=True)
    proposed_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("proposal"),
            *same_project(
                "proposal", spec="specs_spec", version="specs_specversion", proposed_by="specs_member"
            ),
            models.UniqueConstraint(
                fields=["spec"], condition=Q(state="open"), name="one_open_proposal_per_spec"
            ),
            one_of("proposal", "state", ProposalState),
            models.CheckConstraint(
                condition=~Q(notes="") & ~Q(rationale=""), name="proposal_says_what_and_why"
            ),
        ]
        triggers = [
            frozen("spec_id", "claimed", "notes", "rationale", "proposed_by_id"),
            transitions(("open", "withdrawn"), ("open", "published")),
            *never_deleted(),
        ]


class Verdict(models.TextChoices):
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Changes asked for")


class Approval(ProjectRow):
    """A member's verdict on a proposal as it stood; her newest one counts, for the draft with that digest alone."""

    proposal = ProjectLink("specs.Proposal", related_name="approvals")
    by = ProjectLink("specs.Member")
    verdict = models.CharField(max_length=16, choices=Verdict)
    digest = models.CharField(max_length=80)
    note = models.TextField(blank=True)
    given_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            *same_project("approval", proposal="specs_proposal", by="specs_member"),
            one_of("approval", "verdict", Verdict),
            models.CheckConstraint(condition=Q(verdict="approved") | ~Q(note=""), name="declining_says_why"),
        ]
        indexes = [models.Index(fields=["proposal"], name="approval_proposal")]
        triggers = append_only()


class Comment(ProjectRow):
    """A remark on a spec's draft, or on one clause of it; resolved by whoever has dealt with it."""

    spec = ProjectLink("specs.Spec", related_name="comments")
    clause = ProjectLink("specs.Clause", null=True)
    text = models.TextField()
    by = ProjectLink("specs.Member", null=True)
    written_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)
    resolved_by = ProjectLink("specs.Member", null=True)

    class Meta:
        constraints = [
            project_key("comment"),
            *same_project(
                "comment",
                spec="specs_spec",
                clause="specs_clause",
                by="specs_member",
                resolved_by="specs_member",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="comment_says_something"),
        ]
        indexes = [models.Index(fields=["spec", "-id"], name="comment_newest")]
        triggers = [frozen("spec_id", "clause_id", "by_id"), *never_deleted()]


class Picture(ProjectRow):
    """An image that clauses show: re-encoded on arrival, kept in the one store under the digest of its bytes."""

    digest = models.CharField(max_length=80)
    media_type = models.CharField(max_length=40)
    width = models.IntegerField()
    height = models.IntegerField()
    n_bytes = models.IntegerField()
    added_by = ProjectLink("specs.Member", null=True)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("picture", added_by="specs_member"),
            models.UniqueConstraint(fields=["project", "digest"], name="picture_once_per_project"),
            models.CheckConstraint(
                condition=Q(media_type__in=["image/png", "image/jpeg", "image/webp"]),
                name="picture_is_a_picture",
            ),
        ]
        triggers = append_only()
