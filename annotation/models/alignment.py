"""People who come to one reading of a clause: a session over the cases of an issue, with votes, remarks and a decision."""

from __future__ import annotations

import pgtrigger
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


class SessionState(models.TextChoices):
    VOTING = "voting", _("Blind votes")
    REVEALED = "revealed", _("Discussion")
    DECIDED = "decided", _("Decided")
    CALLED_OFF = "called-off", _("Called off")


OPEN_SESSIONS = (SessionState.VOTING, SessionState.REVEALED)


class AlignmentSession(ProjectRow):
    """Several people on the cases of one clause issue: nobody sees a vote before all are revealed.

    The decision record: `asked` is the question that was open, `decision` what was decided, `rule` the clause's new words,
    `outcomes` the value of each case with the votes it had; all of it stands in `draft` as well.
    """

    issue = ProjectLink("annotation.ClauseIssue", related_name="sessions")
    question = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=SessionState, default=SessionState.VOTING)
    convened_by = ProjectLink("specs.Member", null=True)
    opened_at = models.DateTimeField(db_default=Now())
    revealed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    asked = models.TextField(blank=True)
    decision = models.TextField(blank=True)
    rule = models.TextField(blank=True)
    outcomes = models.JSONField(default=list)
    draft = ProjectLink("specs.SpecVersion", null=True)

    class Meta:
        constraints = [
            project_key("alignment_session"),
            *same_project(
                "alignment_session",
                issue="annotation_clauseissue",
                convened_by="specs_member",
                draft="specs_specversion",
            ),
            models.UniqueConstraint(
                fields=["issue"],
                condition=Q(state__in=["voting", "revealed"]),
                name="one_open_session_per_issue",
            ),
            one_of("alignment_session", "state", SessionState),
            models.CheckConstraint(
                condition=~Q(state="decided")
                | Q(~Q(decision=""), ~Q(rule=""), ~Q(asked=""), draft__isnull=False, ended_at__isnull=False),
                name="decided_session_has_its_record",
            ),
        ]
        triggers = [
            frozen("issue_id", "question", "opened_at", "convened_by_id"),
            transitions(
                ("voting", "revealed"),
                ("revealed", "decided"),
                ("voting", "called-off"),
                ("revealed", "called-off"),
            ),
            pgtrigger.Protect(
                name="no_edit_after",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state IN ('decided', 'called-off')"),
            ),
            *never_deleted(),
        ]


class AlignmentSeat(ProjectRow):
    """Somebody who is asked to a session."""

    session = ProjectLink("annotation.AlignmentSession", related_name="seats")
    member = ProjectLink("specs.Member")

    class Meta:
        constraints = [
            *same_project("alignment_seat", session="annotation_alignmentsession", member="specs_member"),
            models.UniqueConstraint(fields=["session", "member"], name="alignment_seat_once"),
        ]
        triggers = [*never_deleted()]


class AlignmentVote(ProjectRow):
    """How somebody reads one case; her own to change until the votes are revealed."""

    session = ProjectLink("annotation.AlignmentSession", related_name="votes")
    case = ProjectLink("annotation.ClauseIssueCase", related_name="votes")
    member = ProjectLink("specs.Member")
    value = models.JSONField()
    note = models.TextField(blank=True)
    voted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project(
                "alignment_vote",
                session="annotation_alignmentsession",
                case="annotation_clauseissuecase",
                member="specs_member",
            ),
            models.UniqueConstraint(fields=["session", "case", "member"], name="alignment_vote_once"),
        ]
        triggers = [
            frozen("session_id", "case_id", "member_id"),
            pgtrigger.Trigger(
                name="votes_are_blind",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    PERFORM FROM annotation_alignmentsession s JOIN annotation_alignmentseat p ON p.session_id = s.id
                    JOIN annotation_clauseissuecase c ON c.issue_id = s.issue_id
                    WHERE s.id = NEW.session_id AND s.state = 'voting' AND p.member_id = NEW.member_id AND c.id = NEW.case_id
                    FOR SHARE OF s;
                    IF NOT FOUND THEN
                        RAISE EXCEPTION 'a vote is of somebody asked, on a case of the issue, before the votes are revealed'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'votes_are_blind';
                    END IF;
                    RETURN NEW;
                """,
            ),
            *never_deleted(),
        ]


class AlignmentRemark(ProjectRow):
    """What somebody said once the votes were seen."""

    session = ProjectLink("annotation.AlignmentSession", related_name="remarks")
    member = ProjectLink("specs.Member")
    text = models.TextField()
    said_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            *same_project("alignment_remark", session="annotation_alignmentsession", member="specs_member"),
            models.CheckConstraint(condition=~Q(text=""), name="alignment_remark_says_something"),
        ]
        triggers = append_only()
