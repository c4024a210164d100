"""Preferences and rankings: Kendall's counts over every tournament, and what is too little."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.agreement import rankings


@settings(max_examples=30, deadline=None)
@given(st.permutations(list(range(6))))
def test_an_order_has_no_circle(order: list[int]) -> None:
    said = list(combinations(order, 2))
    assert rankings.transitivity(said).value == 1
    assert rankings.consistence(said).value == 1
    assert rankings.kendall_w(
        np.array([np.argsort(order), np.argsort(order)], dtype=float)
    ).value == pytest.approx(1)


def test_circles_are_counted_as_kendall_does() -> None:
    """All 2^6 tournaments of four things: mean of circular triads n (n-1) (n-2) / 24 = 1, at most 2."""
    pairs = list(combinations(range(4), 2))
    circles, consistences = [], []
    for number in range(2 ** len(pairs)):
        said = [pair if number >> k & 1 else pair[::-1] for k, pair in enumerate(pairs)]
        circles.append(4 * (1 - (rankings.transitivity(said).value or 0)))
        consistences.append(rankings.consistence(said).value)
    assert np.mean(circles) == pytest.approx(1)
    assert max(circles) == 2
    assert min(value for value in consistences if value is not None) == pytest.approx(0)


def test_rankings_that_cancel_agree_on_nothing() -> None:
    every = np.array(list(permutations([1.0, 2.0, 3.0])))
    assert rankings.kendall_w(every).value == pytest.approx(0)
    # with two annotators W = (rho + 1) / 2
    one, other = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 5])
    rho = 1 - 6 * ((one - other) ** 2).sum() / (5 * 24)
    assert rankings.kendall_w(np.stack([one, other])).value == pytest.approx((rho + 1) / 2)
    assert rankings.kendall_w(np.ones((2, 3))).value is None


def test_preferences_of_pairs_and_what_is_too_little() -> None:
    counts = rankings.pair_counts([("a", "b"), ("b", "a"), ("c", "b"), ("c", "b")])
    share, alpha = rankings.pair_agreement(counts)
    assert sorted(counts.tolist()) == [[0, 2], [1, 1]]
    assert share.value == 0.5
    assert alpha.value == pytest.approx(1 - 0.5 / (2 * 1 * 3 / 12))
    assert rankings.transitivity([("a", "b"), ("b", "c")]).value is None
    assert rankings.consistence([("a", "b"), ("b", "c")]).value is None
    assert rankings.pair_agreement(counts[:0])[0].reason == "no item has two answers"
