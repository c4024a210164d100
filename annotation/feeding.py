"""What a pipeline follows row by row: items, answers, resolutions and events, in an order that only grows. Reads only.

Answers, resolutions and events come by their position in the sealed ledger, so whoever goes on from the last cursor has
missed nothing, however late a transaction committed. Items come by their number: what a load brings is whole once it is loaded.
Rows leave PostgreSQL as lines of JSON and are read in stretches, so the memory that a stream takes does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Project
from specs.refusals import Invalid

Cursor = tuple[int, int]
_VERSION = "v.major || '.' || v.minor || '.' || v.patch"
_WORK = """
    JOIN workforce_task t ON t.id = r.task_id AND t.purpose = 'work' JOIN workforce_item i ON i.id = t.item_id
    JOIN workforce_queue q ON q.id = t.queue_id JOIN specs_specversion v ON v.id = r.version_id
    JOIN specs_spec s ON s.id = v.spec_id
"""
_COMMON = f"""
    'item', i.key, 'item_revision', i.revision, 'task', t.id, 'queue', q.key, 'spec', s.key, 'version', {_VERSION}
"""
_ANSWER = f"""
    jsonb_build_object({_COMMON}, 'id', r.id, 'annotator', n.pseudonym, 'revision', r.revision, 'values', r.values,
        'cannot', r.cannot, 'citations', (
            SELECT coalesce(jsonb_object_agg(c.question, c.keys), '{{}}') FROM (
                SELECT c.question, coalesce(jsonb_agg(k.key ORDER BY k.key) FILTER (WHERE k.id IS NOT NULL), '[]') AS keys
                FROM annotation_citation c LEFT JOIN specs_clause k ON k.id = c.clause_id
                WHERE c.annotation_id = r.id GROUP BY c.question) c),
        'flagged', r.flagged, 'confidence', r.confidence, 'source', r.source, 'answered_at', r.answered_at)
"""
_OF_ANSWERS = f"""
    SELECT l.position, r.id, {_ANSWER}
    FROM specs_ledgerentry l JOIN specs_event e ON e.id = l.event_id
    JOIN annotation_annotation r ON r.event_id = l.event_id AND <found> {_WORK}
    JOIN workforce_annotator n ON n.id = r.annotator_id
"""
# A live answer's event names its slot; an import's stands for a whole file, whose answers an index of their own finds.
_OF_SLOTS = (
    f"{_OF_ANSWERS.replace('<found>', 'r.assignment_id = e.subject_id')} <span> AND e.subject = 'assignment'"
)
_OF_FILES = _OF_ANSWERS.replace("<found>", "r.source = 'import'") + " <span>"
_BY_PLACE = "ORDER BY 1, 2 LIMIT %(limit)s"
_ANSWERS = (
    f"SELECT * FROM (({_OF_SLOTS} {_BY_PLACE}) UNION ALL ({_OF_FILES} {_BY_PLACE})) both_kinds {_BY_PLACE}"
)
_RESOLUTIONS = f"""
    SELECT l.position, r.id, jsonb_build_object({_COMMON}, 'id', r.id, 'question', r.question, 'revision', r.revision,
        'value', r.value, 'cannot', r.cannot, 'basis', r.basis, 'distribution', r.distribution, 'rule', r.rule,
        'ruling', r.ruling_id, 'resolved_at', r.resolved_at)
    FROM specs_ledgerentry l JOIN annotation_resolution r ON r.event_id = l.event_id {_WORK} <span> {_BY_PLACE}
"""
_BEYOND = "WHERE l.project_id = %(project)s AND l.position > %(position)s AND l.position <= %(sealed)s"
_REST = "WHERE l.project_id = %(project)s AND l.position = %(position)s AND r.id > %(row)s"
_EVENTS = """
    SELECT l.position, 0, jsonb_build_object('position', l.position, 'id', r.id, 'kind', r.kind, 'subject', r.subject,
        'subject_id', r.subject_id, 'by', r.by_id, 'data', r.data, 'at', r.recorded_at)
    FROM specs_ledgerentry l JOIN specs_event r ON r.id = l.event_id
    <span> ORDER BY l.position LIMIT %(limit)s
"""
_ITEMS = """
    SELECT r.id, 0, jsonb_build_object('id', r.id, 'item', r.key, 'item_revision', r.revision, 'payload', r.payload,
        'digest', r.digest, 'sensitive', r.sensitive, 'created_at', r.created_at)
    FROM workforce_item r WHERE r.project_id = %(project)s AND r.id > %(position)s ORDER BY r.id LIMIT %(limit)s
"""
FEEDS: Mapping[str, str] = {
    "items": _ITEMS,
    "answers": _ANSWERS,
    "resolutions": _RESOLUTIONS,
    "events": _EVENTS,
}


@dataclass(frozen=True)
class Row:
    """One row: its JSON, and the cursor after which the next one comes."""

    cursor: str
    json: str


def read_cursor(text: str) -> Cursor:
    """A cursor as it was given out; empty for the beginning. Raises `Invalid`."""
    parts = text.split("-") if text else ["0"]
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        raise Invalid(
            _("A cursor is what a row or a page named."),
            problems=[{"where": "after", "message": _("is no cursor")}],
        )
    return int(parts[0]), int(parts[1]) if len(parts) == 2 else 0


def page(feed: str, *, project: Project, after: Cursor, limit: int) -> list[Row]:
    """The next rows after a cursor."""
    asked: dict[str, Any] = {
        "project": project.pk,
        "position": after[0],
        "row": after[1],
        "sealed": ledger.position(project_id=project.pk),
        "limit": limit,
    }
    return _read(feed, asked)


def stream(feed: str, *, project: Project, after: Cursor, limit: int | None) -> Iterator[Row]:
    """All rows after a cursor that are there when it begins, *limit* of them at the most."""
    asked: dict[str, Any] = {"project": project.pk, "sealed": ledger.position(project_id=project.pk)}
    while limit is None or limit > 0:
        size = settings.FEED_ROWS if limit is None else min(limit, settings.FEED_ROWS)
        found = _read(feed, {**asked, "position": after[0], "row": after[1], "limit": size})
        yield from found
        if len(found) < size:
            return
        after, limit = read_cursor(found[-1].cursor), None if limit is None else limit - len(found)


def _read(feed: str, asked: dict[str, Any]) -> list[Row]:
    """First what is left of the event that the cursor stands in, which may be of a whole file, then what comes after it."""
    found = _rows(feed, _REST, asked) if asked["row"] else []
    if (more := asked["limit"] - len(found)) > 0:
        found += _rows(feed, _BEYOND, {**asked, "limit": more})
    return found


def _rows(feed: str, span: str, asked: dict[str, Any]) -> list[Row]:
    with connection.cursor() as cursor:
        query = FEEDS[feed].replace("<span>", span)
        cursor.execute(f"SELECT a, b, c::text FROM ({query}) feed (a, b, c)", asked)
        return [Row(f"{place}-{row}" if row else str(place), text) for place, row, text in cursor.fetchall()]
