"""Staged rows become items, tasks and open slots, in the database and in chunks of lines.

    (nothing) -> open: activate

A small delivery is one transaction, the caller's. A large one is done by several connections at once, each with its share of
the lines in one transaction; they wait for each other with everything written and then commit, one after the other. What a
kill between two of these commits leaves is completed when the load is taken up: what is there is marked as known first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from workforce import ordering, overlapping, signalling
from workforce.models import Load, Order, OverlapPolicy, Queue

CHUNK = 10_000  # lines of one statement
_PAUSE = 0.3  # seconds between two looks at how far the connections are

# The planner knows nothing of a scratch table, so nothing is joined here that can be carried along: items get their
# numbers first. So do tasks and slots: numbers that are drawn together lie together, and two connections seldom meet on a
# page of an index.
_ROWS = """
    WITH rows AS MATERIALIZED (
        SELECT {item} AS item, line, key, revision, payload, digest, sensitive, priority FROM workforce_stagedrow
        WHERE load_number = %(load)s AND line >= %(first)s AND line < %(beyond)s AND known {known} AND NOT gone
          AND target IS NOT DISTINCT FROM %(target)s ORDER BY line
    )
"""
_ITEMS = """
    , items AS (
        INSERT INTO workforce_item (id, project_id, key, revision, payload, digest, sensitive, load_id, created_at)
        SELECT item, %(project)s, key, revision, payload, digest, sensitive, %(load)s, statement_timestamp()
        FROM rows ORDER BY line
        RETURNING 1
    )
"""
_FRESH = """
    , wanted AS MATERIALIZED (
        SELECT nextval('workforce_task_id_seq') AS task, item, line, priority, 1 AS round FROM rows
    )
"""
# A known item gets a task unless it has one here. One that an undone load left withdrawn does not count, nor does a probe.
_AGAIN = """
    , wanted AS MATERIALIZED (
        SELECT nextval('workforce_task_id_seq') AS task, r.item, r.line, r.priority, 1 + coalesce(there.last, 0) AS round
        FROM rows r
        LEFT JOIN LATERAL (
            SELECT max(t.round) FILTER (WHERE t.purpose = 'work') AS last,
                   bool_or(t.purpose = 'work' AND (t.state <> 'withdrawn'
                       OR coalesce(l.state NOT IN ('undone', 'withdrawn'), true))) AS live
            FROM workforce_task t LEFT JOIN workforce_load l ON l.id = t.load_id
            WHERE t.item_id = r.item AND t.queue_id = %(queue)s AND t.meaning = %(meaning)s
        ) there ON true
        WHERE NOT coalesce(there.live, false)
    )
"""
_TASKS = """
    , tasks AS (
        INSERT INTO workforce_task
            (id, project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, load_id, created_at)
        SELECT task, %(project)s, item, %(queue)s, %(meaning)s, round, 'open', %(overlap)s, 0,
               %(base)s + %(step)s * line, priority, %(load)s, statement_timestamp()
        FROM wanted ORDER BY line {there}
        RETURNING id, item_id, rank, overlap, priority, disagreement, disputed_at
    )
"""


def _slots(payload: str | None = None, also: str = "") -> str:
    rank = ordering.rank(number="n", begun="false", payload=payload)
    return f"""
    , places AS MATERIALIZED (
        SELECT nextval('workforce_assignment_id_seq') AS slot, t.id AS task, {rank} AS rank, n
        FROM tasks t JOIN workforce_queue q ON q.id = %(queue)s{also} CROSS JOIN LATERAL generate_series(1, t.overlap) n
    ), slots AS (
        INSERT INTO workforce_assignment
            (id, project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
        SELECT slot, %(project)s, task, %(queue)s, n, 'open', rank, false, 0, '', 0 FROM places
        RETURNING project_id, queue_id, rank, state
    ), {ordering.arrived("slots")}
"""


_COUNT = " SELECT count(*) FROM tasks"
# Where the queue's policy says for each task how many answers it wants, that comes between the tasks and their slots.
_SLOTS_AFTER = (
    """
    WITH tasks AS (SELECT * FROM workforce_task WHERE id = ANY(%(made)s))
"""
    + _slots()
    + _COUNT
)
_ALIKE = _slots() + _COUNT
# An item that the same statement makes is not there to be read, but its row is.
_BY_FIELD = _slots("r.payload", " JOIN rows r ON r.item = t.item_id") + _COUNT
_APART = " SELECT coalesce(array_agg(id), ARRAY[]::bigint[]) FROM tasks"
_NEW = _ROWS.format(item="nextval('workforce_item_id_seq')", known="IS NULL") + _ITEMS
_ITEMS_ONLY = _NEW + " SELECT count(*) FROM items"
# An item that is made in the same statement has no task yet; looking for one costs a row as much as an index.
_NEW_WORK = _NEW + _FRESH + _TASKS.format(there="")
_KNOWN_WORK = (
    _ROWS.format(item="known", known="IS NOT NULL")
    + _AGAIN
    + _TASKS.format(there="ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING")
)
_CLAUSES = """
    WITH rows AS MATERIALIZED (
        SELECT key, known, revision, payload ->> %(field)s AS clause FROM workforce_stagedrow
        WHERE load_number = %(load)s AND line >= %(first)s AND line < %(beyond)s AND NOT gone
          AND target IS NOT DISTINCT FROM %(target)s
    ), hits AS MATERIALIZED (
        SELECT key, known, revision,
               (SELECT c.id FROM specs_clause c WHERE c.spec_id = %(spec)s AND c.key = rows.clause) AS clause
        FROM rows WHERE clause IS NOT NULL
    )
    INSERT INTO workforce_itemclause (project_id, item_id, clause_id)
    SELECT %(project)s, coalesce(known, (
               SELECT i.id FROM workforce_item i
               WHERE i.project_id = %(project)s AND i.key = hits.key AND i.revision = hits.revision)), clause
    FROM hits WHERE clause IS NOT NULL
    ON CONFLICT DO NOTHING
"""


@dataclass
class _Course:
    """How far the connections are, together, and what is decided about them."""

    n_done: int = 0
    n_ready: int = 0
    commit: bool = False
    error: BaseException | None = None


class _Stopped(Exception):
    """Another connection failed, or somebody asked the load to stop before all was written."""


def activate(*, load: Load, progress: Callable[[int], None], alone: bool) -> None:
    """Make the items, tasks and slots of what is staged; known items get a task where they have none.

    *alone*: in the caller's transaction. Else over `LOAD_CONNECTIONS` connections, each with a transaction of its own; call it
    outside of one, holding the project's lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(min(line), 0), coalesce(max(line), 0) + 1 FROM workforce_stagedrow WHERE load_number = %s",
            [load.pk],
        )
        first, beyond = cursor.fetchone()
    work = _Work(load)
    if alone:
        for n_done in work.run(first, beyond):
            progress(n_done)
    else:
        _together(work, first, beyond, settings.LOAD_CONNECTIONS, progress)


class _Work:
    """The statements of one load with their parameters, once for every queue that its rows go to."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.scopes: list[dict[str, Any]] = []
        known = {"load": load.pk, "project": load.project_id, "target": None}
        if load.queue_id is None:
            self.scopes.append(known)
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT target FROM workforce_stagedrow WHERE load_number = %s AND target IS NOT NULL",
                [load.pk],
            )
            targets = [row[0] for row in cursor.fetchall()]
        for number in (None, *sorted(targets)):
            queue = Queue.objects.select_related("version").get(pk=number or load.queue_id)
            assert queue.version is not None
            self.scopes.append(
                {
                    **known,
                    "target": number,
                    "queue": queue.pk,
                    "policy": queue.overlap_policy,
                    "row": queue,
                    "meaning": queue.version.meaning,
                    "overlap": queue.overlap,
                    "alike": _BY_FIELD if queue.order == Order.FIELD else _ALIKE,
                    "base": self._base(queue),
                    "step": ordering.STEP,
                    "spec": queue.spec_id,
                    "field": load.options.get("clause_field") or "clause_id",
                }
            )

    def _base(self, queue: Queue) -> int:
        """The rank behind which the tasks of a queue are put; fixed for the queue that the file was loaded into."""
        load = self.load
        if queue.pk == load.queue_id and load.rank_base is not None:
            return load.rank_base
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(max(rank), 0) FROM workforce_task WHERE queue_id = %s", [queue.pk]
            )
            base = int(cursor.fetchone()[0])
        if queue.pk == load.queue_id:
            load.rank_base = base
            load.save(update_fields=["rank_base"])
        return base

    def run(self, first: int, beyond: int) -> Iterator[int]:
        """Do the lines of a range, chunk by chunk; yields the number of lines of each."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL work_mem = '64MB'")
            for start in range(first, beyond, CHUNK):
                end = min(start + CHUNK, beyond)
                for known in self.scopes:
                    scope = {**known, "first": start, "beyond": end}
                    if "queue" not in scope:
                        cursor.execute(_ITEMS_ONLY, scope)
                        signalling.keep(cursor, scope, self.load)
                        continue
                    apart = scope["policy"] != OverlapPolicy.FIXED
                    made: list[int] = []
                    for statement in (_NEW_WORK, _KNOWN_WORK):
                        cursor.execute(statement + (_APART if apart else scope["alike"]), scope)
                        made += cursor.fetchone()[0] if apart else []
                    cursor.execute(_CLAUSES, scope)
                    signalling.keep(cursor, scope, self.load)
                    if made:
                        overlapping.plan(queue=scope["row"], after=min(made) - 1)
                        cursor.execute(_SLOTS_AFTER, {**scope, "made": made})
                yield end - start


def _together(work: _Work, first: int, beyond: int, n: int, progress: Callable[[int], None]) -> None:
    """Run the range in *n* parts, each on a connection of its own; all commit when all are written, or none does.

    *progress* may raise up to that moment, and is not called after it.
    """
    step = -(-(beyond - first) // n) or 1
    parts = [(start, min(start + step, beyond)) for start in range(first, beyond, step)]
    course, lock, decided = _Course(), threading.Lock(), threading.Event()

    def part(start: int, end: int) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '60s'")
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                for n_done in work.run(start, end):
                    with lock:
                        course.n_done += n_done
                    if decided.is_set():
                        raise _Stopped
                with lock:
                    course.n_ready += 1
                decided.wait()
                if not course.commit:
                    raise _Stopped
        except BaseException as error:
            with lock:
                if course.error is None or isinstance(course.error, _Stopped):
                    course.error = error
        finally:
            connection.close()

    threads = [threading.Thread(target=part, args=bounds, daemon=True) for bounds in parts]
    for thread in threads:
        thread.start()
    try:
        while True:
            progress(course.n_done)
            threads[0].join(_PAUSE)
            with lock:
                if course.n_ready == len(parts) or course.error is not None:
                    course.commit = course.error is None
                    break
    finally:
        decided.set()
        for thread in threads:
            thread.join()
    if course.error is not None:
        raise course.error
