"""Answers being written: kept for their author alone until they are given.

    (nothing) -> draft -> newer draft: save_draft
    draft -> (nothing): forget_ended, where its task has ended without it

A draft belongs to a task and its author, not to a lease: it outlives the lease and comes back with the next one of the same task.
It counts as nothing. Giving the answer takes it away (`recording`), and what comes after that is not kept any more.
What was not given before its task ended is its author's to take along (`dossier_file`) for `ENDED_DRAFTS_KEPT_FOR`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.models import AnswerDraft
from specs import canonical, prepared, task_types, versions
from specs.columns import Columns
from specs.refusals import Refusal, Stale
from specs.task_types.base import BadValue
from workforce import leasing
from workforce.models import Annotator, Assignment, Queue, SlotState

DRAFT = Columns(AnswerDraft, "d")
"""A draft `d` in a statement of others."""
_DRAFT_OF = f"""
    SELECT {DRAFT.sql} FROM annotation_answerdraft d
    WHERE d.annotator_id = %(annotator)s::bigint AND d.task_id = %(task)s::bigint
"""


class AnsweredAlready(Refusal):
    """A draft that comes after its answer: there is nothing left to keep."""

    code = "answered-already"
    status = 409


@dataclass(frozen=True)
class Place:
    """What a lease of hers was for. `live` says that she holds the slot now, `answered` that her answer to the task is in."""

    task_id: int
    version_id: int
    payload: dict[str, Any]
    live: bool
    answered: bool


@dataclass(frozen=True)
class Kept:
    """A draft whose lease is over. `free` says that the task wants an answer that nobody has begun."""

    task_id: int
    item_key: str
    saved_at: datetime
    said: list[tuple[str, str]]
    free: bool


def place(*, annotator: Annotator, assignment_id: int, token: uuid.UUID) -> Place | None:
    """Where an answer belongs that is written under this lease, live or over; None where she never had it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH slot AS (
                   SELECT s.task_id, s.annotator_id IS NOT DISTINCT FROM %(annotator)s AS hers,
                          s.state = 'leased' AND s.lease_until > statement_timestamp() AS leased, s.version_id,
                          (SELECT l.version_id FROM workforce_lease l
                           WHERE l.assignment_id = s.id AND l.annotator_id = %(annotator)s AND l.token = %(token)s
                           ORDER BY l.id DESC LIMIT 1) AS once
                   FROM workforce_assignment s WHERE s.id = %(assignment)s AND s.project_id = %(project)s
               )
               SELECT slot.task_id, coalesce(CASE WHEN hers THEN version_id END, once), i.payload::text,
                      coalesce(hers AND leased, false),
                      EXISTS (SELECT FROM workforce_assignment m WHERE m.task_id = slot.task_id
                              AND m.annotator_id = %(annotator)s AND m.state = 'submitted')
               FROM slot JOIN workforce_task t ON t.id = slot.task_id JOIN workforce_item i ON i.id = t.item_id
               WHERE coalesce(CASE WHEN hers THEN version_id END, once) IS NOT NULL""",
            {
                "assignment": assignment_id,
                "annotator": annotator.pk,
                "token": token,
                "project": annotator.project_id,
            },
        )
        row = cursor.fetchone()
    return Place(row[0], row[1], json.loads(row[2]), *row[3:]) if row else None


def save_draft(
    *,
    annotator: Annotator,
    task_id: int,
    values: Mapping[str, Any],
    citations: Mapping[str, Sequence[str]],
    revision: int,
    flagged: bool = False,
    confidence: int | None = None,
    note: str = "",
) -> int:
    """Keep an answer being written; returns its revision. `revision` is the one the writer saw (0 for none).

    An older one never overwrites a newer one: `Stale` carries what is kept there. The same once more is no newer one. Raises
    `AnsweredAlready`.
    """
    canonical.dumps(dict(values))
    content = {
        "values": dict(values),
        "citations": [{"question": question, "clauses": list(keys)} for question, keys in citations.items()],
        "flagged": flagged,
        "confidence": confidence,
        "note": note[: settings.MAX_NOTE_CHARACTERS],
    }
    with transaction.atomic():
        if Assignment.objects.filter(
            task_id=task_id, annotator=annotator, state=SlotState.SUBMITTED
        ).exists():
            raise AnsweredAlready(_("You have answered this task already."))
        draft, new = AnswerDraft.objects.select_for_update(no_key=True).get_or_create(
            annotator=annotator,
            task_id=task_id,
            defaults={"project_id": annotator.project_id, **content},
        )
        if new:
            return draft.revision
        if all(getattr(draft, name) == value for name, value in content.items()):
            return draft.revision  # it came before, and its writer did not hear of it
        if draft.revision != revision:
            raise Stale(
                _("A newer draft of this answer is kept."),
                revision=draft.revision,
                values=draft.values,
                citations=draft.citations,
            )
        for name, value in content.items():
            setattr(draft, name, value)
        draft.revision += 1
        draft.saved_at = leasing.database_now()
        draft.save()
    return draft.revision


def draft_of(*, annotator: Annotator, task_id: int) -> AnswerDraft | None:
    """The annotator's own draft; nobody else sees it."""
    found = prepared.run(_DRAFT_OF, {"annotator": annotator.pk, "task": task_id})
    return DRAFT.instance(found[0]) if found else None


def forget_ended() -> int:
    """Delete drafts of tasks that have been resolved or withdrawn for `ENDED_DRAFTS_KEPT_FOR`, and not been written in since;
    returns how many. A task that is opened again takes them back until then."""
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM annotation_answerdraft d USING workforce_task t
               WHERE t.id = d.task_id AND t.state IN ('resolved', 'withdrawn')
                 AND greatest(d.saved_at, t.settled_at) < statement_timestamp() - make_interval(secs => %s)""",
            [settings.ENDED_DRAFTS_KEPT_FOR.total_seconds()],
        )
        return cursor.rowcount


def lapsed(*, annotator: Annotator, queue: Queue) -> list[Kept]:
    """Her drafts in the queue whose leases are over, of tasks that still want answers and may be hers; newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT d.task_id, i.key, d.saved_at, d.values::text, i.payload::text,
                      EXISTS (SELECT FROM workforce_assignment s WHERE s.task_id = t.id
                              AND (s.state = 'open' OR s.state = 'leased' AND s.lease_until <= statement_timestamp()))
               FROM annotation_answerdraft d
               JOIN workforce_task t ON t.id = d.task_id AND t.state = 'open' AND t.queue_id = %(queue)s
               JOIN workforce_item i ON i.id = t.item_id
               WHERE d.annotator_id = %(annotator)s
                 AND NOT EXISTS (SELECT FROM workforce_assignment m
                                 WHERE m.task_id = t.id AND m.annotator_id = %(annotator)s
                                   AND NOT (m.state = 'leased' AND m.lease_until <= statement_timestamp()))
                 AND NOT EXISTS (SELECT FROM workforce_barred b
                                 WHERE b.task_id = t.id AND b.annotator_id = %(annotator)s)
               ORDER BY d.saved_at DESC LIMIT %(most)s""",
            {"queue": queue.pk, "annotator": annotator.pk, "most": settings.DRAFTS_SHOWN},
        )
        rows = cursor.fetchall()
    if not rows or queue.version_id is None:
        return []
    version = versions.read(queue.version_id)
    return [
        Kept(
            task, key, saved_at, in_words(version, values=json.loads(values), payload=json.loads(item)), free
        )
        for task, key, saved_at, values, item, free in rows
    ]


def in_words(
    version: versions.ReadVersion, *, values: Mapping[str, Any], payload: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """What was entered, right or wrong, as (question, answer) in words; what is no whole answer yet stands as it was written."""
    asked = [question for question in version.questions if question["key"] in values]
    return [(question["title"], _words(question, values[question["key"]], payload)) for question in asked]


def _words(question: Mapping[str, Any], value: Any, payload: Mapping[str, Any]) -> str:
    kind = task_types.get(question["kind"])
    try:
        return kind.describe(question, kind.parse_json(question, value, payload))
    except BadValue:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
