"""Appeals: an annotator asks that somebody else looks again at a decision about her answer.

    (nothing) -> open: against_ruling (its dispute: decided -> open), against_mark, against_return
    open -> upheld, reversed: follow_ruling (by the next ruling on the dispute), decide_mark, decide_return

Who decides does not see the first decision, and never is who made it. An appeal against a ruling opens its dispute again with one
more slot of its work, on which the database bars the first lead; the task keeps its label until the second ruling. One appeal
per decision and person, within `APPEAL_DAYS`. A mark on a known answer can be appealed against where it was told at once, and
from the moment on when the known answer is set aside: then it tells nobody any more what is gold.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import adjudicated, reviewing
from annotation.models import (
    Annotation,
    AnswerAppeal,
    AppealKind,
    AppealOutcome,
    Dispute,
    DisputeState,
    Review,
    ReviewDecision,
    ReviewState,
    ReviewVerdict,
    Ruling,
)
from specs import ledger
from specs.models import Member, MemberState, Role
from specs.refusals import Invalid, NotAllowed, Refusal, WrongState
from workforce import goldkeeping, judging, leasing, routing
from workforce.models import Annotator, Feedback, Judgement, Queue, Task, TaskPurpose, TaskState


class TooLate(Refusal):
    """The time to appeal is over; `until` says when it ended."""

    code = "appeal-too-late"
    status = 409


def until(decided_at: datetime) -> datetime:
    """Until when a decision of that moment can be appealed against."""
    return decided_at + timedelta(days=settings.APPEAL_DAYS)


def deadlines(marks: Sequence[int]) -> dict[int, datetime]:
    """Until when each of these marks can be appealed against; those on gold only, not those of practice."""
    if not marks:
        return {}
    rows = Judgement.objects.filter(pk__in=marks, purpose=TaskPurpose.GOLD, right=False)
    return {pk: until(at) for pk, at in rows.values_list("pk", "judged_at")}


def against_ruling(*, ruling: Ruling, annotator: Annotator, reason: str, by: Member) -> AnswerAppeal:
    """Appeal against a ruling that says otherwise than one's own answer; its dispute waits for another lead then.

    Raises `NotAllowed` (she did not answer the task), `WrongState`, `TooLate`, `Invalid`.
    """
    with transaction.atomic():
        dispute = Dispute.objects.get(pk=ruling.dispute_id)
        if dispute.work_id is None or dispute.state not in (DisputeState.OPEN, DisputeState.DECIDED):
            raise WrongState(_("Nobody can rule on this dispute again."))
        Task.objects.select_for_update(no_key=True).get(pk=dispute.work_id)
        task = (
            Task.objects.select_for_update(no_key=True, of=("self",))
            .select_related("queue__owner")
            .get(pk=dispute.task_id)
        )
        locked = Dispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)
        _appealable(locked, ruling, task, annotator)
        made = _file(
            AppealKind.RULING,
            annotator,
            reason,
            by,
            at=ruling.ruled_at,
            queue=task.queue,
            against=ruling.by_id,
            clause=ruling.clause_id,
            event=("dispute.appealed", ("dispute", locked.pk), {"task": task.pk, "ruling": ruling.pk}),
            ruling=ruling,
        )
        if locked.state == DisputeState.DECIDED:
            locked.state, locked.decided_at = DisputeState.OPEN, None
            locked.save(update_fields=["state", "decided_at"])
            routing.mark(task_id=dispute.work_id, state=TaskState.OPEN)
            routing.add_slot(task_id=dispute.work_id, by=by)
    return made


def _appealable(dispute: Dispute, ruling: Ruling, task: Task, annotator: Annotator) -> None:
    answer = Annotation.objects.counted().filter(task=task, annotator=annotator).first()
    if answer is None:
        raise NotAllowed(_("Whoever answered the task can appeal against its ruling."))
    if Ruling.objects.filter(dispute=dispute, pk__gt=ruling.pk).exists():
        raise WrongState(_("There is a later ruling on this dispute."))
    waits = AnswerAppeal.objects.filter(ruling=ruling, outcome=AppealOutcome.OPEN).exists()
    if dispute.state == DisputeState.OPEN and not waits:
        raise WrongState(_("This dispute is open: there is no ruling in force."))
    if task.state not in (TaskState.RESOLVED, TaskState.UNLABELLABLE):
        raise WrongState(_("This task has gone on since the ruling."))
    if adjudicated.agrees(ruling, answer):
        raise Invalid(_("The ruling says what you said."))


def revealed_at(mark: Judgement) -> datetime | None:
    """Since when a mark that was not told at once may be known to her: since its known answer is set aside for good."""
    if mark.known is None or mark.purpose != TaskPurpose.GOLD:
        return None
    return mark.known.set_aside_at


def against_mark(*, judgement: Judgement, annotator: Annotator, reason: str, by: Member) -> AnswerAppeal:
    """Appeal against a mark on a known answer, where one was told it. Raises as `against_ruling` does."""
    with transaction.atomic():
        row = (
            Judgement.objects.select_for_update(no_key=True, of=("self",))
            .select_related("queue__owner", "known")
            .get(pk=judgement.pk)
        )
        revealed = revealed_at(row)
        told = row.purpose == TaskPurpose.GOLD and (
            row.queue.gold_feedback == Feedback.AT_ONCE or revealed is not None
        )
        if row.annotator_id != annotator.pk or not told:
            raise NotAllowed(_("There is no such mark of yours."))
        if row.right:
            raise Invalid(_("This mark says that you were right."))
        return _file(
            AppealKind.GOLD,
            annotator,
            reason,
            by,
            at=max(row.judged_at, revealed) if revealed else row.judged_at,
            queue=row.queue,
            against=row.known.decided_by_id if row.known else None,
            clause=row.clauses[0] if row.clauses else None,
            event=("answer-appeal.filed", ("assignment", row.assignment_id), {"kind": "gold"}),
            judgement=row,
        )


def against_return(
    *, decision: ReviewDecision, annotator: Annotator, reason: str, by: Member
) -> AnswerAppeal:
    """Appeal against a return that waits for one's rework. Raises as `against_ruling` does."""
    with transaction.atomic():
        row = Review.objects.only("task_id").get(pk=decision.review_id)
        task = (
            Task.objects.select_for_update(no_key=True, of=("self",))
            .select_related("queue__owner")
            .get(pk=row.task_id)
        )
        review = Review.objects.select_for_update(no_key=True).get(pk=row.pk)
        if review.annotator_id != annotator.pk or decision.verdict != ReviewVerdict.RETURN:
            raise NotAllowed(_("There is no such return of yours."))
        if review.state != ReviewState.RETURNED or task.state != TaskState.OPEN:
            raise WrongState(_("This answer does not wait for your rework any more."))
        return _file(
            AppealKind.RETURN,
            annotator,
            reason,
            by,
            at=decision.decided_at,
            queue=task.queue,
            against=decision.by_id,
            clause=decision.clause_id,
            event=("answer-appeal.filed", ("review", review.pk), {"kind": "return"}),
            decision=decision,
        )


def _file(
    kind: AppealKind,
    annotator: Annotator,
    reason: str,
    by: Member,
    *,
    at: datetime,
    queue: Queue,
    against: int | None,
    clause: int | None,
    event: tuple[str, tuple[str, int], dict[str, Any]],
    **target: Any,
) -> AnswerAppeal:
    reason = _words(reason)
    if leasing.database_now() > until(at):
        raise TooLate(
            _("The time to appeal ended on %(at)s UTC.") % {"at": f"{until(at):%Y-%m-%d %H:%M}"},
            until=until(at).isoformat(),
        )
    if AnswerAppeal.objects.filter(annotator=annotator, **target).exists():
        raise WrongState(_("You have appealed against this already."))
    name, subject, data = event
    number = ledger.record(
        project_id=annotator.project_id,
        kind=name,
        by=by,
        subject=subject,
        data={**data, "annotator": annotator.pk},
    )
    try:
        with transaction.atomic():
            return AnswerAppeal.objects.create(
                project_id=annotator.project_id,
                kind=kind,
                annotator=annotator,
                by=by,
                reason=reason,
                clause_id=clause,
                against_id=against,
                fallback=fallback(queue=queue, against=against, appellant=by),
                event_id=number,
                **target,
            )
    except IntegrityError as error:
        raise WrongState(_("You have appealed against this already.")) from error


def _words(text: str) -> str:
    if not text.strip():
        raise Invalid(_("Say why it should be looked at again."))
    if len(text) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(_("An appeal has at most %(n)s characters.") % {"n": settings.MAX_NOTE_CHARACTERS})
    return text.strip()


def fallback(*, queue: Queue, against: int | None, appellant: Member) -> Member | None:
    """Who decides where no other lead can: the queue's owner, or another owner of the project.

    None where another lead can, and where nobody can yet.
    """
    others = Member.objects.filter(project=queue.project_id, state=MemberState.ACTIVE).exclude(
        pk__in=[pk for pk in (against, appellant.pk) if pk is not None]
    )
    if others.filter(roles__contains=[Role.LEAD]).exists():
        return None
    owners = others.filter(Q(pk=queue.owner_id) | Q(roles__contains=[Role.OWNER]))
    return min(owners, key=lambda member: (member.pk != queue.owner_id, member.pk), default=None)


def follow_ruling(*, dispute: Dispute, ruling: Ruling, by: Member) -> None:
    """A ruling on a dispute decides the appeals against the one before. Call it inside the ruling's transaction."""
    waiting = AnswerAppeal.objects.filter(ruling__dispute=dispute, outcome=AppealOutcome.OPEN)
    for appeal in waiting.select_related("ruling").select_for_update(no_key=True, of=("self",)):
        assert appeal.ruling is not None
        same = adjudicated.same(appeal.ruling, ruling)
        appeal.second = ruling
        _decide(appeal, AppealOutcome.UPHELD if same else AppealOutcome.REVERSED, ruling.reason, by)


def _decide(appeal: AnswerAppeal, outcome: AppealOutcome, reason: str, by: Member) -> None:
    appeal.outcome, appeal.decided_by, appeal.decided_reason = outcome, by, reason.strip()
    appeal.decided_at = Now()
    appeal.save(update_fields=["outcome", "decided_by", "decided_reason", "decided_at", "second"])
    ledger.record(
        project_id=appeal.project_id,
        kind="answer-appeal.decided",
        by=by,
        subject=("answer-appeal", appeal.pk),
        data={"kind": appeal.kind, "outcome": outcome.value},
    )


@dataclass(frozen=True)
class Candidate:
    """One of the two values of a marked answer, under a letter that does not tell whose it is."""

    letter: str
    value: Any
    expected: bool


def candidates(appeal: AnswerAppeal) -> list[Candidate]:
    """What she said and what was expected, in an order that is the appeal's own."""
    assert appeal.judgement is not None
    turned = uuid.uuid5(uuid.NAMESPACE_OID, f"answer-appeal:{appeal.pk}").int % 2 == 1
    both = [(appeal.judgement.expected, True), (appeal.judgement.value, False)]
    return [
        Candidate(letter, value, expected)
        for letter, (value, expected) in zip("AB", both[::-1] if turned else both, strict=True)
    ]


def decide_mark(*, appeal: AnswerAppeal, right: str, reason: str, by: Member) -> AnswerAppeal:
    """Say which of the two values is right: `A`, `B`, `both` or `neither`.

    With any but the expected one alone the mark is reversed: it is taken back from her record, and a known answer that is
    wrong is set aside. Raises `Invalid`, `NotAllowed`, `WrongState`.
    """
    with transaction.atomic():
        locked = _lock(appeal, AppealKind.GOLD, reason, by)
        letters = {one.letter: one.expected for one in candidates(locked)}
        if right not in (*letters, "both", "neither"):
            raise Invalid(_("Say which is right: A, B, both or neither."))
        upheld = letters.get(right, False)
        _decide(locked, AppealOutcome.UPHELD if upheld else AppealOutcome.REVERSED, reason, by)
        assert locked.judgement is not None
        if not upheld:
            judging.take_back(judgement=locked.judgement, by=by)
            known = locked.judgement.known
            if right != "both" and known is not None and known.set_aside_at is None:
                goldkeeping.set_aside(known=known, reason=reason, by=by)
    return locked


def decide_return(*, appeal: AnswerAppeal, stands: bool, reason: str, by: Member) -> AnswerAppeal:
    """Say whether the answer *stands* as it was given: then its return is reversed, and it goes on as if it had been accepted.

    Else its author has `REWORK_DAYS` anew. Raises `Invalid`, `NotAllowed`, `WrongState`.
    """
    with transaction.atomic():
        row = AnswerAppeal.objects.select_related("decision__review").get(pk=appeal.pk)
        assert row.decision is not None
        task = Task.objects.select_for_update(no_key=True).get(pk=row.decision.review.task_id)
        locked = _lock(appeal, AppealKind.RETURN, reason, by)
        _decide(locked, AppealOutcome.REVERSED if stands else AppealOutcome.UPHELD, reason, by)
        reviewing.after_appeal(review=row.decision.review, task=task, stands=stands, by=by)
    return locked


def _lock(appeal: AnswerAppeal, kind: AppealKind, reason: str, by: Member) -> AnswerAppeal:
    """The appeal, locked, as somebody who may decide it now has it."""
    if not reason.strip():
        raise Invalid(_("Say why: whoever appealed reads it."))
    if len(reason) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(_("A reason has at most %(n)s characters.") % {"n": settings.MAX_NOTE_CHARACTERS})
    locked = (
        AnswerAppeal.objects.select_for_update(no_key=True, of=("self",))
        .select_related("judgement__known", "decision__review")
        .get(pk=appeal.pk)
    )
    if locked.kind != kind:
        raise Invalid(_("This appeal is decided another way."))
    if locked.outcome != AppealOutcome.OPEN:
        raise WrongState(_("This appeal is decided already."))
    if by.pk in (locked.against_id, locked.by_id):
        raise NotAllowed(_("Another person than who decided first, or appealed, decides an appeal."))
    return locked


def of(annotator: Annotator) -> QuerySet[AnswerAppeal]:
    """Her appeals, newest first."""
    rows = AnswerAppeal.objects.filter(annotator=annotator).select_related(
        "clause",
        "ruling__dispute__task__item",
        "second",
        "judgement__probe__item",
        "decision__review__task__item",
    )
    return rows.order_by("-pk")


def to_decide(member: Member) -> QuerySet[AnswerAppeal]:
    """Open appeals against marks and returns that the member may decide, the oldest first; rulings wait among the disputes."""
    rows = AnswerAppeal.objects.filter(project=member.project_id, outcome=AppealOutcome.OPEN)
    rows = rows.exclude(kind=AppealKind.RULING).exclude(against=member).exclude(by=member)
    return rows.select_related("judgement__probe__item", "decision__review__task__item").order_by("pk")


@dataclass(frozen=True)
class Reversals:
    """How many appeals were decided about somebody's decisions, or under a clause, and how many of these reversed them."""

    who: Any
    n: int
    n_reversed: int


def reversals(*, project_id: int, by: str, **narrowed: Any) -> list[Reversals]:
    """Decided appeals *by* `clause` or `against` (the lead or reviewer), most reversed first; *narrowed* as a filter."""
    rows = (
        AnswerAppeal.objects.filter(project=project_id, **narrowed)
        .exclude(outcome=AppealOutcome.OPEN)
        .exclude(**{by: None})
        .order_by()
        .values_list(by)
        .annotate(n=Count("pk"), n_reversed=Count("pk", filter=Q(outcome=AppealOutcome.REVERSED)))
    )
    model: Any = AnswerAppeal._meta.get_field(by).related_model
    found = list(rows)
    named = model.objects.in_bulk([pk for pk, *_ in found])
    return sorted(
        (Reversals(named[pk], n, n_reversed) for pk, n, n_reversed in found),
        key=lambda one: (-one.n_reversed, -one.n, one.who.pk),
    )
