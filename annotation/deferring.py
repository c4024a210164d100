"""A lead who does not decide a dispute: back for more answers, or on to another queue or a person by name.

    open -> returned, its task open with more slots: ask_more
    open -> open, its work in other hands: escalate

The work that she had is done either way, and its slot complete: the database gives her none of this dispute again. A known
dispute (`shadowing`) is put away unjudged, so that passing it on looks like passing on any other.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.models import (
    MOST_MORE,
    Annotation,
    AnswerAppeal,
    AppealOutcome,
    Deferral,
    DeferralKind,
    Dispute,
    DisputeState,
    ReviewDecision,
    Ruling,
)
from specs import ledger
from specs.access import permissions_of
from specs.models import Member, MemberState
from specs.refusals import Invalid, NotAllowed, WrongState
from workforce import leasing, reserving, routing, slots, staffing
from workforce.models import Annotator, Assignment, Purpose, Queue, QueueState, Task, TaskState

MOST_OVERLAP = 50


def ask_more(
    *,
    dispute: Dispute,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    n: int,
    reason: str = "",
    by: Member,
) -> Deferral:
    """Give the task *n* more slots instead of a ruling; when they are answered its queue's rule judges anew.

    Raises `Invalid`, `LeaseLost`, `WrongState`: an appeal is decided, not sent back.
    """

    def act(locked: Dispute) -> dict[str, Any]:
        task = Task.objects.get(pk=locked.task_id)
        if not 1 <= n <= min(MOST_MORE, MOST_OVERLAP - task.n_answers):
            raise Invalid(_("Ask for 1 to %(most)d more answers.") % {"most": MOST_MORE})
        if locked.state == DisputeState.OPEN:
            if AnswerAppeal.objects.filter(ruling__dispute=locked, outcome=AppealOutcome.OPEN).exists():
                raise WrongState(
                    _("Somebody appealed: this dispute is decided, or passed on to another lead.")
                )
            if task.state != TaskState.DISPUTED:
                raise WrongState(
                    _("This dispute was opened again: it is decided, or passed on to somebody else.")
                )
            for _more in range(n):
                routing.add_slot(task_id=locked.task_id, by=by)
        locked.state = {
            DisputeState.OPEN: DisputeState.RETURNED,
            DisputeState.SECOND: DisputeState.SECONDED,
            DisputeState.PROBE: DisputeState.PROBED,
        }[DisputeState(locked.state)]
        locked.decided_at = Now()
        locked.save(update_fields=["state", "decided_at"])
        return {"n_answers": n}

    return _defer(
        act, DeferralKind.MORE, "dispute.returned", dispute, annotator, assignment_id, token, reason, by
    )


def escalate(
    *,
    dispute: Dispute,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    queue: Queue | None = None,
    person: Annotator | None = None,
    reason: str,
    by: Member,
) -> Deferral:
    """Put the dispute into another adjudication *queue*, or before one *person*, kept for her `ESCALATED_DAYS`.

    Raises `Invalid` (no reason, no such way), `NotAllowed` (the person answered, or has ruled), `LeaseLost`, `WrongState`.
    """

    def act(locked: Dispute) -> dict[str, Any]:
        if not reason.strip():
            raise Invalid(_("Say why you pass it on: whoever takes it reads that."))
        if (queue is None) == (person is None):
            raise Invalid(_("Name a queue or a person."))
        work = work_of(locked)
        there = queue or work.queue
        if queue is not None and not tiers(dispute=locked).filter(pk=queue.pk).exists():
            raise Invalid(_("This is no other adjudication queue of the spec that is open."))
        if locked.state == DisputeState.PROBE:
            _put_away(locked)
            return {"queue": there, "person": person}
        barred = had_it(locked)
        if person is not None and (person.pk in barred or not _may_decide(person)):
            raise NotAllowed(_("This person answered the task, has decided on it, or may not adjudicate."))
        moved = routing.route(
            item_id=work.item_id,
            queue=there,
            meaning=work.meaning,
            barred=barred,
            overlap=1,
            disagreement=locked.disagreement,
            by=by,
        )
        if person is not None:
            _keep_for(person, there, moved, by)
        locked.work = moved
        locked.save(update_fields=["work"])
        return {"queue": there, "person": person}

    kind = DeferralKind.PERSON if person is not None else DeferralKind.TIER
    return _defer(act, kind, "dispute.escalated", dispute, annotator, assignment_id, token, reason, by)


def _defer(
    act: Callable[[Dispute], dict[str, Any]],
    kind: DeferralKind,
    event: str,
    dispute: Dispute,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    reason: str,
    by: Member,
) -> Deferral:
    """What both ways share: the locks of a ruling, the record, and the end of the work she had."""
    if len(reason) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(_("A reason has at most %(n)s characters.") % {"n": settings.MAX_NOTE_CHARACTERS})
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        locked = lock(dispute, slot)
        assert slot is not None
        Assignment.objects.filter(pk=assignment_id).update(
            state="submitted", submitted_at=Now(), lease_until=None
        )
        Task.objects.filter(pk=slot.task_id).update(n_answers=F("n_answers") + 1)
        if locked.state != DisputeState.PROBE:
            routing.mark(task_id=slot.task_id, state=TaskState.RESOLVED)
        number = ledger.record(
            project_id=locked.project_id,
            kind=event,
            by=by,
            subject=("dispute", locked.pk),
            data={"task": locked.task_id, "work": slot.task_id, "kind": kind.value},
        )
        return Deferral.objects.create(
            project_id=locked.project_id,
            dispute=locked,
            assignment_id=assignment_id,
            annotator=annotator,
            by=by,
            kind=kind,
            reason=reason.strip(),
            event_id=number,
            **act(locked),
        )


def lock(dispute: Dispute, slot: slots.Slot | None) -> Dispute:
    """The dispute, locked after its task, for whoever holds the live lease on its work. Raises `LeaseLost`, `WrongState`."""
    Task.objects.select_for_update(no_key=True).only("pk").get(pk=dispute.task_id)
    locked = Dispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)
    if slot is None or slot.task_id != locked.work_id:
        raise leasing.LeaseLost(_("This is not your lease on the dispute."))
    if locked.state not in (DisputeState.OPEN, DisputeState.PROBE, DisputeState.SECOND):
        raise WrongState(_("Somebody else ruled on this dispute."))
    if not slot.live:
        raise leasing.LeaseLost(_("Your lease on this dispute has ended; open it again."))
    return locked


def work_of(dispute: Dispute) -> Task:
    """The task of the adjudication queue, with its queue."""
    assert dispute.work_id is not None
    return Task.objects.select_related("queue").get(pk=dispute.work_id)


def _put_away(locked: Dispute) -> None:
    locked.state, locked.decided_at = DisputeState.PROBED, Now()
    locked.save(update_fields=["state", "decided_at"])


def _keep_for(person: Annotator, queue: Queue, work: Task, by: Member) -> None:
    staffing.enrol(queue=queue, annotator=person, by=by)
    keep = timedelta(days=settings.ESCALATED_DAYS)
    if not reserving.reserve(queue_id=queue.pk, task_ids=[work.pk], annotator=person, keep=keep, by=by):
        raise NotAllowed(_("This person cannot be given the dispute."))


def had_it(dispute: Dispute) -> set[int]:
    """The annotators who may not decide it: who answered or reviewed, and who ruled on it or passed it on."""
    ruled = Ruling.objects.filter(dispute__task=dispute.task_id).values_list("annotator")
    passed_on = Deferral.objects.filter(dispute__task=dispute.task_id).values_list("annotator")
    return {annotator for (annotator,) in _answered(dispute).union(ruled, passed_on)}


def answered(dispute: Dispute) -> set[int]:
    """The annotators who answered its task, or reviewed an answer to it."""
    return {annotator for (annotator,) in _answered(dispute)}


def _answered(dispute: Dispute) -> Any:
    answers = Annotation.objects.filter(task=dispute.task_id).values_list("annotator")
    return answers.union(ReviewDecision.objects.filter(review__task=dispute.task_id).values_list("reviewer"))


def tiers(*, dispute: Dispute) -> QuerySet[Queue]:
    """The other adjudication queues of the spec, where the dispute could go on."""
    queue = dispute.work.queue if dispute.work else None
    if queue is None:
        return Queue.objects.none()
    return (
        Queue.objects.filter(spec=queue.spec_id, purpose=Purpose.ADJUDICATION, state=QueueState.OPEN)
        .exclude(pk=queue.pk)
        .order_by("name")
    )


def people(*, dispute: Dispute, without: Annotator) -> list[Annotator]:
    """Who else may decide it, by name."""
    barred = {*had_it(dispute), without.pk}
    rows = Annotator.objects.filter(
        project=dispute.project_id, state="active", member__state=MemberState.ACTIVE
    ).select_related("member__user")
    rows = rows.filter(member__roles__overlap=_DECIDING).exclude(pk__in=barred)
    return list(rows.order_by("pseudonym")[:200])


_DECIDING = ["lead", "owner"]


def _may_decide(person: Annotator) -> bool:
    return person.member is not None and "dispute.decide" in permissions_of(person.member)
