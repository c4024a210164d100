"""What items are found by, true within seconds, and at once when a page asks.

    (nothing) -> entries of a project, read part by part: catch_up
    entry -> entry as its item is now: catch_up

Whatever happens to a task or an answer knows nothing of this. An event names only *that* an item has to be looked at again; what
is found of it is read anew, so looking twice changes nothing, and a stop at any place loses nothing. Events that may have touched
any item of a project have all of it swept, part by part.

A facet is a word behind the number of the project: `12 s open` (a task in that state), `q` queue, `qs` queue and state,
`f` field, `l` label, `g` tag, `e` ended; of tasks that are over `a` annotator, `v` value answered, `c` clause cited, and the
same in capitals of tasks that are not, which not everybody may search (`finding.Eyes`). An independent dispute has none of
these while it is open; one that a second lead decides as well is not over.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from annotation import event_cursors

CURSOR = event_cursors.EventCursor("annotation_liveentrycursor")
AT_ONCE = 1_000
"""Items that one statement reads anew."""
MOST_DIRTY = 5_000
"""Items that one transaction reads anew; of more, they are swept."""
LONGEST = 100
"""Characters of a value that is a facet; longer ones are found by their words."""

_BEHIND = f"""
    SELECT p.id FROM specs_project p LEFT JOIN {CURSOR.table} c ON c.project_id = p.id
    WHERE c.id IS NULL AND EXISTS (SELECT 1 FROM workforce_item i WHERE i.project_id = p.id)
       OR EXISTS (SELECT 1 FROM annotation_liveentrysweep s WHERE s.project_id = p.id)
       OR EXISTS (SELECT 1 FROM specs_event e WHERE e.project_id = p.id AND e.id > c.upto AND e.xact >= c.seen::text::xid8)
    ORDER BY p.id
"""  # noqa: S608 (the name of a table of ours)
ANYTHING = ["labels.imported", "tasks.overlap-changed", "queue.version-in-force"]
"""Events on a queue after which any task of it may be another one."""
OPEN_ONES = ["tasks.routed", "tasks.prioritised"]
"""Events on a queue that say nothing about tasks that have ended."""
# One statement, so that what it sees and what it says of finished transactions are the same moment.
_EVENTS = f"""
    WITH fresh AS MATERIALIZED (
        SELECT e.kind, e.subject, e.subject_id, e.data FROM specs_event e
        WHERE {event_cursors.FRESH}
          AND (e.subject IN ('task', 'dispute', 'review', 'load', 'pilot', 'bulk-change') OR e.kind LIKE 'annotation.%%'
               OR e.kind IN ('tasks.begun-again', 'signals.expired', 'items.withdrawn')
               OR e.kind = ANY(%(anything)s) OR e.kind = ANY(%(open_ones)s))
    ), tasks AS (
        SELECT subject_id AS task FROM fresh WHERE subject = 'task'
        UNION SELECT s.task_id FROM fresh f JOIN workforce_assignment s ON f.subject = 'assignment' AND s.id = f.subject_id
        UNION SELECT d.task_id FROM fresh f JOIN annotation_dispute d ON f.subject = 'dispute' AND d.id = f.subject_id
        UNION SELECT r.task_id FROM fresh f JOIN annotation_review r ON f.subject = 'review' AND r.id = f.subject_id
        UNION SELECT (jsonb_array_elements_text(pair))::bigint FROM fresh f, jsonb_array_elements(f.data -> 'tasks') pair
              WHERE f.kind = 'tasks.begun-again'
        UNION SELECT task::bigint FROM fresh f, jsonb_array_elements_text(f.data -> 'tasks') task WHERE f.kind = 'signals.expired'
    )
    SELECT 'item', t.item_id, 0::bigint FROM tasks JOIN workforce_task t ON t.id = tasks.task
    UNION SELECT 'item', d.item_id, 0 FROM fresh f JOIN annotation_bulkchangeitem d
          ON f.subject = 'bulk-change' AND d.change_id = f.subject_id AND d.state <> 'waiting'
    UNION SELECT 'item', item::bigint, 0 FROM fresh f, jsonb_array_elements_text(f.data -> 'items') item
          WHERE f.kind = 'items.withdrawn'
    UNION SELECT 'load', subject_id, 0 FROM fresh WHERE subject = 'load'
    UNION SELECT 'all', 0, 0 FROM fresh WHERE kind = ANY(%(anything)s) OR subject = 'pilot'
    UNION SELECT 'queue', subject_id, 0 FROM fresh WHERE kind = ANY(%(open_ones)s)
    UNION ALL SELECT 'now', ({event_cursors.NOW}), 0
"""  # noqa: S608 (nothing in it comes from elsewhere)
_OF_QUEUE = """
    SELECT DISTINCT item_id FROM workforce_task WHERE queue_id = %(queue)s AND state IN ('open', 'disputed') LIMIT %(limit)s
"""
_OF_LOAD = """
    SELECT id FROM workforce_item WHERE load_id = %(load)s
    UNION SELECT item_id FROM workforce_task WHERE load_id = %(load)s
    UNION SELECT item_id FROM workforce_itemend e WHERE e.event_id IN (
        SELECT v.id FROM specs_event v WHERE v.project_id = %(project)s AND v.subject = 'load' AND v.subject_id = %(load)s
           AND v.id > %(upto)s AND v.kind = 'items.ended')
    LIMIT %(limit)s
"""
_BOUNDS = """
    SELECT min(item), max(item) FROM (
        SELECT min(id) AS item FROM workforce_item WHERE load_id = %(load)s
        UNION ALL SELECT max(id) FROM workforce_item WHERE load_id = %(load)s
        UNION ALL SELECT min(item_id) FROM workforce_task WHERE load_id = %(load)s
        UNION ALL SELECT max(item_id) FROM workforce_task WHERE load_id = %(load)s
        UNION ALL SELECT min(item_id) FROM workforce_itemend WHERE load_id = %(load)s
    ) ends
"""
_SWEEP_ALL = """
    DELETE FROM annotation_liveentrysweep WHERE project_id = %(project)s;
    INSERT INTO annotation_liveentrysweep (project_id, first, last)
    SELECT %(project)s, 0, max(id) FROM workforce_item WHERE project_id = %(project)s HAVING max(id) IS NOT NULL
    ON CONFLICT (project_id, first, last) DO NOTHING
"""
_SWEEP = """
    INSERT INTO annotation_liveentrysweep (project_id, first, last) VALUES (%(project)s, %(first)s, %(last)s)
    ON CONFLICT (project_id, first, last) DO NOTHING
"""
_SWEEPS = """
    SELECT id, first, last FROM annotation_liveentrysweep WHERE project_id = %(project)s ORDER BY last DESC, id LIMIT 1
"""
_PART = """
    SELECT array_agg(id ORDER BY id) FROM (
        SELECT id FROM workforce_item WHERE project_id = %(project)s AND id BETWEEN %(first)s AND %(last)s
        ORDER BY id LIMIT %(limit)s) part
"""
_SECONDS = "SELECT task_id FROM annotation_dispute WHERE project_id = %(project)s AND state = 'second'"
_FURTHER = "UPDATE annotation_liveentrysweep SET first = %(next)s WHERE id = %(sweep)s"
_SWEPT = "DELETE FROM annotation_liveentrysweep WHERE id = %(sweep)s"


def _values(of: str) -> str:
    """The questions and single values of a JSON object `{question: value}`: a list has several, a span or box has its label."""
    return f"""
        SELECT said.key || '=' || one.value AS word FROM jsonb_each({of}) said, LATERAL (
            SELECT said.value #>> '{{}}' AS value WHERE jsonb_typeof(said.value) IN ('string', 'number', 'boolean')
            UNION ALL SELECT CASE jsonb_typeof(m) WHEN 'string' THEN m #>> '{{}}' WHEN 'object' THEN m ->> 'label' END
            FROM jsonb_array_elements(CASE jsonb_typeof(said.value) WHEN 'array' THEN said.value ELSE '[]' END) m
        ) one WHERE length(one.value) <= {LONGEST}
    """  # noqa: S608 (nothing in it comes from elsewhere)


# Everything is looked up item by item: the tables may hold a million of them, a part holds a thousand.
_ENTRIES = f"""
    INSERT INTO annotation_liveentry (project_id, item_id, key, facets, words, n_answers, disagreement, priority, changed_at)
    SELECT i.project_id, i.id, i.key,
        ARRAY(SELECT DISTINCT i.project_id || ' ' || facet COLLATE "C" FROM (
            SELECT 'p' AS facet
            UNION ALL SELECT 'e ' || coalesce((SELECT e.reason FROM workforce_itemend e WHERE e.item_id = i.id), 'none')
            UNION ALL SELECT 'g ' || g.tag_id FROM annotation_itemtag g WHERE g.item_id = i.id
            UNION ALL SELECT 'f ' || f.key || '=' || f.value FROM (
                SELECT key, value FROM jsonb_each_text(i.payload) WHERE length(value) <= {LONGEST} AND length(key) <= {LONGEST}
                LIMIT %(fields)s) f
            UNION ALL SELECT unnest(found.facets)
            UNION ALL SELECT 's none' WHERE found.facets IS NULL
        ) facets ORDER BY 1),
        CASE WHEN octet_length(i.payload::text) <= %(bytes)s THEN jsonb_to_tsvector('simple', i.payload, '["string", "numeric"]')
             ELSE to_tsvector('simple', left(i.payload::text, %(bytes)s / 4)) END,
        coalesce(found.n_answers, 0), coalesce(found.disagreement, -1), coalesce(found.priority, 0),
        greatest(i.created_at, found.changed_at)
    FROM workforce_item i LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT own.facet) FILTER (WHERE own.facet IS NOT NULL) AS facets,
               sum(n_answers) AS n_answers, max(disagreement) AS disagreement,
               max(priority) AS priority, max(changed_at) AS changed_at
        FROM (
            SELECT t.id, t.item_id, t.state, t.queue_id, t.created_at, t.settled_at, t.disagreement AS differ,
                   t.priority AS urgent, t.n_answers AS n,
                   t.state NOT IN ('open', 'disputed') AND NOT t.id = ANY(%(seconds)s) AS ended,
                   t.state = 'withdrawn' AND count(*) FILTER (WHERE t.state <> 'withdrawn') OVER () > 0 AS past,
                   EXISTS (SELECT FROM annotation_dispute d
                           WHERE d.task_id = t.id AND d.state = 'open' AND d.independent) AS blind
            FROM workforce_task t
            JOIN workforce_queue q ON q.id = t.queue_id AND q.purpose NOT IN ('adjudication', 'review', 'rework')
            WHERE t.item_id = i.id AND t.purpose = 'work'
        ) t
        CROSS JOIN LATERAL (
            SELECT (CASE WHEN t.state <> 'withdrawn' THEN t.n END)::int AS n_answers,
                   CASE t.state WHEN 'open' THEN t.urgent END AS priority,
                   greatest(t.differ, (SELECT max(d.disagreement) FROM annotation_dispute d
                                       WHERE d.task_id = t.id AND d.state = 'open')) AS disagreement,
                   greatest(t.created_at, t.settled_at) AS changed_at, NULL::text AS facet
            UNION ALL SELECT NULL::int, NULL::smallint, NULL::float8, NULL::timestamptz, unnest(
                CASE WHEN t.past THEN ARRAY['q ' || t.queue_id] ELSE
                    ARRAY['q ' || t.queue_id, 's ' || t.state, 'qs ' || t.queue_id || ' ' || t.state] END)
            UNION ALL SELECT NULL::int, NULL::smallint, NULL::float8, NULL::timestamptz, 'r' WHERE EXISTS (
                SELECT FROM annotation_review r WHERE r.task_id = t.id AND r.state IN ('open', 'returned'))
            UNION ALL (
                WITH counted AS MATERIALIZED (
                    SELECT a.* FROM annotation_annotation a WHERE a.task_id = t.id AND NOT EXISTS (
                        SELECT FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision)
                )
                SELECT NULL::int, NULL::smallint, NULL::float8, a.recorded_at, unnest(CASE WHEN t.blind THEN NULL ELSE ARRAY[
                    CASE WHEN t.ended THEN 'a ' ELSE 'A ' END || a.annotator_id, CASE WHEN a.flagged THEN 'x' ELSE 'p' END] END)
                FROM counted a
                UNION ALL SELECT NULL::int, NULL::smallint, NULL::float8, a.recorded_at,
                    CASE WHEN t.ended THEN 'c ' ELSE 'C ' END || coalesce(c.clause_id, 0)
                FROM counted a JOIN annotation_citation c ON c.annotation_id = a.id WHERE NOT t.blind
                UNION ALL SELECT NULL::int, NULL::smallint, NULL::float8, a.recorded_at,
                    CASE WHEN t.ended THEN 'v ' ELSE 'V ' END || said.word
                FROM counted a, LATERAL ({_values("a.values")}) said WHERE NOT t.blind
            )
            UNION ALL (
                WITH decided AS MATERIALIZED (
                    SELECT r.* FROM annotation_resolution r WHERE r.task_id = t.id AND t.ended AND NOT EXISTS (
                        SELECT FROM annotation_resolution l
                        WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
                )
                SELECT NULL::int, NULL::smallint, NULL::float8, r.resolved_at, 'l ' || said.word
                FROM decided r, LATERAL ({_values("jsonb_build_object(r.question, r.value)")}) said WHERE NOT t.past
                UNION ALL SELECT NULL::int, NULL::smallint, (
                    SELECT (1 - sum(n * (n - 1)) / nullif(sum(n) * (sum(n) - 1), 0))::float8
                    FROM (SELECT value::numeric AS n FROM jsonb_each_text(r.distribution)) counts), r.resolved_at, NULL
                FROM decided r
            )
        ) own (n_answers, priority, disagreement, changed_at, facet)
    ) found ON true
    WHERE i.id = ANY(%(items)s)
    ON CONFLICT (item_id) DO UPDATE SET facets = excluded.facets, words = excluded.words, n_answers = excluded.n_answers,
        disagreement = excluded.disagreement, priority = excluded.priority, changed_at = excluded.changed_at
    WHERE (annotation_liveentry.facets, annotation_liveentry.n_answers, annotation_liveentry.disagreement,
           annotation_liveentry.priority, annotation_liveentry.changed_at)
        IS DISTINCT FROM (excluded.facets, excluded.n_answers, excluded.disagreement, excluded.priority, excluded.changed_at)
"""  # noqa: S608 (nothing in it comes from elsewhere)


@dataclass(frozen=True)
class CaughtUp:
    """How many items were read anew, and whether by now all are found as they are."""

    n_items: int
    whole: bool


def start_anew() -> None:
    """Have all items read anew, after a restore: what was noted are numbers of another server's transactions."""
    with transaction.atomic(), connection.cursor() as cursor:
        for project_id in CURSOR.restart(cursor):
            cursor.execute(_SWEEP_ALL, {"project": project_id})


def behind() -> list[int]:
    """Projects with something to look at again."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND)
        return [row[0] for row in cursor.fetchall()]


def catch_up(*, project_id: int, seconds: float, wait: bool = True) -> CaughtUp:
    """Look again at what events name, then sweep for as long as *seconds* say. Harmless to repeat.

    Whoever comes second waits for the first, or with `wait` False leaves it to them.
    """
    until = time.monotonic() + seconds
    n_items = _look(project_id, wait)
    while n_items is not None and time.monotonic() < until:
        more = _sweep(project_id)
        if more is None:
            return CaughtUp(n_items, True)
        n_items += more
    with connection.cursor() as cursor:
        cursor.execute(_SWEEPS, {"project": project_id})
        return CaughtUp(n_items or 0, cursor.fetchone() is None)


def sweep_all(*, project_id: int) -> None:
    """Have everything read anew."""
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP_ALL, {"project": project_id})


def _look(project_id: int, wait: bool) -> int | None:
    with transaction.atomic(), connection.cursor() as cursor:
        new = CURSOR.begin(cursor, project_id)
        known = CURSOR.lock(cursor, project_id, wait=wait)
        if known is None:
            return None
        if CURSOR.start_anew(cursor, known) or new:
            cursor.execute(_SWEEP_ALL, known)
        cursor.execute(_EVENTS, {**known, "anything": ANYTHING, "open_ones": OPEN_ONES})
        items, xmin = _dirty(cursor, known, cursor.fetchall())
        read_anew(cursor, project_id, sorted(items))
        CURSOR.looked(cursor, known, xmin)
    return len(items)


def _dirty(cursor: Any, known: dict[str, Any], rows: Sequence[tuple[str, int, int]]) -> tuple[set[int], int]:
    """The items that have to be read anew now; whatever is too much for that, is going to be swept."""
    items = {number for what, number, _ in rows if what == "item"}
    xmin = next(number for what, number, _ in rows if what == "now")
    limit = MOST_DIRTY + 1
    every = any(what == "all" for what, *_ in rows)
    for what, number, _ in () if every else rows:
        if what == "queue":
            cursor.execute(_OF_QUEUE, {"queue": number, "limit": limit})
            found = [row[0] for row in cursor.fetchall()]
            every |= len(found) == limit
            items.update(found)
        elif what == "load":
            cursor.execute(_OF_LOAD, {**known, "load": number, "limit": limit})
            found = [row[0] for row in cursor.fetchall()]
            if len(found) < limit:
                items.update(found)
                continue
            cursor.execute(_BOUNDS, {"load": number})
            first, last = cursor.fetchone()
            cursor.execute(_SWEEP, {**known, "first": first, "last": last})
    if every or len(items) > MOST_DIRTY:
        cursor.execute(_SWEEP_ALL, known)
        return set(), xmin
    return items, xmin


def _sweep(project_id: int) -> int | None:
    """The next part of what has to be swept; None where there is none."""
    with transaction.atomic(), connection.cursor() as cursor:
        known = CURSOR.lock(cursor, project_id, wait=True)
        cursor.execute(_SWEEPS, {"project": project_id})
        row = cursor.fetchone()
        if known is None or row is None:
            return None
        sweep, first, last = row
        cursor.execute(_PART, {"project": project_id, "first": first, "last": last, "limit": AT_ONCE})
        items = cursor.fetchone()[0] or []
        read_anew(cursor, project_id, items)
        if len(items) < AT_ONCE:
            cursor.execute(_SWEPT, {"sweep": sweep})
        else:
            cursor.execute(_FURTHER, {"sweep": sweep, "next": items[-1] + 1})
    return len(items)


def read_anew(cursor: Any, project_id: int, items: Sequence[int]) -> None:
    """Write the entries of these items as they are now. Under the project's cursor."""
    if items:
        cursor.execute(_SECONDS, {"project": project_id})
    seconds = [row[0] for row in cursor.fetchall()] if items else []
    for begin in range(0, len(items), AT_ONCE):
        cursor.execute(
            _ENTRIES,
            {
                "items": list(items[begin : begin + AT_ONCE]),
                "seconds": seconds,
                "fields": settings.ITEM_FACET_FIELDS,
                "bytes": settings.ITEM_SEARCHED_BYTES,
            },
        )
