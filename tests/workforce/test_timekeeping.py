"""Active time: rules, time zones, nights when the clocks change; the pure function and what it reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workforce.timekeeping import Lease, Piece, by_day, midnight, pieces

CAP = timedelta(minutes=5)
ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=400)


def lease(
    key: int,
    start: float,
    end: float | None = None,
    *,
    renewed: float | None = None,
    until: float = 30,
    late: float | None = None,
) -> Lease:
    """Minutes after noon."""

    def at(minutes: float | None) -> datetime | None:
        return None if minutes is None else NOON + timedelta(minutes=minutes)

    given_at = at(start)
    assert given_at is not None
    last = renewed if renewed is not None else start
    return Lease(key, key, given_at, at(renewed), NOON + timedelta(minutes=last + until), at(end), at(late))


def minutes(found: list[Piece]) -> dict[object, float]:
    sums: dict[object, float] = {}
    for piece in found:
        sums[piece.what] = sums.get(piece.what, 0) + piece.seconds / 60
    return sums


def reckon(*leases: Lease, as_of: datetime = LATER) -> dict[object, float]:
    return minutes(pieces(leases, cap=CAP, as_of=as_of))


def test_a_lease_counts_to_its_answer() -> None:
    assert reckon(lease(1, 0, 7)) == {1: 7}


def test_a_lease_that_ran_out_counts_to_its_last_renewal_and_the_cap() -> None:
    assert reckon(lease(1, 0)) == {1: 5}
    assert reckon(lease(1, 0, renewed=25)) == {1: 30}
    assert reckon(lease(1, 0, until=2)) == {1: 2}


def test_an_answer_that_came_late_proves_work_to_the_end_of_the_lease_and_no_further() -> None:
    assert reckon(lease(1, 0, late=90)) == {1: 30}


def test_two_tabs_count_once_and_each_moment_goes_to_what_is_finished_first() -> None:
    assert reckon(lease(1, 0, 30), lease(2, 10, 20)) == {1: 20, 2: 10}


def test_a_batch_taken_at_once_is_booked_on_the_tasks_in_the_order_they_were_answered() -> None:
    assert reckon(lease(1, 0, 5), lease(2, 0, 10), lease(3, 0, 15)) == {1: 5, 2: 5, 3: 5}


def test_what_was_not_known_yet_does_not_count_and_the_same_instant_gives_the_same_time() -> None:
    then = NOON + timedelta(minutes=3)
    assert reckon(lease(1, 0, 7), as_of=then) == {1: 3}
    assert reckon(lease(1, 4, 7), as_of=then) == {}


def test_an_end_before_the_beginning_is_never_negative() -> None:
    assert reckon(lease(1, 10, 5)) == {}


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_cuts_a_night_into_two_days_that_add_up(zone: str) -> None:
    there = ZoneInfo(zone)
    start = datetime(2026, 5, 3, 23, 59, 30, tzinfo=there).astimezone(UTC)
    piece = Piece(start, start + timedelta(seconds=90), 1, "q")
    days = {day: cut.seconds for day, cut in by_day([piece], there)}
    assert days == {date(2026, 5, 3): 30, date(2026, 5, 4): 60}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight itself is skipped
        ("America/Sao_Paulo", date(2018, 2, 17), 25),  # the last hour of the day comes twice
        ("America/Havana", date(2024, 11, 3), 25),  # midnight comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_it_is_there(zone: str, day: date, hours: float) -> None:
    there = ZoneInfo(zone)
    whole = Piece(midnight(day, there), midnight(day + timedelta(days=1), there), 1, "q")
    assert [(cut_day, cut.seconds) for cut_day, cut in by_day([whole], there)] == [(day, hours * 3600)]


_AT = st.integers(0, 40 * 3600 * 24).map(
    lambda n: datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=n / 8)
)
_LEASES = st.lists(
    st.tuples(
        _AT, st.none() | st.integers(-60, 9000), st.none() | st.integers(0, 3000), st.integers(1, 3600)
    ),
    max_size=12,
)


@given(raw=_LEASES, zone=st.sampled_from(ZONES), as_of=_AT)
def test_pieces_never_overlap_never_run_backwards_and_days_add_up_to_the_second(
    raw: list[tuple[datetime, int | None, int | None, int]], zone: str, as_of: datetime
) -> None:
    leases = []
    for key, (start, length, renewed, term) in enumerate(raw):
        renewed_at = None if renewed is None else start + timedelta(seconds=renewed)
        leases.append(
            Lease(
                key,
                key % 3,
                start,
                renewed_at,
                (renewed_at or start) + timedelta(seconds=term),
                None if length is None else start + timedelta(seconds=length),
            )
        )
    found = pieces(leases, cap=CAP, as_of=as_of)
    assert all(piece.seconds > 0 for piece in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert all(piece.end <= as_of for piece in found)
    # a second reckoning, moment by moment: a second counts when any lease is alive in it
    alive: set[int] = set()
    for one in leases:
        single = pieces([one], cap=CAP, as_of=as_of)
        for piece in single:
            first = int(piece.start.timestamp())
            alive.update(range(first, first + piece.seconds))
    assert sum(piece.seconds for piece in found) == len(alive)
    cut = list(by_day(found, ZoneInfo(zone)))
    assert sum(piece.seconds for _, piece in cut) == len(alive)
    assert all(
        piece.start.astimezone(ZoneInfo(zone)).date() == day
        and (piece.end - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == day
        for day, piece in cut
    )
