"""Figures about one annotator, against published and simulated ones."""

from __future__ import annotations

import random
from math import log

import pytest
from scipy import stats

from annotation.agreement import drift, people


def test_leave_one_out_needs_a_unique_plurality_of_two_others() -> None:
    assert people.agrees("a", ["a"]) is None
    assert people.agrees("a", ["a", "a"]) is True
    assert people.agrees("b", ["a", "a", "b"]) is False
    assert people.agrees("a", ["a", "a", "b", "b"]) is None
    assert people.agrees("c", ["a", "b"]) is None


@pytest.mark.parametrize(
    ("n", "low", "high"), [(20, 0.70, 0.97), (50, 0.79, 0.96), (100, 0.83, 0.94), (200, 0.85, 0.93)]
)
def test_wilson_at_nine_of_ten(n: int, low: float, high: float) -> None:
    assert list(people.wilson(round(0.9 * n), n)) == pytest.approx([low, high], abs=0.006)


@pytest.mark.parametrize(("share", "a", "b"), [(0.8, 5, 45), (0.8, 1, 49), (0.5, 30, 229), (0.975, 2.5, 1.5)])
def test_the_beta_quantile_is_scipys(share: float, a: float, b: float) -> None:
    assert drift.beta_quantile(share, a, b) == pytest.approx(stats.beta.ppf(share, a, b), abs=1e-9)


@pytest.mark.parametrize(("p0", "h", "length"), [(0.1, 3, 537), (0.2, 3, 295)])
def test_in_control_the_alarm_comes_as_rarely_as_the_table_says(p0: float, h: float, length: int) -> None:
    """Run lengths between false alarms; a fixed baseline, as in the table. Its standard error is about the length / sqrt(n)."""
    odds = drift.ODDS_RATIO * p0 / (1 - p0)
    p1 = odds / (1 + odds)
    up, down = log(p1 / p0), log((1 - p1) / (1 - p0))
    draw, runs = random.Random(5), 400
    total = 0
    for _ in range(runs):
        s, n = 0.0, 0
        while s <= h:
            s, n = max(0.0, s + (up if draw.random() < p0 else down)), n + 1
        total += n
    assert total / runs == pytest.approx(length, rel=0.2)


def test_a_rise_from_ten_to_thirty_percent_is_seen_and_no_rise_is_not() -> None:
    draw = random.Random(3)
    calm = [draw.random() < 0.1 for _ in range(200)]
    worse = [draw.random() < 0.3 for _ in range(100)]
    quiet = drift.chart(calm, n_baseline=40, threshold=3.0)
    assert quiet.alarms == ()
    assert len(quiet.path) == 160
    seen = drift.chart([*calm, *worse], n_baseline=40, threshold=3.0)
    assert seen.alarms[0] >= 200
    assert seen.alarms[0] < 280


def test_the_moving_average_sees_the_same_rise_and_runs_as_long_without_one() -> None:
    """With a change from 0.10 to 0.25, the median delay of a band with 1,000 answers between false alarms is 28 (90 %: 67)."""
    draw, delays, early = random.Random(4), [], 0
    for _ in range(60):
        calm = [False] * 37 + [True] * 3 + [draw.random() < 0.1 for _ in range(200)]
        seen = drift.ewma([*calm, *(draw.random() < 0.25 for _ in range(300))], n_baseline=40)
        assert seen.baseline == pytest.approx(0.1, abs=0.02)
        early += any(place < 240 for place in seen.alarms)
        delays.append(next(place for place in seen.alarms if place >= 240) - 240)
    assert 15 <= sorted(delays)[30] <= 45
    assert sorted(delays)[54] < 110
    assert early <= 25
    assert drift.ewma([True] * 39, n_baseline=40).baseline is None


def test_it_starts_again_with_a_version_and_says_nothing_before_its_baseline() -> None:
    errors = [False] * 40 + [True] * 2 + [False] + [True] * 2
    together = drift.chart(errors, n_baseline=40, threshold=3.0)
    apart = drift.chart(errors, n_baseline=40, threshold=3.0, starts=[43])
    assert together.path[-1] > apart.path[-1]
    few = drift.chart([True] * 39, n_baseline=40, threshold=3.0)
    assert (few.baseline, few.path, few.alarms) == (None, (), ())


def test_shrinkage_draws_small_counts_towards_everybodys() -> None:
    assert people.shrunk(0, 0, 0.7) == pytest.approx(0.7)
    assert people.shrunk(900, 1000, 0.7) == pytest.approx(0.898, abs=1e-3)
