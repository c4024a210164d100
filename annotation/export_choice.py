"""Which task speaks for each item at a position of the ledger: resolved under a meaning, or carried into it. Reads only.

Only append-only rows whose event is sealed at or below the position are looked at, so the same question has the same answer for
ever. Of several tasks of an item the newest meaning counts, then what was decided there over what was carried, then the latest
round. Where unresolved items are asked for, a task with answers and no resolution speaks for an item that has no other. An item
that its source had changed or withdrawn by then has no row; its next revision has one of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.models import Snapshot
from specs.models import SpecVersion
from workforce.models import Queue

LAST_POSITION = """
    SELECT coalesce(max(l.position), 0) FROM specs_ledgerentry l JOIN specs_event e ON e.id = l.event_id
    WHERE l.project_id = %s AND e.kind IN (
        'annotation.submitted', 'annotation.revised', 'labels.imported', 'task.resolved', 'dispute.decided',
        'relabelling.confirmed', 'relabelling.followed', 'task.unlabellable', 'items.ended', 'items.withdrawn')
"""
"""What does not change a label does not move the default position: asking twice gives the same bytes."""

_CHOSEN = """
    WITH RECURSIVE sealed AS MATERIALIZED (
        SELECT event_id FROM specs_ledgerentry WHERE project_id = %(project)s AND position <= %(position)s
    ), carries AS (
        SELECT c.*, f.meaning AS from_meaning, t.meaning AS to_meaning
        FROM annotation_carry c JOIN sealed s ON s.event_id = c.event_id
        JOIN specs_specversion f ON f.id = c.from_version_id JOIN specs_specversion t ON t.id = c.to_version_id
        WHERE c.project_id = %(project)s AND t.spec_id = %(spec)s
    ), late AS (
        SELECT l.carry_id, l.asked, l.carried FROM annotation_latecarry l JOIN sealed s ON s.event_id = l.event_id
        WHERE l.project_id = %(project)s
    ), decided AS (
        SELECT r.task_id, min(r.event_id) AS first FROM annotation_resolution r JOIN sealed s ON s.event_id = r.event_id
        JOIN specs_specversion v ON v.id = r.version_id{of_item}
        WHERE r.project_id = %(project)s AND v.spec_id = %(spec)s
          AND (%(versions)s::bigint[] IS NULL OR r.version_id = ANY(%(versions)s))
        GROUP BY 1
    ), known (task_id, settled, first) AS (
        SELECT task_id, true, first FROM decided{unresolved}
    ), reach (task_id, meaning, carried, settled, maps, first) AS (
        SELECT t.id, t.meaning, 0, k.settled, '[]'::jsonb, k.first FROM known k JOIN workforce_task t ON t.id = k.task_id
        WHERE t.meaning <= %(meaning)s AND t.purpose = 'work'
          AND (%(queues)s::bigint[] IS NULL OR t.queue_id = ANY(%(queues)s)
               OR t.queue_id IN (SELECT p.relabel_queue_id FROM annotation_relabelplan p WHERE p.queue_id = ANY(%(queues)s)))
        UNION ALL
        SELECT e.task_id, c.to_meaning, e.carried + 1, e.settled,
               CASE WHEN c.mapping = '{{}}' THEN e.maps ELSE e.maps || jsonb_build_array(c.mapping) END, e.first
        FROM reach e JOIN workforce_task t ON t.id = e.task_id
        JOIN carries c ON c.from_meaning = e.meaning AND c.queue_id = t.queue_id AND NOT (e.task_id = ANY(c.exceptions))
        WHERE e.settled AND NOT EXISTS (SELECT FROM late l WHERE l.carry_id = c.id AND e.task_id = ANY(l.asked))
          AND (e.first < c.event_id OR EXISTS (SELECT FROM late l WHERE l.carry_id = c.id AND e.task_id = ANY(l.carried)))
    ), chosen AS (
        SELECT DISTINCT ON (t.item_id) t.item_id, t.id AS task_id, e.carried, e.maps
        FROM reach e JOIN workforce_task t ON t.id = e.task_id WHERE e.meaning = ANY(%(meanings)s)
          AND NOT EXISTS (SELECT FROM workforce_itemend x JOIN sealed s ON s.event_id = x.event_id WHERE x.item_id = t.item_id)
        ORDER BY t.item_id, e.settled DESC, e.meaning DESC, e.carried, t.round DESC, t.id
    )
"""
_OF_ITEM = " JOIN workforce_task w ON w.id = r.task_id AND w.item_id = %(item)s"
_UNRESOLVED = """
        UNION ALL
        SELECT DISTINCT a.task_id, false, 0::bigint FROM annotation_annotation a JOIN sealed s ON s.event_id = a.event_id
        JOIN specs_specversion v ON v.id = a.version_id JOIN workforce_task w ON w.id = a.task_id
        WHERE v.spec_id = %(spec)s AND w.purpose = 'work' AND (%(item)s::bigint IS NULL OR w.item_id = %(item)s)
          AND NOT EXISTS (SELECT FROM decided d WHERE d.task_id = a.task_id)
"""
_FIELDS = """
    WHERE %(fields)s::jsonb IS NULL OR NOT EXISTS (
        SELECT FROM jsonb_each(%(fields)s::jsonb) f
        WHERE NOT coalesce(f.value ? (i.payload ->> f.key), false))
"""


@dataclass(frozen=True)
class Choice:
    """The query over the chosen tasks of a snapshot, and its parameters."""

    query: str
    known: Mapping[str, Any]


def chosen(snapshot: Snapshot, *, item: int | None = None, what: str, joins: str = "") -> Choice:
    """What is selected from the tasks `c` and items `i` of the request, or of one item, joined to more."""
    asked = snapshot.request
    common = _CHOSEN.format(
        of_item="" if item is None else _OF_ITEM,
        unresolved=_UNRESOLVED if "unresolved" in (asked.get("bases") or ()) else "",
    )
    return Choice(
        f"{common} {what} FROM chosen c JOIN workforce_item i ON i.id = c.item_id {joins} {_FIELDS}",
        known_of(snapshot) | {"item": item},
    )


def known_of(snapshot: Snapshot) -> dict[str, Any]:
    """What the request says, as parameters: its queues and versions by number."""
    asked, version = snapshot.request, snapshot.version
    fields = asked.get("fields")
    return {
        "project": snapshot.project_id,
        "snapshot": snapshot.pk,
        "position": snapshot.position,
        "spec": version.spec_id,
        "meaning": version.meaning,
        "meanings": asked.get("meanings") or [version.meaning],
        "queues": _queues(snapshot, asked.get("queues")),
        "versions": _versions(snapshot, asked.get("versions")),
        "fields": None if fields is None else json.dumps(fields),
    }


def _queues(snapshot: Snapshot, keys: list[str] | None) -> list[int] | None:
    if not keys:
        return None
    rows = Queue.objects.filter(project_id=snapshot.project_id, key__in=keys)
    return list(rows.values_list("pk", flat=True))


def _versions(snapshot: Snapshot, numbers: list[str] | None) -> list[int] | None:
    if not numbers:
        return None
    rows = SpecVersion.objects.published().filter(spec_id=snapshot.version.spec_id)
    return [one.pk for one in rows if one.number in numbers]
