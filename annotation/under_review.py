"""What reviews mean for the task whose answers they look at: whether it waits, and which answers reviewers have fixed.

open, returned -> withdrawn: withdraw
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from annotation.models import Review, ReviewDecision, ReviewState, ReviewVerdict
from specs import ledger
from workforce import leasing, routing
from workforce.models import ABOUT_ANSWERS, Assignment, SlotState, Task, TaskState


def pending(task_id: int) -> bool:
    """Whether an answer of the task waits for a reviewer or for rework: then the task does not settle."""
    return Review.objects.pending().filter(task=task_id).exists()


def fixes(task_id: int) -> dict[int, ReviewDecision]:
    """The reviewers' own answers, by the annotation each stands for; of several the last. Older revisions' are of no account."""
    found = ReviewDecision.objects.filter(review__task=task_id, verdict=ReviewVerdict.FIX)
    return {decision.annotation_id: decision for decision in found.select_related("review").order_by("pk")}


def reviewers(task_id: int) -> set[int]:
    """The annotators who have decided as reviewers on answers of the task."""
    return set(ReviewDecision.objects.filter(review__task=task_id).values_list("reviewer", flat=True))


def withdraw(*, task_id: int) -> int:
    """End the reviews that a task waited for: it ends otherwise. Call it under the task's lock; returns how many.

    The work on them is taken out of its queues, except what somebody has in hands: that is refused when she sends it.
    """
    found = list(Review.objects.pending().filter(task=task_id).select_for_update(no_key=True))
    for review in found:
        ledger.record(
            project_id=review.project_id,
            kind="review.withdrawn",
            by=None,
            subject=("review", review.pk),
            data={"task": task_id},
        )
        review.state, review.ended_at = ReviewState.WITHDRAWN, Now()
        review.save(update_fields=["state", "ended_at"])
    works = [pk for review in found for pk in (review.work_id, review.rework_id) if pk is not None]
    drop(works)
    return len(found)


def drop(works: Sequence[int]) -> int:
    """Withdraw work that nobody needs any more, where nobody is at it; returns how many tasks.

    The locks of a decision run the other way, so none is waited for: what somebody has in hands goes later (`leftover`).
    """
    held = Assignment.objects.filter(task=OuterRef("pk"), state=SlotState.LEASED, lease_until__gt=Now())
    free = (
        Task.objects.filter(~Exists(held), pk__in=works, state=TaskState.OPEN)
        .order_by("pk")
        .select_for_update(no_key=True, skip_locked=True)
    )
    n = 0
    for task in free:
        for slot in Assignment.objects.filter(task=task, state=SlotState.LEASED):
            leasing.give_back(assignment_id=slot.pk, by=None, kind="assignment.expired")
        ledger.record(
            project_id=task.project_id, kind="task.dropped", by=None, subject=("task", task.pk), data={}
        )
        routing.withdraw_open_slots(task_id=task.pk)
        routing.mark(task_id=task.pk, state=TaskState.WITHDRAWN)
        n += 1
    return n


def leftover(*, limit: int) -> list[int]:
    """Work on reviews, and rework, that is still there although its review has ended."""
    over = Review.objects.filter(work=OuterRef("pk")).exclude(state=ReviewState.OPEN)
    anew = Review.objects.filter(rework=OuterRef("pk")).exclude(state=ReviewState.RETURNED)
    open_ones = Task.objects.filter(state=TaskState.OPEN, queue__purpose__in=ABOUT_ANSWERS)
    return list(open_ones.filter(Exists(over) | Exists(anew)).values_list("pk", flat=True)[:limit])
