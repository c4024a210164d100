"""Slots that are kept for one person until a time: offered to her first, to nobody else meanwhile.

    open -> reserved, reserved -> reserved for somebody else: reserve
    reserved -> open: give_back, return_due
    (reserved -> leased is a claim: `leasing`)

A reserved slot is in no lane that claims walk, so it costs other claims nothing. Its annotator is on it already: that nobody
has a task twice holds for what is kept for her as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection

from specs.models import Member
from workforce import ordering
from workforce.models import Annotator

_RESERVE = """
    WITH wanted AS MATERIALIZED (
        SELECT t.id FROM workforce_task t
        WHERE t.queue_id = %(queue)s AND t.id = ANY(%(tasks)s) AND t.state = 'open'
          AND coalesce(t.kept_for_id, %(annotator)s) = %(annotator)s ORDER BY t.id FOR NO KEY UPDATE
    ), free AS (
        SELECT DISTINCT ON (s.task_id) s.id FROM workforce_assignment s JOIN wanted w ON w.id = s.task_id
        WHERE s.state = ANY(%(states)s) AND s.reserved_for_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM workforce_assignment mine
                          WHERE mine.task_id = s.task_id AND mine.annotator_id = %(annotator)s)
          AND NOT EXISTS (SELECT 1 FROM workforce_barred b
                          WHERE b.task_id = s.task_id AND b.annotator_id = %(annotator)s)
        ORDER BY s.task_id, s.state, s.number
    ), kept AS (
        UPDATE workforce_assignment s
        SET state = 'reserved', annotator_id = %(annotator)s, reserved_until = statement_timestamp() + %(keep)s
        FROM free f WHERE s.id = f.id AND s.state = ANY(%(states)s)
        RETURNING s.id, s.project_id, s.task_id
    ), events AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.reserved', 'assignment', id, %(by)s,
               jsonb_build_object('annotator', %(annotator)s::bigint, 'task', task_id) FROM kept
    )
    SELECT task_id FROM kept ORDER BY task_id
"""
_GIVE_BACK = (
    """
    WITH gone AS (
        SELECT s.id, s.annotator_id FROM workforce_assignment s
        WHERE s.state = 'reserved' AND {which} ORDER BY s.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), back AS (
        UPDATE workforce_assignment s
        SET state = CASE WHEN t.purpose = 'work' THEN 'open' ELSE 'withdrawn' END, -- what was minted is for one
            annotator_id = NULL, reserved_until = NULL, returned = true, rank = """
    + ordering.rank(number="s.number", begun="true")
    + """
        FROM gone, workforce_task t, workforce_queue q WHERE s.id = gone.id AND t.id = s.task_id AND q.id = s.queue_id
        RETURNING s.id, s.project_id, s.queue_id, s.rank, s.state, gone.annotator_id
    ), """
    + ordering.arrived("back")
    + """
    INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
    SELECT project_id, %(kind)s, 'assignment', id, %(by)s, jsonb_build_object('annotator', annotator_id) FROM back
    RETURNING id
"""
)


def reserve(
    *,
    queue_id: int,
    task_ids: Sequence[int],
    annotator: Annotator,
    keep: timedelta,
    taking_over: bool = False,
    by: Member | None,
) -> list[int]:
    """Keep one slot of each task for the annotator; returns the tasks where there was one.

    There is none where she had the task already, or skipped it, or where no slot is free; with *taking_over*, one that is kept
    for somebody else counts as free. Call it inside the transaction that gives the reason.
    """
    with connection.cursor() as cursor:
        known: dict[str, Any] = {
            "queue": queue_id,
            "tasks": list(task_ids),
            "annotator": annotator.pk,
            "keep": keep,
            "states": ["open", "reserved"] if taking_over else ["open"],
            "by": by.pk if by else None,
        }
        cursor.execute(_RESERVE, known)
        return [row[0] for row in cursor.fetchall()]


def give_back(*, which: str, by: Member | None, **parameters: Any) -> int:
    """Open reserved slots again; *which* is a condition on the slot `s`. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            _GIVE_BACK.format(which=which),
            {"limit": 10_000, "kind": "assignment.unreserved", "by": by.pk if by else None, **parameters},
        )
        return len(cursor.fetchall())


def return_due(*, queue_id: int | None = None) -> int:
    """Open what was kept until now, in one queue or in all. A claim that finds nothing does it for its queue."""
    return give_back(
        which="s.reserved_until <= statement_timestamp()"
        + ("" if queue_id is None else " AND s.queue_id = %(queue)s"),
        by=None,
        kind="assignment.reservation-ended",
        queue=queue_id,
    )


def return_all_of(*, annotator: Annotator, by: Member | None, queue_id: int | None = None) -> int:
    """Open everything that is kept for an annotator, in one queue or anywhere: she left, or was suspended."""
    return give_back(
        which="s.annotator_id = %(annotator)s" + ("" if queue_id is None else " AND s.queue_id = %(queue)s"),
        by=by,
        annotator=annotator.pk,
        queue=queue_id,
    )
