"""Pure: from leases to the time somebody worked, to the second, by day in a time zone.

What is known of a lease is when it was given, its renewals, and how it ended; there are no keystrokes and no clicks. Rules:

1. A lease counts from when it was given to when its answer came or it was handed back.
2. An answer that came after the lease's end proves work up to that end: it counts to the end of its term.
3. A lease that just ran out counts to its last sign of life (the last renewal, else its start) plus a cap, never beyond its
   term.
4. Every moment counts once. Where leases of one person overlap (two tabs, two queues, two projects, a batch), it belongs to
   the one that ends first: what she was about to finish.
5. Moments are whole seconds of the database's clock, each boundary cut down. So pieces add up exactly, however they are cut.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True)
class Lease:
    """One lease as the rows tell it; times are aware. `key` tells leases apart, `what` is what its time is booked on.

    `ended_at` is when it was answered or handed back, `late_at` when an answer to it came after its end.
    """

    key: int
    what: object
    leased_at: datetime
    renewed_at: datetime | None
    until: datetime
    ended_at: datetime | None = None
    late_at: datetime | None = None


@dataclass(frozen=True)
class Piece:
    """Time that counts: whole seconds from `start` to `end` (UTC), booked on `what`."""

    start: datetime
    end: datetime
    key: int
    what: object

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


def end_of(lease: Lease, *, cap: timedelta, as_of: datetime) -> datetime:
    """When a lease stops counting, as far as was known at *as_of*: never before it was given, never after *as_of*."""
    sign = max(filter(None, (lease.leased_at, lease.renewed_at)))
    if lease.ended_at is not None and lease.ended_at <= as_of:
        end = min(lease.ended_at, max(lease.until, sign))
    elif lease.late_at is not None and lease.late_at <= as_of:
        end = lease.until
    else:
        end = min(sign + cap, lease.until)
    return max(lease.leased_at, min(end, as_of))


def pieces(leases: Iterable[Lease], *, cap: timedelta, as_of: datetime) -> list[Piece]:
    """The active time of *one* person: pieces in order that never overlap and are never empty.

    All leases of the person belong in one call, whatever project they are from; else moments would count twice.
    Cost: n log n in the number of leases.
    """
    spans = sorted(
        (_second(lease.leased_at), _second(end_of(lease, cap=cap, as_of=as_of)), lease.key, lease.what)
        for lease in leases
        if lease.leased_at <= as_of
    )
    found: list[Piece] = []
    alive: list[tuple[datetime, int, object]] = []  # by end: the first is the one the moment belongs to
    now, place = datetime.min.replace(tzinfo=UTC), 0
    while place < len(spans) or alive:
        if not alive:
            now = max(now, spans[place][0])
        while place < len(spans) and spans[place][0] <= now:
            heapq.heappush(alive, (spans[place][1], spans[place][2], spans[place][3]))
            place += 1
        while alive and alive[0][0] <= now:
            heapq.heappop(alive)
        if not alive:
            continue
        end, key, what = alive[0]
        upto = min(end, spans[place][0]) if place < len(spans) else end
        _append(found, Piece(now, upto, key, what))
        now = upto
    return found


def _append(found: list[Piece], piece: Piece) -> None:
    if found and found[-1].key == piece.key and found[-1].end == piece.start:
        found[-1] = Piece(found[-1].start, piece.end, piece.key, piece.what)
    else:
        found.append(piece)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def by_day(found: Sequence[Piece], zone: tzinfo) -> Iterator[tuple[date, Piece]]:
    """The pieces cut at every midnight of *zone*, each with its day there. A day with a change of clocks has 23 or 25 hours."""
    for piece in found:
        start = piece.start
        while start < piece.end:
            day = start.astimezone(zone).date()
            end = min(midnight(day + timedelta(days=1), zone), piece.end)
            yield day, Piece(start, end, piece.key, piece.what)
            start = end


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins there, in UTC. Where midnight is skipped it is the moment of the skip, where it comes twice the first."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
