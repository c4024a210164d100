"""Bounds on flips that nobody saw: right at all times at once, exact at the end, and no wider than they need to be."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.agreement import missed


@pytest.mark.parametrize(("n_all", "n_flips"), [(200, 0), (200, 4), (300, 30), (120, 60)])
def test_the_bounds_hold_at_every_size_of_the_sample_at_once(n_all: int, n_flips: int) -> None:
    draw = np.random.default_rng(5)
    wrong = 0
    for _ in range(150):
        seen = np.cumsum(draw.permutation(n_all) < n_flips)
        looks = (missed.bounds(n_all, n, int(seen[n - 1])) for n in range(5, n_all + 1, 5))
        wrong += any(not one.low <= n_flips <= one.high for one in looks)
    assert wrong / 150 <= missed.ERROR + 2 * (missed.ERROR * 0.95 / 150) ** 0.5


def test_everything_seen_leaves_nothing_open_and_nothing_seen_leaves_everything_open() -> None:
    whole, nothing = missed.bounds(50, 50, 7), missed.bounds(50, 0, 0)
    assert (whole.low, whole.high, whole.missed_at_most, whole.n_left) == (7, 7, 0, 0)
    assert (nothing.low, nothing.high) == (0, 50)
    with pytest.raises(ValueError):
        missed.bounds(10, 3, 4)


@pytest.mark.parametrize("n_all", [0, 1, 7, 60, 1000, 20_000])
def test_the_fewest_are_enough_and_one_less_is_not(n_all: int) -> None:
    n = missed.fewest(n_all, 0.05)
    assert missed.bounds(n_all, n, 0).missed_share <= 0.05
    assert n == 0 or missed.bounds(n_all, n - 1, 0).missed_share > 0.05
    assert n <= 100
