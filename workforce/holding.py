"""Tasks that wait for an answer about a clause.

    leased -> held, and the task's open slots -> held: hold
    held -> reserved for who asked, the others -> open: release, release_due
    held -> withdrawn, when the task ended meanwhile: release
    leased, reserved -> held: whatever gives a slot back while its task is held (a trigger of the slots)

A held slot is in no lane, so nobody claims it; the others' leases on the task go on.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Refusal, WrongState
from workforce import leasing, ordering, slots
from workforce.models import Annotator, Hold, HoldOutcome, Probe, Queue, Task

_LOCK = "SELECT 1 FROM workforce_enrolment WHERE queue_id = %s AND annotator_id = %s FOR NO KEY UPDATE"
# What others hold: one of them who hands it back in this moment is waited for, so that what opens now is held, and later waits.
_LOCK_SLOTS = "SELECT 1 FROM workforce_assignment WHERE task_id = %s ORDER BY id FOR NO KEY UPDATE"
_HOLD = """
    UPDATE workforce_assignment SET state = 'held', annotator_id = NULL, version_id = NULL, served_digest = '', token = NULL,
        leased_at = NULL, lease_until = NULL, n_renewals = 0, returned = true
    WHERE task_id = %(task)s AND (id = %(assignment)s OR state = 'open')
"""
# Her own slot first: it is kept for her, unless she has the task by another one. What was minted for her comes back like work.
_RELEASE = (
    """
    WITH back AS (UPDATE workforce_assignment s
    SET state = CASE WHEN t.state <> 'open' AND t.purpose = 'work' THEN 'withdrawn'
                     WHEN mine.id IS NOT NULL THEN 'reserved' WHEN t.purpose = 'work' THEN 'open' ELSE 'withdrawn' END,
        annotator_id = CASE WHEN t.state = 'open' OR t.purpose <> 'work' THEN mine.id END,
        reserved_until = CASE WHEN (t.state = 'open' OR t.purpose <> 'work') AND mine.id IS NOT NULL
                              THEN statement_timestamp() + %(keep)s END,
        rank = """
    + ordering.rank(number="s.number", begun="true")
    + """
    FROM workforce_queue q, workforce_task t
    LEFT JOIN workforce_annotator mine ON mine.id = %(annotator)s AND mine.state = 'active'
        AND NOT EXISTS (SELECT 1 FROM workforce_assignment o WHERE o.task_id = t.id AND o.annotator_id = mine.id)
    WHERE t.id = %(task)s AND s.task_id = t.id AND s.id = %(assignment)s AND s.state = 'held'
      AND q.id = s.queue_id
    RETURNING s.project_id, s.queue_id, s.rank, s.state), """
    + ordering.arrived("back")
    + " SELECT 1 FROM back"
)
_OTHERS = (
    """
    WITH back AS (UPDATE workforce_assignment s SET state = CASE WHEN t.state = 'open' THEN 'open' ELSE 'withdrawn' END,
        rank = """
    + ordering.rank(number="s.number", begun="true")
    + """
    FROM workforce_task t, workforce_queue q
    WHERE t.id = %(task)s AND s.task_id = t.id AND s.state = 'held' AND q.id = s.queue_id
      AND NOT EXISTS (SELECT 1 FROM workforce_hold h WHERE h.task_id = t.id AND h.released_at IS NULL)
    RETURNING s.project_id, s.queue_id, s.rank, s.state), """
    + ordering.arrived("back")
    + " SELECT 1 FROM back"
)


class NoHolds(Refusal):
    """The queue holds nothing, or the annotator holds as much as it allows."""

    code = "no-holds"
    status = 409


def hold(*, assignment_id: int, annotator: Annotator, token: uuid.UUID, by: Member | None) -> Hold:
    """Hold the task of a live lease until an answer comes, at most as long as its queue says; the draft stays.

    Call it inside the transaction that asks. Raises `LeaseLost`, `NoHolds`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None or not slot.live:
            raise leasing.LeaseLost(_("This lease has ended already."))
        cursor.execute(_LOCK_SLOTS, [slot.task_id])
        cursor.execute(_LOCK, [slot.queue_id, annotator.pk])
        queue = Queue.objects.get(pk=slot.queue_id)
        # Gold is withdrawn from birth, and held like work: a refusal would tell it apart.
        open_or_minted = slot.task_state == "open" or Probe.objects.filter(task=slot.task_id).exists()
        if not queue.hold_for or not open_or_minted:
            raise NoHolds(_("This queue holds no tasks. Ask, and answer, skip or hand back the task."))
        n_held = waiting(queue=queue).filter(annotator=annotator).count()
        if n_held >= queue.max_holds:
            raise NoHolds(
                _("You hold %(n_held)s tasks here until answers come, as many as this queue allows.")
                % {"n_held": n_held},
                held=n_held,
            )
        held = Hold.objects.create(
            project_id=annotator.project_id,
            task_id=slot.task_id,
            queue=queue,
            assignment_id=assignment_id,
            annotator=annotator,
            until=leasing.database_now() + queue.hold_for,
        )
        cursor.execute(_HOLD, {"task": slot.task_id, "assignment": assignment_id})
        ledger.record(
            project_id=held.project_id,
            kind="assignment.held",
            by=by,
            subject=("assignment", assignment_id),
            data={"hold": held.pk, "annotator": annotator.pk, "task": held.task_id},
        )
    return held


def release(*, hold: Hold, outcome: str = HoldOutcome.RELEASED, by: Member | None) -> Hold:
    """Let a held task go on: it is offered first to who asked. Raises `WrongState` when it is released already."""
    with transaction.atomic(), connection.cursor() as cursor:
        Task.objects.select_for_update(no_key=True).get(pk=hold.task_id)
        locked = Hold.objects.select_for_update(no_key=True).get(pk=hold.pk)
        if locked.released_at is not None:
            raise WrongState(_("This task is not held any more."))
        locked.outcome, locked.released_at = outcome, Now()
        locked.save(update_fields=["outcome", "released_at"])
        known: dict[str, Any] = {
            "task": locked.task_id,
            "assignment": locked.assignment_id,
            "annotator": locked.annotator_id,
            "keep": settings.HOLD_OFFERED_FIRST_FOR,
        }
        cursor.execute(_RELEASE, known)
        cursor.execute(_OTHERS, known)
        ledger.record(
            project_id=locked.project_id,
            kind="task.hold-released",
            by=by,
            subject=("task", locked.task_id),
            data={"hold": locked.pk, "outcome": str(outcome)},
        )
    locked.refresh_from_db()
    return locked


def release_due(*, limit: int = 200) -> int:
    """Let go what waited long enough, in all queues; returns how many."""
    due = list(
        Hold.objects.filter(released_at__isnull=True, until__lte=Now()).order_by("until", "pk")[:limit]
    )
    for late in due:
        try:
            release(hold=late, outcome=HoldOutcome.OVERDUE, by=None)
        except WrongState:
            continue
    return len(due)


def waiting(*, queue: Queue) -> QuerySet[Hold]:
    """What is held in a queue now, oldest first."""
    return Hold.objects.filter(queue=queue, released_at__isnull=True).order_by("held_at", "pk")
