"""Rework: the author of an answer that a reviewer returned gives it anew.

    returned -> reworked, with the stage's next look at the answer open: accept

The rework is a task of its own, kept for her, that she leases, keeps drafts of and submits like any other; what she says is the
next revision of the answer that was returned, under its slot. So her time on it is told apart, and nothing is answered twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import reckoning, reviewing, superseding
from annotation.models import Annotation, AnswerDraft, Review, ReviewDecision, ReviewState
from specs import ledger
from specs.models import Member
from specs.refusals import WrongState
from workforce import slots
from workforce.models import Annotator, Task, TaskState


@dataclass(frozen=True)
class Returned:
    """An answer that was returned: the review, what its reviewer decided, and the answer as it stands."""

    review: Review
    decision: ReviewDecision
    answer: Annotation


def accept(
    *,
    annotator: Annotator,
    slot: slots.Slot,
    client_key: str,
    by: Member | None,
    values: Mapping[str, Any],
    questions: Sequence[str],
    clauses: Sequence[int | None],
    flagged: bool,
    confidence: int | None,
    cannot: str,
    note: str,
) -> int:
    """Put the reworked answer in place of the returned one, and open the stage's next look; returns the annotation's id.

    The caller holds the slot locked under a live lease. Raises `WrongState` where the answer is not to be reworked any more.
    """
    waits = Review.objects.only("task_id").get(rework=slot.task_id)
    task = Task.objects.select_for_update(no_key=True).get(pk=waits.task_id)
    review = (
        Review.objects.select_for_update(no_key=True, of=("self",)).select_related("stage").get(pk=waits.pk)
    )
    if review.state != ReviewState.RETURNED or task.state != TaskState.OPEN:
        raise WrongState(
            _("This answer is not to be reworked any more: its task has ended, or a lead has it.")
        )
    made = superseding.supersede(
        before=reviewing.in_force(review),
        values=values,
        questions=questions,
        clauses=clauses,
        flagged=flagged,
        confidence=confidence,
        note=note,
        client_key=client_key,
        by=by,
        cannot=cannot,
    )
    reviewing.complete(slot)
    AnswerDraft.objects.filter(task=slot.task_id, annotator=annotator).delete()
    review.state, review.ended_at = ReviewState.REWORKED, Now()
    review.save(update_fields=["state", "ended_at"])
    ledger.record(
        project_id=review.project_id,
        kind="review.reworked",
        by=by,
        subject=("review", review.pk),
        data={"task": task.pk, "annotation": made.pk},
    )
    reviewing.look(answer=made, stage=review.stage, number=review.round + 1)
    reckoning.reckon(task_id=task.pk)
    return made.pk


def of_work(task_id: int) -> Returned | None:
    """What the rework of this task is about; None where it is no rework, or not waited for any more."""
    review = (
        Review.objects.filter(rework=task_id, state=ReviewState.RETURNED)
        .select_related("stage", "task")
        .first()
    )
    if review is None:
        return None
    decision = ReviewDecision.objects.select_related("clause").get(review=review)
    return Returned(review, decision, reviewing.in_force(review))


def original(task_id: int) -> int | None:
    """The slot whose answer is reworked by this task."""
    return Review.objects.filter(rework=task_id).values_list("assignment_id", flat=True).first()


def waiting_for(annotator: Annotator) -> list[Returned]:
    """What she was returned and has not reworked yet, the first to be due first."""
    rows = Review.objects.filter(annotator=annotator, state=ReviewState.RETURNED).select_related(
        "stage__rework_queue", "task__item"
    )
    decisions = {
        one.review_id: one for one in ReviewDecision.objects.filter(review__in=rows).select_related("clause")
    }
    answers = {
        one.assignment_id: one
        for one in Annotation.objects.counted().filter(assignment__in=rows.values("assignment"))
    }
    return [Returned(row, decisions[row.pk], answers[row.assignment_id]) for row in rows.order_by("due_at")]


@dataclass(frozen=True)
class Look:
    """What a reviewer decided on an answer, without a name."""

    verdict: str
    decided_at: datetime
    reason: str
    clause: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "decided_at": self.decided_at,
            "reason": self.reason,
            "clause": self.clause,
        }


def decided_on(*, assignments: Sequence[int]) -> dict[int, list[Look]]:
    """What reviewers decided on the answers of these slots, oldest first; one query."""
    found: dict[int, list[Look]] = {}
    rows = ReviewDecision.objects.filter(review__assignment__in=assignments).select_related(
        "review", "clause"
    )
    for one in rows.order_by("pk"):
        look = Look(one.verdict, one.decided_at, one.reason, one.clause.key if one.clause else "")
        found.setdefault(one.review.assignment_id, []).append(look)
    return found
