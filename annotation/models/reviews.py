"""Reviews of answers: which answer waits for whom, and what reviewers decided."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    LinkedAtOnce,
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


class ReviewState(models.TextChoices):
    OPEN = "open", _("Waits for a reviewer")
    ACCEPTED = "accepted", _("Accepted")
    FIXED = "fixed", _("Fixed by the reviewer")
    RETURNED = "returned", _("Returned: waits for rework")
    REWORKED = "reworked", _("Reworked, and reviewed again")
    OVERTURNED = "overturned", _("Returned, and accepted on appeal")
    DISPUTED = "disputed", _("Became a dispute")
    WITHDRAWN = "withdrawn", _("Withdrawn with its task")


UNDER_REVIEW = (ReviewState.OPEN, ReviewState.RETURNED)
"""While a review is in one of these states, its answer's task does not settle."""


class ReviewQuerySet(models.QuerySet["Review"]):
    def pending(self) -> ReviewQuerySet:
        """Those that their tasks wait for."""
        return self.filter(state__in=UNDER_REVIEW)


class Review(ProjectRow):
    """One look of a stage at the answer of a slot; `round` counts the looks of that stage at it.

    The work on it is `work`, a task of the stage's review queue; what was returned is `rework`, a task of the rework queue that
    is kept for the answer's author until `due_at`.
    """

    stage = ProjectLink("workforce.ReviewStage", related_name="reviews")
    assignment = ProjectLink("workforce.Assignment")
    task = ProjectLink("workforce.Task", related_name="reviews")
    annotator = ProjectLink("workforce.Annotator")
    round = models.SmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=ReviewState, default=ReviewState.OPEN)
    work = ProjectLink("workforce.Task")
    rework = ProjectLink("workforce.Task", null=True)
    due_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    event_id = models.BigIntegerField()

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            project_key("review"),
            project_key("review", "annotator"),
            *same_project(
                "review",
                stage="workforce_reviewstage",
                task="workforce_task",
                work="workforce_task",
                rework="workforce_task",
            ),
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(state__in=["open", "returned"]),
                name="one_pending_review_per_answer",
            ),
            models.UniqueConstraint(fields=["assignment", "stage", "round"], name="review_round_once"),
            models.UniqueConstraint(fields=["work"], name="review_work_once"),
            models.UniqueConstraint(fields=["rework"], name="rework_once"),
            one_of("review", "state", ReviewState),
            models.CheckConstraint(condition=Q(round__gte=1), name="review_round_counts_from_one"),
            models.CheckConstraint(
                condition=~Q(state__in=["returned", "reworked"])
                | Q(rework__isnull=False, due_at__isnull=False),
                name="returned_review_has_rework_until",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "returned"], ended_at=None)
                | ~Q(state__in=["open", "returned"]) & Q(ended_at__isnull=False),
                name="ended_review_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["task"], condition=Q(state__in=["open", "returned"]), name="review_pending"),
            models.Index(fields=["annotator", "-id"], name="review_of_annotator"),
            models.Index(fields=["due_at"], condition=Q(state="returned"), name="review_due"),
        ]
        triggers = [
            LinkedAtOnce(
                SameProject(
                    name="review_is_of_the_answer_of_its_slot",
                    columns=("task_id", "annotator_id", "assignment_id"),
                    table="workforce_assignment",
                    keys=("task_id", "annotator_id", "id"),
                )
            ),
            frozen(
                "stage_id",
                "assignment_id",
                "task_id",
                "annotator_id",
                "round",
                "work_id",
                "opened_at",
                "project_id",
                "id",
            ),
            transitions(
                ("open", "accepted"),
                ("open", "fixed"),
                ("open", "returned"),
                ("open", "disputed"),
                ("open", "withdrawn"),
                ("returned", "reworked"),
                ("returned", "disputed"),
                ("returned", "overturned"),
                ("returned", "withdrawn"),
            ),
            *never_deleted(),
        ]


class ReviewVerdict(models.TextChoices):
    ACCEPT = "accept", _("Accept")
    FIX = "fix", _("Fix")
    RETURN = "return", _("Return")


class ReviewDecision(ProjectRow):
    """What a reviewer decided about an answer. A fix holds the reviewer's own answer; the one that was reviewed stays as it is.

    `annotation` is the revision that was looked at, `author` who gave it. `citations` are clause keys by question, as an answer
    has them. Nothing of it changes: a later look is another row.
    """

    review = ProjectLink("annotation.Review", related_name="decisions")
    assignment = ProjectLink("workforce.Assignment")
    annotation = ProjectLink("annotation.Annotation", related_name="decisions")
    author = ProjectLink("workforce.Annotator")
    reviewer = ProjectLink("workforce.Annotator")
    by = ProjectLink("specs.Member")
    verdict = models.CharField(max_length=8, choices=ReviewVerdict)
    values = models.JSONField(default=dict)
    cannot = models.CharField(max_length=32, blank=True, default="")
    citations = models.JSONField(default=dict)
    clause = ProjectLink("specs.Clause", null=True)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(db_default=Now())
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [
            project_key("review_decision"),
            *same_project(
                "review_decision",
                assignment="workforce_assignment",
                annotation="annotation_annotation",
                reviewer="workforce_annotator",
                by="specs_member",
                clause="specs_clause",
            ),
            SameProject(
                name="review_decision_of_the_author",
                columns=("author_id", "review_id"),
                table="annotation_review",
                keys=("annotator_id", "id"),
            ),
            models.UniqueConstraint(fields=["review"], name="review_decided_once"),
            models.UniqueConstraint(fields=["assignment"], name="review_decision_once_per_slot"),
            one_of("review_decision", "verdict", ReviewVerdict),
            models.CheckConstraint(
                condition=~Q(author=models.F("reviewer")), name="nobody_reviews_her_own_answer"
            ),
            models.CheckConstraint(
                condition=Q(verdict="fix") & (~Q(values={}) & Q(cannot="") | Q(values={}) & ~Q(cannot=""))
                | ~Q(verdict="fix") & Q(values={}, cannot=""),
                name="only_a_fix_has_an_answer",
            ),
            models.CheckConstraint(
                condition=~Q(verdict="return") | ~Q(reason="") & Q(clause__isnull=False),
                name="return_says_why_and_by_which_clause",
            ),
        ]
        indexes = [models.Index(fields=["annotation"], name="review_decision_annotation")]
        triggers = append_only()


NOT_UNDER_REVIEW = pgtrigger.Trigger(
    name="not_under_review",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="fresh"),
    func="""
        IF EXISTS (SELECT FROM annotation_review WHERE state IN ('open', 'returned'))
           AND EXISTS (SELECT FROM fresh f JOIN annotation_review r ON r.task_id = f.task_id
                       WHERE r.state IN ('open', 'returned')) THEN
            RAISE EXCEPTION 'a task does not end while an answer of it is under review'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'annotation_resolution_not_under_review';
        END IF;
        RETURN NULL;
    """,
)
"""A task that an answer under review belongs to gets no resolution. One look into an empty index where there are no reviews."""
