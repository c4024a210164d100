"""The project's ledger: writing events, sealing them into a hash chain, and verifying the chain.

    (nothing) -> event: record
    event -> sealed: seal

Events are written unchained by whoever changes something, in the same transaction, and writers never wait for the sealer. It
gives positions later, to whatever is committed and has none: a transaction that ends after another one was sealed simply
comes after it, so no event can turn up below a position that was given. The events of one transaction are sealed together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from specs import canonical
from specs.models import LedgerEntry, Member, Seal

_INSERT = """
    INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
    VALUES (%s, %s, %s, %s, %s, %s::jsonb) RETURNING id
"""

_SEALABLE = """
    WITH unsealed AS (
        SELECT e.* FROM specs_event e
        WHERE e.project_id = %(project)s AND NOT EXISTS (SELECT 1 FROM specs_ledgerentry l WHERE l.event_id = e.id)
    ), batch AS (
        SELECT DISTINCT xact FROM (SELECT xact FROM unsealed ORDER BY id LIMIT %(limit)s) first
    )
    SELECT id, kind, subject, subject_id, by_id, data::text, recorded_at
    FROM unsealed WHERE xact IN (SELECT xact FROM batch) ORDER BY id
"""

_SEALED = """
    SELECT e.id, e.kind, e.subject, e.subject_id, e.by_id, e.data::text, e.recorded_at
    FROM specs_ledgerentry l LEFT JOIN specs_event e ON e.id = l.event_id
    WHERE l.project_id = %(project)s AND l.position BETWEEN %(first)s AND %(last)s
    ORDER BY l.position
"""


def record(
    *,
    project_id: int | None,
    kind: str,
    by: Member | int | None,
    subject: tuple[str, int],
    data: Mapping[str, Any],
) -> int:
    """Write one event and return its id. `by` is the acting member, or None for the system. Call it inside the transaction.

    `data` holds counts, keys, digests and ids only: no personal and no free text.
    """
    by_id = by.pk if isinstance(by, Member) else by
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT, [project_id, kind, subject[0], subject[1], by_id, canonical.dumps(dict(data)).decode()]
        )
        row = cursor.fetchone()
    return int(row[0])


def seal(*, project_id: int, limit: int | None = None) -> Seal | None:
    """Chain the events that can be chained now; returns the new seal, or None when there was nothing to do.

    One sealer at a time per project (an advisory lock); harmless to repeat.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('specs.ledger.seal'), %s)", [project_id])
        cursor.execute(_SEALABLE, {"project": project_id, "limit": limit or settings.LEDGER_SEAL_BATCH})
        rows = cursor.fetchall()
        if not rows:
            return None
        previous = Seal.objects.filter(project_id=project_id).order_by("-number").first()
        first = previous.last_position + 1 if previous else 1
        seal = Seal.objects.create(
            project_id=project_id,
            number=previous.number + 1 if previous else 1,
            first_position=first,
            last_position=first + len(rows) - 1,
            previous_digest=previous.digest if previous else "",
            digest=_chain(previous.digest if previous else "", rows),
        )
        LedgerEntry.objects.bulk_create(
            [
                LedgerEntry(project_id=project_id, seal=seal, position=first + offset, event_id=row[0])
                for offset, row in enumerate(rows)
            ],
            batch_size=5000,
        )
    return seal


def seal_all(*, project_id: int) -> int:
    """Seal what can be sealed by now; returns the last sealed position (0 for an empty ledger).

    A batch that is not full has caught up. What is written meanwhile is left: behind writers that never pause there is no end.
    """
    while (made := seal(project_id=project_id)) is not None:
        if made.last_position - made.first_position + 1 < settings.LEDGER_SEAL_BATCH:
            break
    return position(project_id=project_id)


def position(*, project_id: int) -> int:
    """The last sealed position of the project's ledger, 0 when nothing is sealed."""
    last = (
        Seal.objects.filter(project_id=project_id)
        .order_by("-number")
        .values_list("last_position", flat=True)
        .first()
    )
    return last or 0


@dataclass(frozen=True)
class Fault:
    """A place where the chain does not hold."""

    seal: int
    message: str


def verify(*, project_id: int, checkpoint: tuple[int, str] | None = None) -> list[Fault]:
    """Recompute the whole chain and return every fault: changed, removed, reordered or missing events, cut tails.

    `checkpoint` is `(seal number, digest)` kept outside the database: without one, a tail that was cut off cannot be seen.
    """
    faults: list[Fault] = []
    previous_digest, next_position, number = "", 1, 0
    for seal in Seal.objects.filter(project_id=project_id).order_by("number").iterator():
        number += 1
        if seal.number != number:
            faults.append(Fault(number, f"seal {number} is missing"))
            number = seal.number
        if seal.previous_digest != previous_digest:
            faults.append(Fault(seal.number, "does not follow from the seal before it"))
        if seal.first_position != next_position:
            faults.append(
                Fault(seal.number, f"begins at position {seal.first_position}, not {next_position}")
            )
        with connection.cursor() as cursor:
            cursor.execute(
                _SEALED, {"project": project_id, "first": seal.first_position, "last": seal.last_position}
            )
            rows = cursor.fetchall()
        if len(rows) != seal.last_position - seal.first_position + 1 or any(row[0] is None for row in rows):
            faults.append(Fault(seal.number, "an event or its place is missing"))
        elif _chain(seal.previous_digest, rows) != seal.digest:
            faults.append(Fault(seal.number, "the events are not the ones that were sealed"))
        previous_digest, next_position = seal.digest, seal.last_position + 1
    if checkpoint is not None:
        found = (
            Seal.objects.filter(project_id=project_id, number=checkpoint[0])
            .values_list("digest", flat=True)
            .first()
        )
        if found != checkpoint[1]:
            faults.append(Fault(checkpoint[0], "the checkpoint kept outside is not in the chain"))
    return faults


def _chain(previous: str, rows: list[tuple[Any, ...]]) -> str:
    """The digest of a batch: `sha256(previous digest, then one canonical line per event in order)`."""
    chain = hashlib.sha256(previous.encode())
    for line in _lines(rows):
        chain.update(line)
    return f"sha256:{chain.hexdigest()}"


def _lines(rows: list[tuple[Any, ...]]) -> Iterator[bytes]:
    for event_id, kind, subject, subject_id, by_id, data, recorded_at in rows:
        yield (
            canonical.dumps(
                {
                    "at": _utc(recorded_at),
                    "by": by_id,
                    "data": data,
                    "id": event_id,
                    "kind": kind,
                    "subject": [subject, subject_id],
                }
            )
            + b"\n"
        )


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
