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
from workforce import overlapping
from workforce.models import Assignment, Barred, Queue, Task, TaskState


def route(
    *,
    item_id: int,
    queue: Queue,
    meaning: int,
    barred: Iterable[int] = (),
    overlap: int | None = None,
    by: Member | None,
) -> Task:
    """A task for the item in *queue*, as the next round if it was there before; *barred* annotators never get it.

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
    )
    Barred.objects.bulk_create(
        Barred(project_id=queue.project_id, task=task, annotator_id=annotator, reason="answered before")
        for annotator in sorted(set(barred))
    )
    Assignment.objects.bulk_create(
        Assignment(
            project_id=queue.project_id, task=task, queue=queue, number=number, rank=rank, returned=True
        )
        for number in range(1, wanted + 1)
    )
    ledger.record(
        project_id=queue.project_id,
        kind="task.routed",
        by=by,
        subject=("task", task.pk),
        data={"item": item_id, "queue": queue.pk, "round": task.round},
    )
    return task


# Numbers go on from the highest one, withdrawn slots included; overlap is what is wanted, withdrawn slots are not.
_ADD_SLOT = """
    WITH slots AS (
        SELECT count(*) FILTER (WHERE state <> 'withdrawn') AS live, coalesce(max(number), 0) AS number
        FROM workforce_assignment WHERE task_id = %(task)s
    ), wider AS (
        UPDATE workforce_task t SET overlap = slots.live + 1, state = 'open' FROM slots
        WHERE t.id = %(task)s AND t.state IN ('open', 'disputed') RETURNING t.*, slots.number + 1 AS next
    ), event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'task.slot-added', 'task', id, %(by)s, jsonb_build_object('overlap', overlap) FROM wider
    )
    SELECT project_id, queue_id, next FROM wider
"""


def add_slot(*, task_id: int, by: Member | None = None) -> None:
    """Want one more answer. The new slot is offered before untouched work, so that what is begun gets finished."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_SLOT, {"task": task_id, "by": by.pk if by else None})
        project_id, queue_id, number = cursor.fetchone()
        cursor.execute(
            """INSERT INTO workforce_assignment
                   (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
               VALUES (%s, %s, %s, %s, 'open', nextval('workforce_rank'), true, 0, '', 0)""",
            [project_id, task_id, queue_id, number],
        )


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
               64 * w.place + coalesce((SELECT max(rank) FROM workforce_task t WHERE t.queue_id = q.id), 0), 0,
               statement_timestamp()
        FROM unnest(%(items)s::bigint[]) WITH ORDINALITY AS w (item, place)
        JOIN workforce_queue q ON q.id = %(queue)s
        JOIN workforce_item i ON i.id = w.item AND i.project_id = q.project_id
        ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING
"""
_ROUTE_SLOTS = """
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT t.project_id, t.id, t.queue_id, n, 'open', t.rank + n - 1, false, 0, '', 0
        FROM workforce_task t CROSS JOIN LATERAL generate_series(1, t.overlap) n
        WHERE t.queue_id = %(queue)s AND t.id > %(after)s AND t.item_id = ANY(%(items)s)
          AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id)
"""


def route_many(*, item_ids: Sequence[int], queue: Queue, meaning: int, by: Member | None) -> int:
    """A task in *queue* for each item, in this order; items that have one stay as they are. Returns how many are new.

    Call it inside the transaction that gives the reason.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM workforce_task")
        after = cursor.fetchone()[0]
        known: dict[str, Any] = {"items": list(item_ids), "queue": queue.pk, "meaning": meaning}
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
