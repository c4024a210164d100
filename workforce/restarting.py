"""Tasks that begin again: the old task is withdrawn, the same item gets a new one; what was answered stays on record.

    open -> withdrawn, and (nothing) -> open for the same item: under_meaning, tasks
    leased -> open -> leased under another version: retake

Call it inside the transaction that gives the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from specs import ledger
from specs.models import Member, SpecVersion
from workforce import leasing, ordering, slots
from workforce.models import Annotator

UNTOUCHED = """t.n_answers = 0 AND NOT EXISTS (
              SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.state NOT IN ('open', 'withdrawn'))"""

# A task that returns to a meaning it was withdrawn from is the next round there.
_AGAIN = (
    """
    WITH chosen AS MATERIALIZED (
        SELECT t.* FROM workforce_task t
        WHERE t.queue_id = %(queue)s AND t.state = 'open' AND {which}
          AND NOT EXISTS (SELECT FROM workforce_queue w WHERE w.id = t.queue_id AND w.purpose IN ('review', 'rework'))
        FOR NO KEY UPDATE SKIP LOCKED
    ), free AS (
        SELECT c.* FROM chosen c WHERE NOT EXISTS (
            SELECT 1 FROM workforce_assignment s WHERE s.task_id = c.id AND s.state = 'leased')
    ), slots AS (
        UPDATE workforce_assignment s SET state = 'withdrawn', annotator_id = NULL, reserved_until = NULL
        FROM free f WHERE s.task_id = f.id AND s.state IN ('open', 'held', 'reserved')
    ), gone AS (
        UPDATE workforce_task t SET state = 'withdrawn', settled_at = statement_timestamp()
        FROM free f WHERE t.id = f.id RETURNING t.*
    ), again AS (
        INSERT INTO workforce_task
            (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, pinned_id, created_at,
             overlap_basis, planned, load_id, disagreement, disputed_at)
        SELECT g.project_id, g.item_id, g.queue_id, %(meaning)s,
               1 + coalesce((SELECT max(w.round) FROM workforce_task w
                             WHERE w.item_id = g.item_id AND w.queue_id = g.queue_id AND w.meaning = %(meaning)s), 0),
               'open', CASE WHEN g.n_answers > 0 THEN coalesce(g.planned, q.overlap) ELSE g.overlap END, 0, g.rank,
               g.priority, %(pinned)s, statement_timestamp(), g.overlap_basis, g.planned,
               g.load_id, g.disagreement, g.disputed_at
        FROM gone g JOIN workforce_queue q ON q.id = g.queue_id RETURNING *
    ), made AS (
        INSERT INTO workforce_assignment
            (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals,
             reserved_for_id)
        SELECT a.project_id, a.id, a.queue_id, n, 'open', """
    + ordering.rank(number="n", begun="false", t="a")
    + """, false, 0, '', 0, %(cohort)s
        FROM again a JOIN workforce_queue q ON q.id = a.queue_id CROSS JOIN LATERAL generate_series(1, a.overlap) n
        RETURNING project_id, queue_id, rank, state
    ), """
    + ordering.arrived("made")
    + """
    SELECT {told}
"""
)
_COUNT = "count(*) FROM again"
_NAMES = "g.project_id, g.id, a.id FROM gone g JOIN again a USING (item_id) ORDER BY g.id"
_NAMED_AT_ONCE = 500
"""How many tasks one event names; the rest are named by further ones."""


def under_meaning(*, queue_id: int, meaning: int, begun: bool) -> int:
    """Start the queue's unfinished tasks of other meanings again under *meaning*; returns how many.

    Only untouched ones, or with *begun* also those that have answers. A lease is honoured: its task stays.
    """
    which = "t.meaning <> %(meaning)s" + ("" if begun else f" AND {UNTOUCHED}")
    scope = {"queue": queue_id, "meaning": meaning, "pinned": None, "cohort": None}
    return int(_again(which, _COUNT, scope)[0][0])


def tasks(
    *,
    queue_id: int,
    task_ids: Sequence[int],
    meaning: int,
    pinned_id: int | None = None,
    cohort_id: int | None = None,
    by: Member | None,
) -> int:
    """Start these untouched tasks again under *meaning*, served under a named version or to a cohort if asked for.

    Its events `tasks.begun-again` name the tasks that end and those that take their place, in pairs.
    """
    scope = {"queue": queue_id, "meaning": meaning, "pinned": pinned_id, "cohort": cohort_id}
    found = _again(f"t.id = ANY(%(tasks)s) AND {UNTOUCHED}", _NAMES, {**scope, "tasks": list(task_ids)})
    for start in range(0, len(found), _NAMED_AT_ONCE):
        ledger.record(
            project_id=found[start][0],
            kind="tasks.begun-again",
            by=by,
            subject=("queue", queue_id),
            data={"tasks": [pair for _, *pair in found[start : start + _NAMED_AT_ONCE]]},
        )
    return len(found)


def _again(which: str, told: str, parameters: dict[str, Any]) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN.format(which=which, told=told), parameters)
        return list(cursor.fetchall())


def retake(*, slot: slots.Slot, annotator: Annotator, by: Member | None) -> leasing.Served | None:
    """Give back a live slot that was served under an older version, and take its task again under the one in force.

    When the meaning changed and nobody else has touched the task, it begins again; else the next task is served. Call it
    inside the transaction that locked the slot.
    """
    version = SpecVersion.objects.get(pk=slot.other_in_force or 0)
    leasing.give_back(assignment_id=slot.assignment_id, by=by)
    if version.meaning == slot.meaning:
        return leasing.claim_anew(task_id=slot.task_id, annotator=annotator, expired_id=None, by=by)
    tasks(queue_id=slot.queue_id, task_ids=[slot.task_id], meaning=version.meaning or 0, by=by)
    return leasing.claim(queue_id=slot.queue_id, annotator=annotator, by=by)
