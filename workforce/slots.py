"""A slot with its task, both locked, for whoever is about to change them: an answer, a skip, a hold.

Nothing changes here. The task is locked first, then the slot, always in that order.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection

from workforce.models import Annotator, Lease

ADDED = """CASE WHEN EXISTS (SELECT FROM workforce_hold h WHERE h.task_id = t.id AND h.released_at IS NULL)
                THEN 'held' ELSE 'open' END"""
"""The state of one more slot of the task `t`, which is locked: it waits with the others while the task is held."""


@dataclass(frozen=True)
class Slot:
    """A slot with its task, both locked, as `lock` found them.

    `purpose` is its queue's, `reviewed` says that answers may be under review there. `other_in_force` is the version that came
    into force since, where the queue has its annotators asked about it.
    """

    assignment_id: int
    task_id: int
    item_id: int
    queue_id: int
    version_id: int | None
    served_digest: str
    slot_state: str
    live: bool
    own_but_expired: bool
    task_state: str
    n_answers: int
    overlap: int
    meaning: int
    purpose: str
    reviewed: bool
    other_in_force: int | None
    payload: dict[str, Any]


def lock(*, assignment_id: int, annotator: Annotator, token: uuid.UUID | None) -> Slot | None:
    """Lock the task, then the slot (always in that order), and say whether the lease is live under this token.

    Without a token it is live for nobody: for whoever works on a slot that is complete.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH t AS MATERIALIZED (
                   SELECT * FROM workforce_task
                   WHERE id = (SELECT task_id FROM workforce_assignment WHERE id = %(assignment)s AND project_id = %(project)s)
                   FOR NO KEY UPDATE
               )
               SELECT s.id, t.id, t.item_id, s.queue_id, s.version_id, s.served_digest, s.state,
                      coalesce(s.state = 'leased' AND s.annotator_id = %(annotator)s AND s.token = %(token)s
                          AND s.lease_until > statement_timestamp(), false),
                      coalesce(s.state = 'leased' AND s.annotator_id = %(annotator)s AND s.token = %(token)s
                          AND s.lease_until <= statement_timestamp(), false),
                      t.state, t.n_answers, t.overlap, t.meaning, q.purpose, q.reviewed,
                      CASE WHEN q.in_progress = 'ask' AND s.version_id <> q.version_id AND t.pinned_id IS NULL
                           THEN q.version_id END,
                      i.payload::text
               FROM t JOIN workforce_assignment s ON s.task_id = t.id AND s.id = %(assignment)s
               JOIN workforce_queue q ON q.id = t.queue_id
               JOIN workforce_item i ON i.id = t.item_id
               FOR NO KEY UPDATE OF s""",
            {
                "assignment": assignment_id,
                "annotator": annotator.pk,
                "token": token,
                "project": annotator.project_id,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    names = (field.name for field in fields(Slot))
    return Slot(**dict(zip(names, (*row[:-1], json.loads(row[-1])), strict=True)))


def held_before(*, assignment_id: int, annotator: Annotator, token: uuid.UUID) -> bool:
    """Whether this annotator was ever given this slot under this token, however that lease ended."""
    return Lease.objects.filter(token=token, assignment_id=assignment_id, annotator=annotator).exists()
