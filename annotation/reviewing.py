"""Reviews: somebody else looks at an answer before its task settles.

    (nothing) -> open: begin, look_again
    open -> accepted, fixed, returned, disputed: decide
    returned -> disputed: end_overdue
    returned -> overturned: after_appeal
    open, returned -> withdrawn: withdraw_ended, and `under_review`
    (returned -> reworked, with the next look open: `reworking`)

An answer goes through the stages of its queue that take it, one after the other. The work on a look is a task of the stage's
review queue, claimed and leased like any other, served under the version that the answer was given under; nobody is given the
work on a task that she has a slot of, and whoever has reviewed an answer of a task is not given the task. A fix is the
reviewer's own answer and stands for the original when the task settles; the original stays on record.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import parsing, settling, under_review
from annotation.models import (
    Annotation,
    AnswerAppeal,
    AppealOutcome,
    DisputeReason,
    Review,
    ReviewDecision,
    ReviewState,
    ReviewVerdict,
)
from specs import ledger, versions
from specs.models import Member
from specs.problems import Problem
from specs.refusals import Invalid, NotAllowed, Stale, WrongState
from workforce import categories, leasing, reserving, review_stages, routing, slots, staffing
from workforce.models import (
    Annotator,
    Assignment,
    Barred,
    Queue,
    ReviewStage,
    SlotState,
    Task,
    TaskState,
)

WITHOUT_END = timedelta(days=36_500)
"""For how long rework is kept for its author: nobody else can do it."""


@dataclass(frozen=True)
class Decided:
    """What a reviewer says. `seen` is the annotation that she looked at.

    With `fix` the values and citations are the reviewer's own, or `cannot` is why the item cannot be labelled; with `return`
    comes a reason and the key of the clause that decides.
    """

    verdict: str
    seen: int
    values: Mapping[str, Any] = field(default_factory=dict)
    citations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cannot: str = ""
    reason: str = ""
    clause: str = ""


def begin(*, answer: Annotation, after: int = 0) -> Review | None:
    """Open the look of the first stage behind *after* that takes the answer; None when none does.

    Call it under the lock of the answer's task.
    """
    stage = review_stages.following(
        stages=review_stages.in_force(queue_id=answer.queue_id),
        after=after,
        annotator_id=answer.annotator_id,
        assignment_id=answer.assignment_id,
    )
    return look(answer=answer, stage=stage, number=1) if stage is not None else None


def look_again(*, answer: Annotation, stage: ReviewStage) -> Review:
    """Open another look of the stage at the answer, whatever its rule takes. Call it under the lock of the answer's task."""
    last = Review.objects.filter(assignment=answer.assignment_id, stage=stage).order_by("-round").first()
    return look(answer=answer, stage=stage, number=last.round + 1 if last else 1)


def look(*, answer: Annotation, stage: ReviewStage, number: int) -> Review:
    """Open the stage's look of that number at the answer. Call it under the lock of the answer's task."""
    task = Task.objects.get(pk=answer.task_id)
    has_a_slot = Assignment.objects.filter(task=task, annotator__isnull=False)
    work = routing.route(
        item_id=task.item_id,
        queue=Queue.objects.get(pk=stage.review_queue_id),
        meaning=task.meaning,
        barred=has_a_slot.values_list("annotator_id", flat=True),
        overlap=1,
        pinned_id=answer.version_id,
        by=None,
    )
    event = ledger.record(
        project_id=answer.project_id,
        kind="review.opened",
        by=None,
        subject=("assignment", answer.assignment_id),
        data={"task": task.pk, "stage": stage.pk, "round": number, "work": work.pk},
    )
    return Review.objects.create(
        project_id=answer.project_id,
        stage=stage,
        assignment_id=answer.assignment_id,
        task=task,
        annotator_id=answer.annotator_id,
        round=number,
        work=work,
        event_id=event,
    )


def in_force(review: Review) -> Annotation:
    """The answer that the review looks at, as it stands."""
    return (
        Annotation.objects.counted()
        .select_related("task__item", "queue", "annotator")
        .prefetch_related("citations__clause", "notes")
        .get(assignment=review.assignment_id)
    )


def fix_of(answer: Annotation) -> ReviewDecision | None:
    """A reviewer's own answer that stands for this one, if an earlier stage fixed it."""
    return under_review.fixes(answer.task_id).get(answer.pk)


def most_rounds() -> int:
    """How often a stage returns an answer."""
    return int(settings.REVIEW_ROUNDS)


def take(*, queue: Queue, annotator: Annotator, by: Member) -> tuple[Review, leasing.Served] | None:
    """The review that she holds in the review queue, or the next one, leased; None when nothing waits for her there.

    Whoever holds the role that the stage names is enrolled with it. Raises `NotAllowed`, and what a claim raises.
    """
    stage = ReviewStage.objects.filter(review_queue=queue).first()
    if stage is None:
        raise WrongState(_("No review stage works in this queue."))
    if not review_stages.may_review(stage=stage, annotator=annotator):
        raise NotAllowed(
            _("This stage is reviewed by members with the role %(role)s.") % {"role": stage.role}
        )
    with transaction.atomic():
        if stage.role:
            staffing.enrol(queue=queue, annotator=annotator, by=by)
        for held in leasing.held(annotator=annotator, queue_id=queue.pk):
            return Review.objects.select_related("stage").get(work=held.task_id), held
        while (served := leasing.claim(queue_id=queue.pk, annotator=annotator, by=by)) is not None:
            review = Review.objects.select_related("stage", "task").get(work=served.task_id)
            if review.state == ReviewState.OPEN and review.task.state == TaskState.OPEN:
                _bar(review, annotator)
                return review, served
            _put_away(review, served, annotator, by)
    return None


def _bar(review: Review, annotator: Annotator) -> None:
    """Who has seen an answer of the task is not asked for one."""
    Barred.objects.bulk_create(
        [
            Barred(
                project_id=review.project_id,
                task_id=review.task_id,
                annotator=annotator,
                reason="reviewed it",
            )
        ],
        ignore_conflicts=True,
    )


def _put_away(review: Review, served: leasing.Served, annotator: Annotator, by: Member) -> None:
    """The task ended otherwise while its review waited: the work on it goes."""
    leasing.release(assignment_id=served.assignment_id, annotator=annotator, token=served.token, by=by)
    under_review.withdraw(task_id=review.task_id)
    under_review.drop([review.work_id])


def decide(
    *,
    review: Review,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    decided: Decided,
    by: Member,
) -> ReviewDecision:
    """Accept the answer, put one's own in its place, or return it to its author; the task settles when no review is left.

    What would be returned for more than `REVIEW_ROUNDS` times becomes a dispute. Raises `LeaseLost`, `WrongState` (it is not
    under review any more), `Stale` (its author corrected it meanwhile), `Invalid`.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None or slot.task_id != review.work_id:
            raise leasing.LeaseLost(_("This is not your lease on the review."))
        task = Task.objects.select_for_update(no_key=True).get(pk=review.task_id)
        locked = (
            Review.objects.select_for_update(no_key=True, of=("self",))
            .select_related("stage")
            .get(pk=review.pk)
        )
        if locked.state != ReviewState.OPEN or task.state != TaskState.OPEN:
            raise WrongState(_("This answer is not under review any more."))
        if not slot.live:
            raise leasing.LeaseLost(_("Your lease on this review has ended; open it again."))
        answer = in_force(locked)
        if answer.pk != decided.seen:
            raise Stale(
                _("Its author corrected this answer meanwhile; look at it again."), annotation=answer.pk
            )
        decision = _record(locked, answer, annotator, assignment_id, decided, slot.payload, by)
        complete(slot)
        match decision.verdict:
            case ReviewVerdict.RETURN if locked.round > most_rounds():
                _dispute(locked, task, by)
            case ReviewVerdict.RETURN:
                _return(locked, task, answer, by)
            case verdict:
                fixed = verdict == ReviewVerdict.FIX
                _end(locked, ReviewState.FIXED if fixed else ReviewState.ACCEPTED)
                go_on(answer=answer, task=task, after=locked.stage.position)
    return decision


def _record(
    review: Review,
    answer: Annotation,
    annotator: Annotator,
    assignment_id: int,
    decided: Decided,
    payload: Mapping[str, Any],
    by: Member,
) -> ReviewDecision:
    version = versions.read(answer.version_id)
    fix = decided.verdict == ReviewVerdict.FIX
    clause = version.clause(decided.clause) if decided.clause else None
    _check(decided, clause, answer.queue)
    values: Mapping[str, Any] = {}
    if fix and not decided.cannot:
        values = parsing.parse(version, decided.values, payload)
        parsing.citations(version, decided.citations, values)
    event = ledger.record(
        project_id=review.project_id,
        kind="review.decided",
        by=by,
        subject=("review", review.pk),
        data={"task": review.task_id, "verdict": decided.verdict, "clause": clause.id if clause else None},
    )
    return ReviewDecision.objects.create(
        project_id=review.project_id,
        review=review,
        assignment_id=assignment_id,
        annotation=answer,
        author_id=review.annotator_id,
        reviewer=annotator,
        by=by,
        verdict=decided.verdict,
        values=dict(values),
        cannot=decided.cannot if fix else "",
        citations={key: list(cited) for key, cited in decided.citations.items()} if fix else {},
        clause_id=clause.id if clause else None,
        reason=decided.reason.strip(),
        event_id=event,
    )


def _check(decided: Decided, clause: versions.ReadClause | None, queue: Queue) -> None:
    found: list[Problem] = []
    if decided.verdict not in ReviewVerdict.values:
        found.append(
            Problem("verdict", _("is one of %(values)s") % {"values": ", ".join(ReviewVerdict.values)})
        )
    if decided.clause and clause is None:
        found.append(
            Problem(
                "clause",
                _("%(key)r is no clause of the version it was answered under") % {"key": decided.clause[:64]},
            )
        )
    if decided.verdict == ReviewVerdict.RETURN:
        if not decided.reason.strip():
            found.append(Problem("reason", _("is needed: its author reads it")))
        if not decided.clause:
            found.append(Problem("clause", _("is needed: name the one that decides")))
    if len(decided.reason) > settings.MAX_NOTE_CHARACTERS:
        found.append(
            Problem("reason", _("has at most %(n)s characters") % {"n": settings.MAX_NOTE_CHARACTERS})
        )
    if decided.verdict == ReviewVerdict.FIX and decided.cannot not in ("", *dict(categories.offered(queue))):
        found.append(Problem("cannot", _("is a category that the queue offers")))
    if found:
        raise Invalid(_("The review is not complete."), problems=[problem.as_dict() for problem in found])


def complete(slot: slots.Slot) -> None:
    """The work on a review, or on rework, is done: its slot is submitted, its task ends. Call it under both their locks."""
    Assignment.objects.filter(pk=slot.assignment_id).update(
        state=SlotState.SUBMITTED, submitted_at=Now(), lease_until=None
    )
    Task.objects.filter(pk=slot.task_id).update(n_answers=1)
    routing.mark(task_id=slot.task_id, state=TaskState.RESOLVED)


def go_on(*, answer: Annotation, task: Task, after: int) -> None:
    """The next stage's look, or, when no answer of the task is under review, what its answers come to."""
    if begin(answer=answer, after=after) is None and task.n_answers >= task.overlap:
        settling.settle(task_id=task.pk)


def _end(review: Review, state: ReviewState) -> None:
    review.state, review.ended_at = state, Now()
    review.save(update_fields=["state", "ended_at"])


def _return(review: Review, task: Task, answer: Annotation, by: Member) -> None:
    """To its author, who alone can rework it."""
    queue = Queue.objects.get(pk=review.stage.rework_queue_id)
    rework = routing.route(
        item_id=task.item_id,
        queue=queue,
        meaning=task.meaning,
        overlap=1,
        pinned_id=answer.version_id,
        kept_for=answer.annotator,
        by=by,
    )
    staffing.enrol(queue=queue, annotator=answer.annotator, by=by)
    reserving.reserve(
        queue_id=queue.pk, task_ids=[rework.pk], annotator=answer.annotator, keep=WITHOUT_END, by=by
    )
    review.state, review.rework = ReviewState.RETURNED, rework
    review.due_at = _due()
    review.save(update_fields=["state", "rework", "due_at"])


def _dispute(review: Review, task: Task, by: Member | None) -> None:
    """A lead decides: neither who answered nor who reviewed."""
    _end(review, ReviewState.DISPUTED)
    ledger.record(
        project_id=review.project_id,
        kind="review.disputed",
        by=by,
        subject=("review", review.pk),
        data={"task": task.pk, "round": review.round},
    )
    answers = settling.counted(task.pk)
    version = versions.read(max(answer.version_id for answer in answers))
    settling.open_dispute(
        task_id=task.pk,
        project_id=task.project_id,
        questions=settling.asked(version),
        reason=DisputeReason.REVIEW,
        disagreement=1.0,
        item_id=task.item_id,
        meaning=task.meaning,
        adjudication_queue_id=Queue.objects.get(pk=task.queue_id).adjudication_queue_id,
        answered_by=[*(answer.annotator_id for answer in answers), *under_review.reviewers(task.pk)],
        by=by,
    )


def after_appeal(*, review: Review, task: Task, stands: bool, by: Member) -> None:
    """What an appeal against a return comes to, where the answer still waits for rework. Call it under the lock of *task*.

    An answer that *stands* goes on as if it had been accepted; else its author has `REWORK_DAYS` anew.
    """
    locked = (
        Review.objects.select_for_update(no_key=True, of=("self",)).select_related("stage").get(pk=review.pk)
    )
    if locked.state != ReviewState.RETURNED or task.state != TaskState.OPEN:
        return
    if not stands:
        locked.due_at = _due()
        locked.save(update_fields=["due_at"])
        return
    _end(locked, ReviewState.OVERTURNED)
    ledger.record(
        project_id=locked.project_id,
        kind="review.overturned",
        by=by,
        subject=("review", locked.pk),
        data={"task": task.pk},
    )
    under_review.drop([locked.rework_id] if locked.rework_id else [])
    go_on(answer=in_force(locked), task=task, after=locked.stage.position)


def _due() -> datetime:
    return leasing.database_now() + timedelta(days=settings.REWORK_DAYS)


def end_overdue(*, limit: int = 200) -> int:
    """Hand what was returned and not reworked in time to the leads; returns how many. Harmless to repeat.

    What its author has in hands is left to her until her lease ends, and what she appealed against until that is decided.
    """
    appealed = AnswerAppeal.objects.filter(outcome=AppealOutcome.OPEN, decision__review=OuterRef("pk"))
    due = Review.objects.filter(~Exists(appealed), state=ReviewState.RETURNED, due_at__lte=Now()).order_by(
        "due_at"
    )
    n = 0
    for pk, task_id in list(due.values_list("pk", "task_id")[:limit]):
        with transaction.atomic():
            task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
            review = (
                Review.objects.select_for_update(no_key=True)
                .filter(pk=pk, state=ReviewState.RETURNED)
                .first()
            )
            if review is None or task.state != TaskState.OPEN:
                continue
            if Assignment.objects.filter(task=review.rework_id, lease_until__gt=Now()).exists():
                continue
            rework = review.rework_id
            _dispute(review, task, None)
            under_review.drop([rework] if rework else [])
            n += 1
    return n


def withdraw_ended(*, limit: int = 200) -> int:
    """End the reviews of tasks that ended without being settled: taken back with their load, or begun again under another
    meaning; and withdraw the work on reviews that ended while somebody had it. Returns how many; harmless to repeat.
    """
    gone = Review.objects.pending().filter(task__state=TaskState.WITHDRAWN).order_by("pk")
    n = 0
    for task_id in sorted(set(gone.values_list("task_id", flat=True)[:limit])):
        with transaction.atomic():
            Task.objects.select_for_update(no_key=True).get(pk=task_id)
            n += under_review.withdraw(task_id=task_id)
    with transaction.atomic():
        return n + under_review.drop(under_review.leftover(limit=limit))
