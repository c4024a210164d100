"""What the rebuilding of a project's state reads: the ledger, what never changes beside it, and the tables to compare with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Event:
    id: int
    kind: str
    subject: int
    by: int | None
    data: dict[str, Any]
    at: datetime


class Facts:
    """What never changes, as far as events refer to it."""

    def __init__(self, project: int) -> None:
        self.tasks = {
            row[0]: row[1:]
            for row in _rows(
                "SELECT id, item_id, queue_id, meaning, round, purpose = 'work', load_id, created_at FROM workforce_task "
                "WHERE project_id = %s ORDER BY id",
                project,
            )
        }
        self.slots = {
            slot: (task, number)
            for slot, task, number in _rows(
                "SELECT id, task_id, number FROM workforce_assignment WHERE project_id = %s", project
            )
        }
        self.numbered = {place: slot for slot, place in self.slots.items()}
        self.disputes = {
            dispute: (task, work)
            for dispute, task, work in _rows(
                "SELECT id, task_id, work_id FROM annotation_dispute WHERE project_id = %s ORDER BY id",
                project,
            )
        }
        self.kept = dict(
            _rows(
                "SELECT id, kept_for_id FROM workforce_task WHERE project_id = %s AND kept_for_id IS NOT NULL",
                project,
            )
        )
        self.reviews = {
            row[0]: row[1:]
            for row in _rows(
                "SELECT id, task_id, assignment_id, work_id, rework_id FROM annotation_review WHERE project_id = %s",
                project,
            )
        }
        self.review_of = {work: review for review, (_, _, work, _) in self.reviews.items()}
        self.decided = {
            event: (verdict, cannot or value)
            for event, verdict, value, cannot in _rows(
                "SELECT event_id, verdict, values::text, cannot FROM annotation_reviewdecision WHERE project_id = %s",
                project,
            )
        }
        self.annotator_of = dict(
            _rows("SELECT member_id, id FROM workforce_annotator WHERE project_id = %s", project)
        )
        self.meanings = dict(
            _rows("SELECT id, meaning FROM specs_specversion WHERE project_id = %s", project)
        )
        self.said = {
            event: cannot or value
            for event, value, cannot in _rows(
                "SELECT event_id, values::text, cannot FROM annotation_annotation WHERE project_id = %s",
                project,
            )
        }


def tables(project: int) -> dict[str, Any]:
    """What the tables say of all that the fold derives."""
    rows = {
        "tasks": "SELECT id, state, overlap, n_answers FROM workforce_task WHERE project_id = %s",
        "slots": "SELECT id, state, annotator_id, CASE WHEN state IN ('leased', 'submitted') THEN version_id END, "
        "CASE WHEN state = 'leased' THEN n_renewals ELSE 0 END, n_returns FROM workforce_assignment WHERE project_id = %s",
        "queues": "SELECT id, state, version_id, overlap FROM workforce_queue WHERE project_id = %s",
    }
    found: dict[str, Any] = {
        name: {row[0]: row[1:] for row in _rows(text, project)} for name, text in rows.items()
    }
    plain = {
        "people": "SELECT id, state FROM workforce_annotator WHERE project_id = %s",
        "loads": "SELECT id, state FROM workforce_load WHERE project_id = %s",
        "held": "SELECT id, task_id FROM workforce_hold WHERE project_id = %s AND released_at IS NULL",
        "disputes": "SELECT id, state FROM annotation_dispute WHERE project_id = %s",
        "reviews": "SELECT id, state FROM annotation_review WHERE project_id = %s",
    }
    found |= {name: dict(_rows(text, project)) for name, text in plain.items()}
    enrolled = "SELECT queue_id, annotator_id, active FROM workforce_enrolment WHERE project_id = %s"
    ended = (
        "SELECT task_id, event_id, cannot, basis, jsonb_build_object(question, value)::text FROM annotation_resolution "
        "WHERE project_id = %s"
    )
    found["enrolled"] = {(queue, annotator): active for queue, annotator, active in _rows(enrolled, project)}
    found["ended"] = {
        (task, event): cannot or ("" if basis in ("ruling", "plural") else value)
        for task, event, cannot, basis, value in _rows(ended, project)
    }
    return found


def events(project: int) -> Iterator[Event]:
    query = "SELECT id, kind, subject_id, by_id, data::text, recorded_at FROM specs_event WHERE project_id = %s ORDER BY id"
    for number, kind, subject, by, data, at in _rows(query, project):
        yield Event(number, kind, subject, by, json.loads(data), at)


def _rows(query: str, project: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [project])
        return cursor.fetchall()
