"""The timed right of one annotator to one slot.

    open -> leased: claim
    leased -> leased: renew
    leased -> open: release, return_expired, return_leases_of
    leased -> submitted: complete

Slots exist before their answers, so overlap is exact by construction: a claim locks *and changes* one row, skipping rows that
others are about to take. All times are the database's. An annotator's claims are one after the other, because each locks the
enrolment row first. The cost of a claim does not depend on how much work exists or is done: two short partial indexes and a
cursor per annotator and lane; only when nothing lies ahead does a claim look behind its cursors once.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from specs.models import Member
from specs.refusals import Refusal
from workforce import entering
from workforce.models import Annotator, Queue

_RETURN = """
    WITH gone AS (
        SELECT id, annotator_id FROM workforce_assignment
        WHERE state = 'leased' AND {which}
        ORDER BY lease_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), back AS (
        UPDATE workforce_assignment s
        SET state = 'open', annotator_id = NULL, version_id = NULL, served_digest = '', token = NULL, leased_at = NULL,
            lease_until = NULL, n_renewals = 0, returned = true, n_returns = least(n_returns + 1, 32000),
            rank = nextval('workforce_rank')
        FROM gone WHERE s.id = gone.id
        RETURNING s.id, s.project_id, gone.annotator_id
    )
    INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
    SELECT project_id, %(kind)s, 'assignment', id, %(by)s, jsonb_build_object('annotator', annotator_id) FROM back
    RETURNING id
"""

_FREE = """
    SELECT s.id, s.rank, s.returned FROM workforce_assignment s
    WHERE s.queue_id = %(queue)s AND s.state = 'open' AND {lane}
      AND s.reserved_for_id {reserved}
      AND NOT EXISTS (SELECT 1 FROM workforce_assignment mine
                      WHERE mine.task_id = s.task_id AND mine.annotator_id = %(annotator)s)
      AND NOT EXISTS (SELECT 1 FROM workforce_barred b WHERE b.task_id = s.task_id AND b.annotator_id = %(annotator)s)
      {unless}
    ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
"""

_TAKE = """
    , taken AS (
        UPDATE workforce_assignment s
        SET state = 'leased', annotator_id = %(annotator)s, token = %(token)s, leased_at = statement_timestamp(),
            lease_until = statement_timestamp() + q.lease_for, n_renewals = 0, version_id = v.id, served_digest = v.digest
        FROM picked p
        JOIN workforce_assignment found ON found.id = p.id
        JOIN workforce_task t ON t.id = found.task_id
        JOIN workforce_queue q ON q.id = found.queue_id
        JOIN LATERAL (
            SELECT w.id, w.digest FROM specs_specversion w
            WHERE w.spec_id = q.spec_id AND w.meaning = t.meaning AND w.state NOT IN ('draft', 'forming')
            ORDER BY (w.id = t.pinned_id) DESC, (w.id = q.version_id) DESC, w.major DESC, w.minor DESC, w.patch DESC LIMIT 1
        ) v ON true
        WHERE s.id = p.id
        RETURNING s.*
    ), leases AS (
        INSERT INTO workforce_lease (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
        SELECT project_id, id, annotator_id, token, 0, version_id, leased_at, lease_until FROM taken
    ), moved AS (
        UPDATE workforce_enrolment e
        SET cursor_epoch = %(epoch)s,
            cursor = CASE WHEN p.returned THEN %(cursor)s ELSE p.rank END,
            returned_cursor = CASE WHEN p.returned THEN p.rank ELSE %(returned_cursor)s END
        FROM picked p WHERE e.id = %(enrolment)s
    ), events AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        SELECT project_id, 'assignment.claimed', 'assignment', id, %(by)s,
               jsonb_build_object('annotator', annotator_id, 'task', task_id, 'version', version_id) FROM taken
    )
"""

_SERVED = """
    SELECT s.id, s.task_id, s.number, s.token, s.leased_at, s.lease_until, s.n_renewals, s.version_id, s.served_digest,
           i.id, i.key, i.payload::text, i.sensitive, s.queue_id
    FROM {source} s
    JOIN workforce_task t ON t.id = s.task_id
    JOIN workforce_item i ON i.id = t.item_id
"""

_OPEN_TO_ALL, _OF_THE_COHORT = (
    "IS NULL",
    "= %(cohort)s",
)  # two texts, since the planner misjudges one for both
_AHEAD = (
    "WITH a AS MATERIALIZED ("
    + _FREE.format(reserved="{reserved}", lane="s.returned AND s.rank > %(returned_cursor)s", unless="")
    + "), b AS MATERIALIZED ("
    + _FREE.format(
        reserved="{reserved}",
        lane="NOT s.returned AND s.rank > %(cursor)s",
        unless="AND NOT EXISTS (SELECT 1 FROM a)",
    )
    + "), c AS MATERIALIZED ("
    + _FREE.format(
        reserved="{reserved}",
        lane="s.returned AND s.rank <= %(returned_cursor)s",
        unless="AND NOT EXISTS (SELECT 1 FROM a) AND NOT EXISTS (SELECT 1 FROM b)",
    )
    + "), d AS MATERIALIZED ("
    + _FREE.format(
        reserved="{reserved}",
        lane="NOT s.returned AND s.rank <= %(cursor)s",
        unless="AND NOT EXISTS (SELECT 1 FROM a) AND NOT EXISTS (SELECT 1 FROM b) AND NOT EXISTS (SELECT 1 FROM c)",
    )
    + "), picked AS (SELECT * FROM a UNION ALL SELECT * FROM b UNION ALL SELECT * FROM c UNION ALL SELECT * FROM d)"
)
_CLAIM = _AHEAD + _TAKE + _SERVED.format(source="taken")
_CLAIM_TASK = (
    "WITH picked AS ("
    + _FREE.format(reserved="{reserved}", lane="s.task_id = %(task)s", unless="")
    + ")"
    + _TAKE.replace("CASE WHEN p.returned THEN %(cursor)s ELSE p.rank END", "%(cursor)s").replace(
        "CASE WHEN p.returned THEN p.rank ELSE %(returned_cursor)s END", "%(returned_cursor)s"
    )
    + _SERVED.format(source="taken")
)
_HELD = (
    _SERVED.format(source="workforce_assignment")
    + " WHERE s.annotator_id = %(annotator)s AND s.state = 'leased' AND s.lease_until > statement_timestamp()"
)


class LeaseLost(Refusal):
    """The lease ended, or the slot is somebody else's by now."""

    code = "lease-lost"
    status = 409


class TooManyLeases(Refusal):
    code = "too-many-leases"
    status = 429


class NoMoreRenewals(Refusal):
    code = "no-more-renewals"
    status = 409


@dataclass(frozen=True)
class Served:
    """One leased slot with what its page needs: the item, and the version whose clauses stand beside it."""

    assignment_id: int
    task_id: int
    number: int
    token: uuid.UUID
    leased_at: datetime
    lease_until: datetime
    n_renewals: int
    version_id: int
    served_digest: str
    item_id: int
    item_key: str
    payload: dict[str, Any]
    sensitive: bool
    queue_id: int

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Served:
        names = (field.name for field in fields(cls))
        return cls(**dict(zip(names, (*row[:11], json.loads(row[11]), *row[12:]), strict=True)))


def database_now() -> datetime:
    """The database's clock: the only one that decides about leases."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        row = cursor.fetchone()
    return row[0]


def claim(
    *, queue_id: int, annotator: Annotator, by: Member | None, task_id: int | None = None
) -> Served | None:
    """Lease the next slot of the queue to the annotator; None when nothing is left for her there.

    Where she may hold only one lease and holds it, that one is served again: a second tab shows the same task. With
    *task_id*, that task or nothing. Raises what `entering.enter` raises, and `TooManyLeases`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        entry = entering.enter(queue_id=queue_id, annotator=annotator)
        if entry.n_held >= entry.max_leases:
            if entry.max_leases == 1 and (
                task_id is None or ((mine := _held(annotator, queue_id)) and mine.task_id == task_id)
            ):
                return _held(annotator, queue_id)
            raise TooManyLeases(
                f"You hold {entry.n_held} of {entry.max_leases} leases here; submit or release one first.",
                held=entry.n_held,
            )
        cursor.execute(
            _RETURN.format(which="queue_id = %(queue)s AND lease_until <= statement_timestamp()"),
            {
                "queue": queue_id,
                "limit": settings.EXPIRED_PER_CLAIM,
                "kind": "assignment.expired",
                "by": None,
            },
        )
        cursor.execute(
            _reserved(_CLAIM if task_id is None else _CLAIM_TASK, entry.cohort_id),
            {
                "queue": queue_id,
                "annotator": annotator.pk,
                "enrolment": entry.enrolment_id,
                "epoch": entry.epoch,
                "cursor": entry.cursor,
                "returned_cursor": entry.returned_cursor,
                "cohort": entry.cohort_id,
                "token": uuid.uuid4(),
                "by": by.pk if by else None,
                "task": task_id,
            },
        )
        row = cursor.fetchone()
    return Served.of(row) if row else None


def _reserved(query: str, cohort_id: int | None) -> str:
    return query.replace("{reserved}", _OPEN_TO_ALL if cohort_id is None else _OF_THE_COHORT)


def held(
    *, annotator: Annotator, queue_id: int | None = None, assignment_id: int | None = None
) -> list[Served]:
    """The annotator's live leases, oldest first."""
    wanted = ("" if queue_id is None else " AND s.queue_id = %(queue)s") + (
        "" if assignment_id is None else " AND s.id = %(assignment)s"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _HELD + wanted + " ORDER BY s.leased_at",
            {"annotator": annotator.pk, "queue": queue_id, "assignment": assignment_id},
        )
        return [Served.of(row) for row in cursor.fetchall()]


def _held(annotator: Annotator, queue_id: int) -> Served | None:
    return next(iter(held(annotator=annotator, queue_id=queue_id)), None)


def renew(*, assignment_id: int, annotator: Annotator, token: uuid.UUID) -> datetime:
    """Extend a live lease by the queue's term, counted from now; returns its new end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.n_renewals, q.max_renewals FROM workforce_assignment s JOIN workforce_queue q ON q.id = s.queue_id
               WHERE s.id = %s AND s.state = 'leased' AND s.annotator_id = %s AND s.token = %s
                 AND s.lease_until > statement_timestamp() FOR NO KEY UPDATE OF s""",
            [assignment_id, annotator.pk, token],
        )
        row = cursor.fetchone()
        if row is None:
            raise LeaseLost("This lease has ended.")
        if row[0] >= row[1]:
            raise NoMoreRenewals(f"A lease is renewed at most {row[1]} times; submit or release the task.")
        cursor.execute(
            """WITH renewed AS (
                   UPDATE workforce_assignment s
                   SET lease_until = statement_timestamp() + q.lease_for, n_renewals = s.n_renewals + 1
                   FROM workforce_queue q WHERE q.id = s.queue_id AND s.id = %s RETURNING s.*
               ), lease AS (
                   INSERT INTO workforce_lease
                       (project_id, assignment_id, annotator_id, token, renewal, version_id, leased_at, until)
                   SELECT project_id, id, annotator_id, token, n_renewals, version_id, statement_timestamp(), lease_until
                   FROM renewed
               ), event AS (
                   INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
                   SELECT project_id, 'assignment.renewed', 'assignment', id, NULL,
                          jsonb_build_object('annotator', annotator_id, 'renewal', n_renewals) FROM renewed
               ) SELECT lease_until FROM renewed""",
            [assignment_id],
        )
        return cursor.fetchone()[0]


def release(*, assignment_id: int, annotator: Annotator, token: uuid.UUID, by: Member | None) -> None:
    """Hand a slot back, without harm: her draft stays, and the task may come again, to her as well. Raises `LeaseLost`."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RETURN.format(
                which="id = %(assignment)s AND annotator_id = %(annotator)s AND token = %(token)s"
            ),
            {
                "assignment": assignment_id,
                "annotator": annotator.pk,
                "token": token,
                "limit": 1,
                "kind": "assignment.released",
                "by": by.pk if by else None,
            },
        )
        if cursor.fetchone() is None:
            raise LeaseLost("This lease has ended already.")


def return_expired(*, limit: int = 1000) -> int:
    """Return leases that have ended, in all queues. Claims do it for their own queue; this keeps boards true meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RETURN.format(which="lease_until <= statement_timestamp()"),
            {"limit": limit, "kind": "assignment.expired", "by": None},
        )
        return len(cursor.fetchall())


def give_back(*, assignment_id: int, by: Member | None, kind: str = "assignment.returned") -> int:
    """Return one leased slot, whoever holds it, without barring anybody, and the event's id; call it under the slot's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RETURN.format(which="id = %(assignment)s"),
            {
                "assignment": assignment_id,
                "limit": 1,
                "kind": kind,
                "by": by.pk if by else None,
            },
        )
        return int(cursor.fetchone()[0])


def return_other_versions(*, queue_id: int, version_id: int, by: Member | None) -> int:
    """Return what is leased under another version than the one now in force; drafts of answers wait for their authors."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RETURN.format(which="queue_id = %(queue)s AND version_id <> %(version)s"),
            {
                "queue": queue_id,
                "version": version_id,
                "limit": 1_000_000,
                "kind": "assignment.returned",
                "by": by.pk if by else None,
            },
        )
        return len(cursor.fetchall())


def return_leases_of(
    *,
    annotator: Annotator,
    by: Member | None,
    queue: Queue | None = None,
    kind: str = "assignment.returned",
) -> int:
    """Return everything an annotator holds (in one queue, or anywhere): she hands it back, left, or was suspended."""
    which = "annotator_id = %(annotator)s" + (" AND queue_id = %(queue)s" if queue else "")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RETURN.format(which=which),
            {
                "annotator": annotator.pk,
                "queue": queue.pk if queue else None,
                "limit": 10_000,
                "kind": kind,
                "by": by.pk if by else None,
            },
        )
        return len(cursor.fetchall())


@dataclass(frozen=True)
class Slot:
    """A slot with its task, both locked, as `lock` found them.

    `other_in_force` is the version that came into force since, where the queue has its annotators asked about it.
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
    other_in_force: int | None
    payload: dict[str, Any]


def lock(*, assignment_id: int, annotator: Annotator, token: uuid.UUID) -> Slot | None:
    """Lock the task, then the slot (always in that order), and say whether the lease is live under this token."""
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
                      t.state, t.n_answers, t.overlap, t.meaning,
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
    return Slot(**dict(zip(names, (*row[:14], json.loads(row[14])), strict=True)))


def claim_anew(
    *, task_id: int, annotator: Annotator, expired_id: int | None, by: Member | None
) -> Served | None:
    """For a late answer: lease a free slot of that very task under a new token, inside the caller's transaction."""
    with connection.cursor() as cursor:
        if expired_id is not None:
            cursor.execute(
                _RETURN.format(which="id = %(assignment)s"),
                {"assignment": expired_id, "limit": 1, "kind": "assignment.expired", "by": None},
            )
        cursor.execute("SELECT queue_id FROM workforce_task WHERE id = %s AND state = 'open'", [task_id])
        row = cursor.fetchone()
        if row is None:
            return None
        cursor.execute(
            """SELECT e.id, e.cursor, e.returned_cursor, e.cursor_epoch,
                      (SELECT c.cohort_id FROM workforce_canary c JOIN workforce_cohortmembership m
                           ON m.cohort_id = c.cohort_id AND m.annotator_id = e.annotator_id AND m.until IS NULL
                       WHERE c.queue_id = e.queue_id AND c.state = 'running')
               FROM workforce_enrolment e WHERE e.queue_id = %s AND e.annotator_id = %s AND e.active""",
            [row[0], annotator.pk],
        )
        enrolment = cursor.fetchone()
        if enrolment is None:
            return None
        cursor.execute(
            _reserved(_CLAIM_TASK, enrolment[4]),
            {
                "queue": row[0],
                "annotator": annotator.pk,
                "enrolment": enrolment[0],
                "cursor": enrolment[1],
                "returned_cursor": enrolment[2],
                "epoch": enrolment[3],
                "cohort": enrolment[4],
                "token": uuid.uuid4(),
                "by": by.pk if by else None,
                "task": task_id,
            },
        )
        found = cursor.fetchone()
    return Served.of(found) if found else None
