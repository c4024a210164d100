"""How many answers each task wants: decided when it is made, and changed for tasks under way when somebody asks for it.

    (nothing) -> planned: plan
    open -> open with other slots: change
    slot open -> withdrawn, (nothing) -> slot open: change

Everything is set-wise, and nothing is done for a queue whose tasks all want the same. The draws are fixed by queue and item, so
loading in two files or twice gives an item the same lot, and the lot is kept with the task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from workforce import expecting, ordering, slots
from workforce.models import OverlapPolicy, Queue

FAIR_OVERLAP = 3
DYNAMIC_FORMULA = "dynamic-minimum/1"

# What the queue's policy says of a task `t` of queue `q`: a basis and a number. `q` never stands for another queue.
_LOT = "((hashint8extended(t.item_id, q.id) & 1048575) / 1048576.0)"
_BASIS = f"""CASE q.overlap_policy
    WHEN 'doubles' THEN CASE WHEN {_LOT} < q.double_share THEN 'double' ELSE 'single' END
    WHEN 'dynamic' THEN CASE WHEN {_LOT} < q.fair_share THEN 'fair' ELSE 'dynamic' END
    WHEN 'expected' THEN 'expected' ELSE 'fixed' END"""
_PLANNED = f"""CASE q.overlap_policy
    WHEN 'doubles' THEN CASE WHEN {_LOT} < q.double_share THEN 2 ELSE 1 END
    WHEN 'dynamic' THEN greatest(q.overlap, CASE WHEN {_LOT} < q.fair_share THEN {FAIR_OVERLAP} ELSE %(wanted)s END)
    WHEN 'expected' THEN least(q.max_overlap, greatest(q.overlap, coalesce(
        (SELECT max(c.wanted) FROM workforce_itemclause ic JOIN workforce_clauseoverlap c ON c.clause_id = ic.clause_id
         WHERE ic.item_id = t.item_id AND c.plan_id = %(plan)s), %(wanted)s)))
    END"""

_PLAN = f"""
    UPDATE workforce_task t
    SET overlap_basis = {_BASIS}, planned = {_PLANNED}, overlap = {_PLANNED}
    FROM workforce_queue q
    WHERE q.id = %(queue)s AND t.queue_id = q.id AND t.id > %(after)s AND t.state = 'open' AND t.n_answers = 0
      AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id)
"""
_DIFFERS = """
    (d.overlap_basis, d.planned) IS DISTINCT FROM (d.basis, d.target) OR d.basis = 'fixed' AND d.overlap <> d.whole
"""


@dataclass
class Change:
    """What a change of overlap does, or would do. `complete` tasks have the answers they want by now and are judged."""

    n_tasks: int = 0
    n_raised: int = 0
    n_lowered: int = 0
    n_added: int = 0
    n_withdrawn: int = 0
    n_complete: int = 0
    complete: list[int] = field(default_factory=list)
    last: tuple[int, int] | None = None

    def counts(self) -> dict[str, int]:
        return {
            "tasks": self.n_tasks,
            "raised": self.n_raised,
            "lowered": self.n_lowered,
            "slots_added": self.n_added,
            "slots_withdrawn": self.n_withdrawn,
            "complete": self.n_complete,
        }


def plan(*, queue: Queue, after: int) -> None:
    """Give the queue's tasks above the id *after* the overlap that its policy says. Call it before their slots are made.

    What is known of an item (its clauses) has to be there by then.
    """
    if queue.overlap_policy == OverlapPolicy.FIXED:
        return
    with connection.cursor() as cursor:
        cursor.execute(_PLAN, {**_in_force(queue), "after": after})


def _in_force(queue: Queue) -> dict[str, Any]:
    """What the newest plan of the queue's policy says; without one, what holds while nothing is known."""
    known: dict[str, Any] = {"queue": queue.pk, "plan": None, "wanted": FAIR_OVERLAP}
    formulas = {OverlapPolicy.DYNAMIC: DYNAMIC_FORMULA, OverlapPolicy.EXPECTED: expecting.FORMULA}
    formula = formulas.get(OverlapPolicy(queue.overlap_policy))
    if formula is None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, wanted FROM workforce_overlapplan WHERE queue_id = %s AND formula = %s ORDER BY id DESC LIMIT 1",
            [queue.pk, formula],
        )
        newest = cursor.fetchone()
    if newest is not None:
        return {**known, "plan": newest[0], "wanted": newest[1]}
    if queue.overlap_policy == OverlapPolicy.EXPECTED:
        known["wanted"] = expecting.wanted(
            expecting.UNKNOWN,
            target=float(queue.accuracy_target),
            minimum=queue.overlap,
            maximum=queue.max_overlap,
        )
    return known


_TASKS = f"""
    SELECT d.* FROM (
        SELECT t.id, t.rank, t.overlap, t.n_answers, t.overlap_basis, t.planned, q.overlap AS whole, {_BASIS} AS basis,
               {_PLANNED} AS target
        FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        WHERE t.queue_id = %(queue)s AND t.state IN ('open', 'disputed') AND t.state = 'open' {{scope}}
    ) d WHERE {_DIFFERS}
"""
_CHOOSE = (
    "SELECT t.id, t.rank FROM workforce_task t JOIN ("
    + _TASKS.format(scope="AND (t.rank, t.id) > (%(rank)s, %(id)s) {only}")
    + ") d ON d.id = t.id ORDER BY t.rank, t.id LIMIT %(limit)s FOR NO KEY UPDATE OF t"
)
_WITHDRAW = f"""
    WITH due AS (
        SELECT d.id, coalesce(d.target, d.whole) AS target FROM ({_TASKS.format(scope="AND t.id = ANY(%(tasks)s)")}) d
    ), live AS (
        SELECT s.task_id, count(*) AS n FROM workforce_assignment s
        WHERE s.task_id = ANY(%(tasks)s) AND s.state <> 'withdrawn' GROUP BY 1
    ), surplus AS (
        SELECT s.id FROM (
            SELECT s.id, s.task_id, row_number() OVER (PARTITION BY s.task_id ORDER BY s.number DESC) AS place
            FROM workforce_assignment s WHERE s.task_id = ANY(%(tasks)s) AND s.state = 'open'
        ) s JOIN due ON due.id = s.task_id JOIN live ON live.task_id = s.task_id WHERE s.place <= live.n - due.target
    ), free AS (
        SELECT s.id FROM workforce_assignment s WHERE s.id IN (SELECT id FROM surplus) AND s.state = 'open'
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE workforce_assignment s SET state = 'withdrawn' FROM free WHERE s.id = free.id
"""
# Overlap counts the leases that are honoured, so that what they bring is wanted, and a lease that comes back is work.
_SET = f"""
    WITH due AS (
        SELECT d.id, d.overlap AS before, d.basis, d.target AS planned, coalesce(d.target, d.whole) AS target
        FROM ({_TASKS.format(scope="AND t.id = ANY(%(tasks)s)")}) d
    ), live AS (
        SELECT s.task_id, count(*) FILTER (WHERE s.state <> 'withdrawn') AS n, max(s.number) AS number
        FROM workforce_assignment s WHERE s.task_id = ANY(%(tasks)s) GROUP BY 1
    ), changed AS (
        UPDATE workforce_task t
        SET overlap = greatest(due.target, live.n), overlap_basis = due.basis, planned = due.planned
        FROM due JOIN live ON live.task_id = due.id WHERE t.id = due.id
        RETURNING t.id, t.project_id, t.queue_id, t.rank, t.overlap, t.n_answers, due.before, live.n AS live, live.number
    )
    SELECT id, project_id, queue_id, rank, overlap, n_answers, before, live, number FROM changed
"""
_ADD = (
    """
    WITH slots AS (INSERT INTO workforce_assignment
        (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals, reserved_for_id)
    SELECT c.project, c.task, %(queue)s, c.number + n, """
    + slots.ADDED
    + ", "
    + ordering.rank(number="c.number + n", begun="c.begun")
    + """, c.begun, 0, '', 0,
           (SELECT max(s.reserved_for_id) FROM workforce_assignment s WHERE s.task_id = c.task)
    FROM unnest(%(projects)s::bigint[], %(tasks)s::bigint[], %(numbers)s::int[], %(missing)s::int[],
                %(begun)s::boolean[]) AS c (project, task, number, missing, begun)
    JOIN workforce_task t ON t.id = c.task JOIN workforce_queue q ON q.id = t.queue_id
    CROSS JOIN LATERAL generate_series(1, c.missing) n
    RETURNING project_id, queue_id, rank, state), """
    + ordering.arrived("slots")
    + " SELECT count(*) FROM slots"
)


UNTOUCHED = """AND t.overlap = %(overlap)s AND t.n_answers = 0 AND NOT EXISTS (
    SELECT FROM workforce_assignment s WHERE s.task_id = t.id AND s.state IN ('leased', 'submitted'))"""
"""Of the tasks that want *overlap* answers those that nobody holds or answered: what is begun is finished as it was begun."""
LOWERED = """AND t.overlap = %(overlap)s AND (t.created_at >= %(since)s OR EXISTS (
    SELECT FROM workforce_assignment s WHERE s.task_id = t.id AND s.state = 'withdrawn' AND s.number > %(overlap)s))"""
"""Of the tasks that want *overlap* answers those that wanted more before, or came in *since*."""


def change(
    *,
    queue: Queue,
    after: tuple[int, int] | None = None,
    limit: int,
    only: str = "",
    **scope: Any,
) -> Change:
    """Give the next *limit* open tasks whose overlap is not what the queue says now their new one; `last` says where to go on.

    *only* leaves some of them out: `UNTOUCHED` or `LOWERED`, with what they ask for as *scope*.
    Raising adds slots, lowering withdraws open ones; a lease is honoured, an answer stays. Doing it again changes nothing. Call
    it inside a transaction with an event; tasks in `complete` have to be judged in the same one.
    """
    known = {**_in_force(queue), "limit": limit, **scope}
    known["rank"], known["id"] = after or (-1, -1)
    done = Change()
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE.format(only=only), known)
        chosen = cursor.fetchall()
        if not chosen:
            return done
        done.last = (chosen[-1][1], chosen[-1][0])
        # a new statement each, so that it sees what was committed while the locks were waited for
        known["tasks"] = [task for task, _ in chosen]
        cursor.execute(_WITHDRAW, known)
        done.n_withdrawn = cursor.rowcount
        cursor.execute(_SET, known)
        rows = cursor.fetchall()
        short = [row for row in rows if row[4] > row[7]]
        if short:
            cursor.execute(
                _ADD,
                {
                    "queue": queue.pk,
                    "projects": [row[1] for row in short],
                    "tasks": [row[0] for row in short],
                    "numbers": [row[8] for row in short],
                    "missing": [row[4] - row[7] for row in short],
                    "ranks": [row[3] for row in short],
                    "begun": [row[5] > 0 for row in short],
                },
            )
            done.n_added = cursor.fetchone()[0]
    done.n_tasks = len(rows)
    done.n_raised = sum(row[4] > row[6] for row in rows)
    done.n_lowered = sum(row[4] < row[6] for row in rows)
    done.complete = [row[0] for row in rows if row[5] >= row[4]]
    done.n_complete = len(done.complete)
    return done


_PREVIEW = f"""
    WITH due AS (
        SELECT d.overlap, d.n_answers,
               greatest(coalesce(d.target, d.whole), d.n_answers + coalesce(out.n, 0)) AS target
        FROM ({_TASKS.format(scope="")}) d
        LEFT JOIN (SELECT task_id, count(*) AS n FROM workforce_assignment
                   WHERE queue_id = %(queue)s AND state = 'leased' GROUP BY 1) out ON out.task_id = d.id
    )
    SELECT count(*), count(*) FILTER (WHERE target > overlap), count(*) FILTER (WHERE target < overlap),
           coalesce(sum(greatest(target - overlap, 0)), 0), coalesce(sum(greatest(overlap - target, 0)), 0),
           count(*) FILTER (WHERE n_answers >= target)
    FROM due
"""


def preview(*, queue: Queue) -> Change:
    """What `change` would do to all of the queue's open tasks, in one query; nothing is locked or written."""
    with connection.cursor() as cursor:
        cursor.execute(_PREVIEW, _in_force(queue))
        tasks, raised, lowered, added, withdrawn, complete = cursor.fetchone()
    return Change(tasks, raised, lowered, int(added), int(withdrawn), complete)
