"""Live sums that follow the answers: folded from the project's events in order, within seconds, and at once when a page asks.

    (nothing) -> live queue, not counted: catch_up
    live queue -> counted anew, part by part: catch_up

An answer's own statement knows nothing of this. What an event names is only *that* an item has to be looked at again; what the
item adds is read from its answers and compared with what it had added. So folding an event twice changes nothing, any
transition that ends in an event is followed, and a stop at any place loses nothing.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from annotation import adding, event_cursors
from annotation.answers import PEOPLE

AT_ONCE = 1_000
"""Items, and tasks of a history, that one transaction looks at."""
MOST_DIRTY = 5_000
"""Items of a queue from which on it is counted anew, part by part, instead of in one transaction."""
CURSOR = event_cursors.EventCursor("annotation_livecursor")

_BEHIND = """
    SELECT p.id FROM specs_project p LEFT JOIN annotation_livecursor c ON c.project_id = p.id
    WHERE c.id IS NULL AND EXISTS (SELECT 1 FROM workforce_queue q WHERE q.project_id = p.id)
       OR EXISTS (SELECT 1 FROM annotation_livequeue l WHERE l.project_id = p.id AND l.recounted_to IS NOT NULL)
       OR EXISTS (SELECT 1 FROM specs_event e WHERE e.project_id = p.id AND e.id > c.upto AND e.xact >= c.seen::text::xid8)
    ORDER BY p.id
"""
_NEW_QUEUES = """
    INSERT INTO annotation_livequeue (project_id, queue_id, recounted_to, folded_at)
    SELECT q.project_id, q.id, 0, statement_timestamp() FROM workforce_queue q
    WHERE q.project_id = %(project)s AND q.purpose NOT IN ('adjudication', 'review', 'rework')
      AND NOT EXISTS (SELECT 1 FROM annotation_livequeue l WHERE l.queue_id = q.id)
"""
_START_ANEW = "UPDATE annotation_livequeue SET recounted_to = 0 WHERE project_id = %(project)s"
# One statement, so that what it sees and what it says of finished transactions are the same moment.
_EVENTS = f"""
    WITH fresh AS MATERIALIZED (
        SELECT e.kind, e.subject, e.subject_id FROM specs_event e
        WHERE {event_cursors.FRESH}
          AND (e.subject = 'assignment' AND e.kind LIKE 'annotation.%%' OR e.kind = ANY(%(anew)s) OR e.kind = 'items.loaded')
    )
    SELECT 'item', t.queue_id, t.item_id FROM fresh f
    JOIN workforce_assignment s ON f.subject = 'assignment' AND s.id = f.subject_id
    JOIN workforce_task t ON t.id = s.task_id
    UNION SELECT 'item', l.queue_id, l.item_id FROM fresh f
    JOIN workforce_task t ON f.kind = 'items.loaded' AND t.load_id = f.subject_id
    JOIN annotation_liveitem l ON l.item_id = t.item_id
    UNION SELECT 'queue', f.subject_id, 0 FROM fresh f WHERE f.subject = 'queue' AND f.kind = ANY(%(anew)s)
    UNION ALL SELECT 'now', ({event_cursors.NOW}), 0
"""  # noqa: S608 (nothing in it comes from elsewhere)
ANEW = ["labels.imported", "tasks.overlap-changed"]
"""Events on a queue after which any of its tasks may count more or fewer answers."""
_RECOUNT = "UPDATE annotation_livequeue SET recounted_to = %(to)s WHERE queue_id = ANY(%(queues)s)"
_TOUCHED = (
    "UPDATE annotation_livequeue SET folded_at = statement_timestamp() WHERE queue_id = ANY(%(queues)s)"
)
_UNCOUNTED = """
    SELECT queue_id, recounted_to FROM annotation_livequeue
    WHERE project_id = %(project)s AND recounted_to IS NOT NULL ORDER BY recounted_to DESC, queue_id LIMIT 1
"""
_HISTORY = """
    SELECT id, item_id FROM workforce_task WHERE queue_id = %(queue)s AND id > %(after)s AND n_answers > 0
    ORDER BY id LIMIT %(limit)s
"""
_BEFORE = "SELECT item_id, meaning, said FROM annotation_liveitem WHERE queue_id = %(queue)s AND item_id = ANY(%(items)s)"
_KEEP = """
    INSERT INTO annotation_liveitem (project_id, queue_id, meaning, item_id, said)
    SELECT %(project)s, %(queue)s, meaning, item, said
    FROM unnest(%(meanings)s::int[], %(kept)s::bigint[], %(said)s::jsonb[]) AS k (meaning, item, said)
    ON CONFLICT (queue_id, item_id, meaning) DO UPDATE SET said = excluded.said
"""
_SUMS = """
    WITH d AS MATERIALIZED (
        SELECT * FROM unnest(%(meanings)s::int[], %(questions)s::text[], %(names)s::text[], %(amounts)s::numeric[])
            AS d (meaning, question, name, amount)
    ), gone AS (
        DELETE FROM annotation_livesum s USING d
        WHERE s.queue_id = %(queue)s AND (s.meaning, s.question, s.name) = (d.meaning, d.question, d.name)
          AND s.amount = -d.amount
    ), moved AS (
        UPDATE annotation_livesum s SET amount = s.amount + d.amount FROM d
        WHERE s.queue_id = %(queue)s AND (s.meaning, s.question, s.name) = (d.meaning, d.question, d.name)
          AND s.amount <> -d.amount
    )
    INSERT INTO annotation_livesum (project_id, queue_id, meaning, question, name, amount)
    SELECT %(project)s, %(queue)s, d.meaning, d.question, d.name, d.amount FROM d
    WHERE NOT EXISTS (SELECT 1 FROM annotation_livesum s WHERE s.queue_id = %(queue)s
                      AND (s.meaning, s.question, s.name) = (d.meaning, d.question, d.name))
"""


@dataclass(frozen=True)
class Followed:
    """What a call did: items looked at again, and whether all queues are counted whole by now."""

    n_items: int
    whole: bool


def start_anew() -> None:
    """Count all live queues anew, after a restore: what was noted are numbers of another server's transactions."""
    with transaction.atomic(), connection.cursor() as cursor:
        for project_id in CURSOR.restart(cursor):
            cursor.execute(_START_ANEW, {"project": project_id})


def behind() -> list[int]:
    """Projects with something to fold or to count, those without any sums yet among them."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND)
        return [row[0] for row in cursor.fetchall()]


def catch_up(*, project_id: int, seconds: float = 20.0, wait: bool = True) -> Followed:
    """Fold everything that is committed, then count histories that are not counted yet for as long as *seconds* say.

    Whoever comes second waits for the first, or with `wait` False leaves it to them. Harmless to repeat.
    """
    until = time.monotonic() + seconds
    n_items = _fold(project_id, wait)
    while n_items is not None and time.monotonic() < until:
        more = _recount(project_id)
        if more is None:
            return Followed(n_items, True)
        n_items += more
    with connection.cursor() as cursor:
        cursor.execute(_UNCOUNTED, {"project": project_id})
        return Followed(n_items or 0, cursor.fetchone() is None)


def _fold(project_id: int, wait: bool) -> int | None:
    """Look at every item again that an event since the last time names; None where somebody else is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        CURSOR.begin(cursor, project_id)
        known = CURSOR.lock(cursor, project_id, wait=wait)
        if known is None:
            return None
        known["anew"] = ANEW
        cursor.execute(_NEW_QUEUES, known)
        if CURSOR.start_anew(cursor, known):
            cursor.execute(_START_ANEW, known)
        cursor.execute(_EVENTS, known)
        items, anew, xmin = _sorted(cursor.fetchall())
        large = {queue for queue, found in items.items() if len(found) > MOST_DIRTY}
        cursor.execute(_RECOUNT, {"to": 0, "queues": sorted(anew | large)})
        for queue in sorted(items.keys() - anew - large):
            _look_again(project_id, queue, sorted(items[queue]))
        CURSOR.looked(cursor, known, xmin)
    return sum(len(found) for queue, found in items.items() if queue not in anew | large)


def _sorted(rows: Iterable[Sequence[Any]]) -> tuple[dict[int, set[int]], set[int], int]:
    items: dict[int, set[int]] = defaultdict(set)
    anew: set[int] = set()
    xmin = 0
    for kind, first, second in rows:
        if kind == "item":
            items[first].add(second)
        elif kind == "queue":
            anew.add(first)
        else:
            xmin = first
    return items, anew, xmin


def _recount(project_id: int) -> int | None:
    """The next part of a history that is not counted; None where there is none. Its items are counted, not its tasks."""
    with transaction.atomic(), connection.cursor() as cursor:
        CURSOR.lock(cursor, project_id, wait=True)
        cursor.execute(_UNCOUNTED, {"project": project_id})
        row = cursor.fetchone()
        if row is None:
            return None
        queue, after = row
        cursor.execute(_HISTORY, {"queue": queue, "after": after, "limit": AT_ONCE})
        tasks = cursor.fetchall()
        items = sorted({item for _, item in tasks})
        _look_again(project_id, queue, items)
        to = tasks[-1][0] if len(tasks) == AT_ONCE else None
        cursor.execute(_RECOUNT, {"to": to, "queues": [queue]})
    return len(items)


def _look_again(project_id: int, queue: int, items: Sequence[int]) -> None:
    """What these items add now, beside what they had added: the difference goes into the sums. Under the project's lock."""
    for begin in range(0, len(items), AT_ONCE):
        known: dict[str, Any] = {
            "project": project_id,
            "queue": queue,
            "items": list(items[begin : begin + AT_ONCE]),
            "kinds": list(PEOPLE),
        }
        with connection.cursor() as cursor:
            cursor.execute(_BEFORE, known)
            before = {(item, meaning): json.loads(said) for item, meaning, said in cursor.fetchall()}
            after = adding.of_items(cursor, known)
            changed = {
                key: after.get(key, {})
                for key in before.keys() | after.keys()
                if before.get(key, {}) != after.get(key, {})
            }
            _keep(cursor, known, changed)
            _sum(cursor, known, before, changed)
            cursor.execute(_TOUCHED, {"queues": [queue]})


def _keep(
    cursor: Any, known: Mapping[str, Any], changed: Mapping[tuple[int, int], Mapping[str, Any]]
) -> None:
    if changed:
        kept, meanings = zip(*changed, strict=True)
        said = [Jsonb(said) for said in changed.values()]
        cursor.execute(_KEEP, {**known, "kept": list(kept), "meanings": list(meanings), "said": said})


def _sum(
    cursor: Any,
    known: Mapping[str, Any],
    before: Mapping[tuple[int, int], Mapping[str, Any]],
    changed: Mapping[tuple[int, int], Mapping[str, Any]],
) -> None:
    moved: Counter[tuple[int, str, str]] = Counter()
    for (item, meaning), after in changed.items():
        for sign, said in ((1, after), (-1, before.get((item, meaning), {}))):
            for question, sums in said.items():
                for name, amount in sums.items():
                    moved[meaning, question, name] += sign * amount
    moves = sorted((key, amount) for key, amount in moved.items() if amount)
    if moves:
        keys, amounts = zip(*moves, strict=True)
        meanings, questions, names = (list(column) for column in zip(*keys, strict=True))
        cursor.execute(
            _SUMS,
            {**known, "meanings": meanings, "questions": questions, "names": names, "amounts": list(amounts)},
        )
