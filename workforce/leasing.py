"""The timed right of one annotator to one slot.

    open -> leased, reserved -> leased: claim
    leased -> leased: renew
    leased -> open: release, return_expired, return_leases_of
    leased -> submitted: complete

Slots exist before their answers, so overlap is exact by construction: a claim locks *and changes* one row, skipping rows that
others are about to take. All times are the database's. An annotator's claims are one after the other, because each locks the
enrolment row first. The cost of a claim does not depend on how much work exists or is done: one partial index in the queue's
order, and the ranks that each annotator has passed; only when nothing lies ahead does a claim look behind them once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import prepared
from specs.models import Member
from specs.refusals import Refusal
from workforce import (
    entering,
    excluding,
    minting,
    onboarding,
    ordering,
    picking,
    reserving,
    reviewing,
    sitting,
)
from workforce.models import Annotator, Queue, Stage, TaskPurpose

_RETURN = (
    """
    WITH gone AS (
        SELECT id, annotator_id FROM workforce_assignment
        WHERE state = 'leased' AND {which}
        ORDER BY lease_until LIMIT %(limit)s::int FOR UPDATE SKIP LOCKED
    ), back AS (
        UPDATE workforce_assignment s
        SET state = 'open', annotator_id = NULL, version_id = NULL, served_digest = '', token = NULL, leased_at = NULL,
            lease_until = NULL, n_renewals = 0, returned = true,
            n_returns = least(32000, n_returns + (
                %(kind)s::text IN ('assignment.released', 'assignment.expired', 'assignment.skipped'))::int),
            rank = """
    + ordering.rank(number="s.number", begun="true")
    + """
        FROM gone, workforce_task t, workforce_queue q
        WHERE s.id = gone.id AND t.id = s.task_id AND q.id = s.queue_id
        RETURNING s.id, s.project_id, s.queue_id, s.rank, s.state, gone.annotator_id
    ), """
    + ordering.arrived("back")
    + """
    INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
    SELECT project_id, %(kind)s::text, 'assignment', id, %(by)s::bigint, jsonb_build_object('annotator', annotator_id) FROM back
    RETURNING id
"""
)

# What says something about the item is counted (`n_returns`): she handed it back, let it run out, or skipped it. That a manager
# took it, another version came, or she left, was suspended or dismissed, is not the item's doing.

_LEASED = """
    SELECT s.id, s.task_id, s.number, s.token, s.leased_at, s.lease_until, s.n_renewals, s.version_id, s.served_digest,
           i.id, i.key, i.payload::text, i.sensitive, s.queue_id, q.predictions <> 'hidden'
    FROM workforce_assignment s
    JOIN workforce_task t ON t.id = s.task_id
    JOIN workforce_item i ON i.id = t.item_id
    JOIN workforce_queue q ON q.id = s.queue_id
    WHERE s.annotator_id = %(annotator)s::bigint AND s.state = 'leased' AND s.lease_until > statement_timestamp()
"""


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
    """One leased slot with what its page needs: the item, and the version whose clauses stand beside it.

    `suggests` says that its queue shows what models said; whether it does for this slot is `suggesting.serve`'s to say.
    """

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
    suggests: bool

    @classmethod
    def of(cls, row: Sequence[Any]) -> Served:
        return cls(*[*row[:11], json.loads(row[11]), *row[12:]])


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
    *task_id*, that task or nothing. Raises what `entering.enter` raises, `TooManyLeases`, `ExposureCap`, and `StillOnPath`.
    """
    if task_id is None and (served := _plain(queue_id, annotator, by)) is not None:
        return served
    try:
        return _look_twice(queue_id, annotator, by, task_id)
    except Refusal:
        onboarding.catch_up(queue_id=queue_id, annotator=annotator)  # what she has passed stays passed
        raise


def _look_twice(queue_id: int, annotator: Annotator, by: Member | None, task_id: int | None) -> Served | None:
    """The long way: whatever a plain claim leaves to a second look, under the enrolment's lock."""
    with transaction.atomic():
        entry = entering.enter(queue_id=queue_id, annotator=annotator)
        if entry.n_held >= entry.max_leases:
            if entry.max_leases == 1 and (
                task_id is None or ((mine := _held(annotator, queue_id)) and mine.task_id == task_id)
            ):
                return _held(annotator, queue_id)
            raise _too_many(entry)
        return _claim_entered(entry, queue_id, annotator, by, task_id)


def claim_one_more(*, queue_id: int, annotator: Annotator, by: Member | None) -> Served | None:
    """As `claim`, but never what she holds already. Call it inside a transaction."""
    entry = entering.enter(queue_id=queue_id, annotator=annotator)
    if entry.n_held >= entry.max_leases:
        raise _too_many(entry)
    return _claim_entered(entry, queue_id, annotator, by, None)


def _too_many(entry: entering.Entry) -> TooManyLeases:
    return TooManyLeases(
        _("You hold %(n_held)s of %(max_leases)s leases here; submit or release one first.")
        % {"n_held": entry.n_held, "max_leases": entry.max_leases},
        held=entry.n_held,
    )


def _claim_entered(
    entry: entering.Entry, queue_id: int, annotator: Annotator, by: Member | None, task_id: int | None
) -> Served | None:
    if entry.overdue and return_expired(queue_id=queue_id, limit=settings.EXPIRED_PER_CLAIM):
        # what came back is ahead of her again
        entry = entering.look(queue_id=queue_id, annotator=annotator) or entry
    if entry.stage in onboarding.MINTED:
        return _newcomer(entry, annotator, by, task_id)
    if entry.probe == TaskPurpose.TEST:
        return _test(entry, queue_id, annotator, by)
    if (
        task_id is None
        and entry.probe is not None
        and not entry.has_reserved
        and (probe := _mint(entry, annotator, by)) is not None
    ):
        return probe
    served = _take(entry, queue_id, annotator, by, task_id)
    if served is None and reserving.return_due(queue_id=queue_id):
        served = _take(entry, queue_id, annotator, by, task_id)
    if served is not None and entry.review_share:
        reviewing.draw(task_id=served.task_id, annotator_id=annotator.pk, share=entry.review_share)
    return served


def _newcomer(
    entry: entering.Entry, annotator: Annotator, by: Member | None, task_id: int | None
) -> Served | None:
    """What is minted for somebody in practice or shadow: that, and never work, neither by name nor kept for her."""
    if task_id is not None:
        raise onboarding.StillOnPath(_("This task is for those who are through their practice here."))
    found = _mint(entry, annotator, by)
    if found is None:
        raise onboarding.PathHeld(
            _(
                "There is nothing left to practise on that you have not seen yet. Whoever manages people here sees that you wait."
            )
            if entry.stage == Stage.PRACTICE
            else _(
                "There is nothing yet that others have answered and you have not seen. It goes on when there is."
            )
        )
    return found


def _test(entry: entering.Entry, queue_id: int, annotator: Annotator, by: Member | None) -> Served | None:
    """The next known answer of her sitting in a calibration queue; there is no other work in one."""
    assert entry.in_force is not None
    sitting.admit(queue_id=queue_id, annotator=annotator, version_id=entry.in_force)
    found = _mint(entry, annotator, by)
    if found is None:
        raise sitting.NoSittingLeft(
            _(
                "No known answers are left that you have not seen, so this test cannot go on. Whoever keeps it can bring in more."
            )
        )
    return found


def _mint(entry: entering.Entry, annotator: Annotator, by: Member | None) -> Served | None:
    """What this claim is minted for (by chance gold or a repeat, or a newcomer's stage); None where there is none for her."""
    assert entry.probe is not None
    assert entry.in_force is not None
    purpose = TaskPurpose(entry.probe)
    with transaction.atomic():
        slot = minting.mint(
            purpose=purpose, enrolment_id=entry.enrolment_id, version_id=entry.in_force, by=by
        )
        if slot is None:
            return None
        if entry.excluding and not excluding.admit(annotator=annotator, assignment_id=slot):
            transaction.set_rollback(
                True
            )  # of what was minted only: the claim goes on with the work there is
            return None
    return held(annotator=annotator, assignment_id=slot)[0]


def _plain(queue_id: int, annotator: Annotator, by: Member | None) -> Served | None:
    """The claim of somebody who may and holds nothing, in one statement; None for whatever needs a second look."""
    known = {"queue": queue_id, "annotator": annotator.pk, "token": uuid.uuid4(), "by": by.pk if by else None}
    (row,) = prepared.run(picking.PLAIN_CLAIM, known)
    return Served.of(row) if row[0] is not None else None


def _take(
    entry: entering.Entry, queue_id: int, annotator: Annotator, by: Member | None, task_id: int | None
) -> Served | None:
    known: dict[str, Any] = {
        "queue": queue_id,
        "annotator": annotator.pk,
        "enrolment": entry.enrolment_id,
        "epoch": entry.epoch,
        "passed": entry.passed,
        "seen": entry.seen,
        "lease_for": entry.lease_for,
        "token": uuid.uuid4(),
        "by": by.pk if by else None,
        **({} if entry.cohort_id is None else {"cohort": entry.cohort_id}),
        **({} if task_id is None else {"task": task_id}),
    }
    if not entry.excluding:
        return _pick(entry, task_id, known)
    known["capped"] = excluding.before_claim(annotator)
    served = _pick(entry, task_id, known)
    if served is not None:
        excluding.after_claim(annotator=annotator, assignment_id=served.assignment_id)
    elif known["capped"]:
        excluding.refuse_capped()
    return served


def _pick(entry: entering.Entry, task_id: int | None, known: dict[str, Any]) -> Served | None:
    if entry.has_reserved:
        (row,) = prepared.run(picking.KEPT[task_id is not None, entry.excluding], known)
        if row[0] is not None:
            return Served.of(row)
    if entry.drawn and task_id is None:
        (row,) = prepared.run(
            picking.AT_RANDOM[entry.cohort_id is not None, entry.excluding], {**known, "at": entry.drawn_at}
        )
        if row[0] is not None:
            prepared.run(picking.BEGUN, {"task": row[1]})
            return Served.of(row)
    texts = picking.NEXT if task_id is None else picking.OF_TASK
    (row,) = prepared.run(texts[entry.cohort_id is not None, entry.excluding], known)
    return Served.of(row) if row[0] is not None else None


def held(
    *, annotator: Annotator, queue_id: int | None = None, assignment_id: int | None = None
) -> list[Served]:
    """The annotator's live leases, oldest first."""
    wanted = ("" if queue_id is None else " AND s.queue_id = %(queue)s::bigint") + (
        "" if assignment_id is None else " AND s.id = %(assignment)s::bigint"
    )
    known = {"annotator": annotator.pk, "queue": queue_id, "assignment": assignment_id}
    return [Served.of(row) for row in prepared.run(_LEASED + wanted + " ORDER BY s.leased_at", known)]


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
            raise LeaseLost(_("This lease has ended."))
        if row[0] >= row[1]:
            raise NoMoreRenewals(
                _("A lease is renewed at most %(row)s times; submit or release the task.") % {"row": row[1]}
            )
        cursor.execute(
            """WITH renewed AS (
                   UPDATE workforce_assignment s
                   SET lease_until = statement_timestamp() + q.lease_for, n_renewals = s.n_renewals + 1
                   FROM workforce_queue q WHERE q.id = s.queue_id AND s.id = %s RETURNING s.*
               ), held AS (
                   UPDATE workforce_enrolment e SET held_until = greatest(e.held_until, r.lease_until) FROM renewed r
                   WHERE e.annotator_id = r.annotator_id AND e.queue_id = r.queue_id
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
            raise LeaseLost(_("This lease has ended already."))


def return_expired(*, limit: int = 1000, queue_id: int | None = None) -> int:
    """Return leases that have ended, in one queue or in all. Claims do it for their own; this keeps boards true meanwhile."""
    which = "lease_until <= statement_timestamp()" + (
        "" if queue_id is None else " AND queue_id = %(queue)s::bigint"
    )
    known = {"limit": limit, "kind": "assignment.expired", "by": None, "queue": queue_id}
    return len(prepared.run(_RETURN.format(which=which), known))


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
        slot = minting.claim_anew(task_id=task_id, annotator=annotator, by=by)
        return held(annotator=annotator, assignment_id=slot)[0] if slot is not None else None
    entry = entering.look(queue_id=row[0], annotator=annotator)
    if entry is None or entry.stage in onboarding.MINTED:  # put back meanwhile: it is kept as late
        return None
    return _take(entry, row[0], annotator, by, task_id)
