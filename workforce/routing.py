"""Putting an item into another queue, adding wanted answers, settling a task's state.

(nothing) -> task: route, route_many
open task -> one more open slot: add_slot
open -> resolved, disputed; disputed -> resolved, open: mark
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Max
from django.db.models.functions import Now

from specs import ledger
from specs.models import Member
from workforce import ordering, overlapping, slots
from workforce.models import Annotator, Assignment, Barred, Queue, Task, TaskState


def route(
    *,
    item_id: int,
    queue: Queue,
    meaning: int,
    barred: Iterable[int] = (),
    overlap: int | None = None,
    disagreement: float | None = None,
    pinned_id: int | None = None,
    kept_for: Annotator | None = None,
    by: Member | None,
) -> Task:
    """A task for the item in *queue*, as the next round if it was there before; *barred* annotators never get it.

    With *disagreement* (a share of pairs of answers) it is the work on a dispute that opens now. *pinned_id* is the version it
    is served under, whatever is in force; *kept_for* the only annotator who can do it.
    Call it inside the transaction that gives the reason.
    """
    last = (
        Task.objects.filter(item_id=item_id, queue=queue, meaning=meaning).aggregate(last=Max("round"))[
            "last"
        ]
        or 0
    )
    wanted = overlap or queue.overlap
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('workforce_rank')")
        rank = cursor.fetchone()[0]
    task = Task.objects.create(
        project_id=queue.project_id,
        item_id=item_id,
        queue=queue,
        meaning=meaning,
        round=last + 1,
        overlap=wanted,
        rank=rank,
        disagreement=disagreement,
        disputed_at=None if disagreement is None else Now(),
        pinned_id=pinned_id,
        kept_for=kept_for,
    )
    Barred.objects.bulk_create(
        Barred(project_id=queue.project_id, task=task, annotator_id=annotator, reason="answered before")
        for annotator in sorted(set(barred))
    )
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS_OF_ONE, {"task": task.pk})
    ledger.record(
        project_id=queue.project_id,
        kind="task.routed",
        by=by,
        subject=("task", task.pk),
        data={"item": item_id, "queue": queue.pk, "round": task.round, "overlap": wanted},
    )
    return task


_SLOTS_OF_ONE = (
    """
    WITH slots AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT t.project_id, t.id, t.queue_id, n, 'open', """
    + ordering.rank(number="n", begun="true", came_back="t.rank")
    + """, true, 0, '', 0
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id CROSS JOIN LATERAL generate_series(1, t.overlap) n
        WHERE t.id = %(task)s RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("slots")
    + " SELECT count(*) FROM slots"
)

# Numbers go on from the highest one, withdrawn slots included; overlap is what is wanted, withdrawn slots are not.
_ADD_SLOT = """
    WITH slots AS (
        SELECT count(*) FILTER (WHERE state <> 'withdrawn') AS live
        FROM workforce_assignment WHERE task_id = %(task)s
    ), wider AS (
        UPDATE workforce_task t
        SET overlap = slots.live + 1, state = 'open', disagreement = coalesce(%(disagreement)s, t.disagreement) FROM slots
        WHERE t.id = %(task)s AND t.state IN ('open', 'disputed') RETURNING t.*
    ), event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'task.slot-added', 'task', id, %(by)s, jsonb_build_object('overlap', overlap) FROM wider
    )
    SELECT count(*) FROM wider
"""
_ADDED = (
    """
    WITH slot AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, asked_after, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT t.project_id, t.id, t.queue_id, last.number + 1, greatest(t.n_answers, 1), """
    + slots.ADDED
    + ", "
    + ordering.rank(number="t.overlap", begun="true")
    + """, true, 0, '', 0
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        CROSS JOIN LATERAL (SELECT max(number) AS number FROM workforce_assignment s WHERE s.task_id = t.id) last
        WHERE t.id = %(task)s RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("slot")
    + " SELECT count(*) FROM slot"
)


def add_slot(*, task_id: int, disagreement: float | None = None, by: Member | None = None) -> None:
    """Want one more answer, *disagreement* being how far those there are differ. What is begun gets finished, by most orders."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD_SLOT, {"task": task_id, "disagreement": disagreement, "by": by.pk if by else None}
        )
        cursor.execute(_ADDED, {"task": task_id})


def mark(*, task_id: int, state: TaskState) -> None:
    """Move a task to a state; the database refuses steps that the state machine does not have."""
    settled = Now() if state not in (TaskState.OPEN, TaskState.DISPUTED) else None
    Task.objects.filter(pk=task_id).update(state=state, settled_at=settled)


def withdraw_open_slots(*, task_id: int) -> int:
    """Nobody needs to answer any more: open slots, held ones and ones kept for somebody go, leases under way are honoured."""
    return Assignment.objects.filter(task_id=task_id, state__in=["open", "held", "reserved"]).update(
        state="withdrawn", annotator=None, reserved_until=None
    )


_ROUTE_MANY = """
        INSERT INTO workforce_task
            (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, created_at)
        SELECT i.project_id, i.id, q.id, %(meaning)s, 1, 'open', q.overlap, 0,
               %(step)s * w.place + coalesce((SELECT max(rank) FROM workforce_task t WHERE t.queue_id = q.id), 0), 0,
               statement_timestamp()
        FROM unnest(%(items)s::bigint[]) WITH ORDINALITY AS w (item, place)
        JOIN workforce_queue q ON q.id = %(queue)s
        JOIN workforce_item i ON i.id = w.item AND i.project_id = q.project_id
        ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING
"""
_ROUTE_SLOTS = (
    """
    WITH slots AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT t.project_id, t.id, t.queue_id, n, 'open', """
    + ordering.rank(number="n", begun="false")
    + """, false, 0, '', 0
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id CROSS JOIN LATERAL generate_series(1, t.overlap) n
        WHERE t.queue_id = %(queue)s AND t.id > %(after)s AND t.item_id = ANY(%(items)s)
          AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id)
        RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("slots")
    + " SELECT count(*) FROM slots"
)


def route_many(*, item_ids: Sequence[int], queue: Queue, meaning: int, by: Member | None) -> int:
    """A task in *queue* for each item, in this order; items that have one stay as they are. Returns how many are new.

    Call it inside the transaction that gives the reason.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM workforce_task")
        after = cursor.fetchone()[0]
        known: dict[str, Any] = {
            "step": ordering.STEP,
            "items": list(item_ids),
            "queue": queue.pk,
            "meaning": meaning,
        }
        cursor.execute(_ROUTE_MANY, known)
        n_made = cursor.rowcount
        overlapping.plan(queue=queue, after=after)
        cursor.execute(_ROUTE_SLOTS, {**known, "after": after})
    ledger.record(
        project_id=queue.project_id,
        kind="tasks.routed",
        by=by,
        subject=("queue", queue.pk),
        data={"tasks": n_made, "meaning": meaning},
    )
    return n_made
