"""Agreement where a table of items by values would be too wide: numbers from a slider, options that differ by item.

Everything is a sum over items or over distinct values, so memory follows the answers.
"""

from __future__ import annotations

import numpy as np

from annotation.agreement import bootstrap
from annotation.agreement.counts import sums
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes, Floats


def interval_alpha(
    item: Codes, points: Floats, *, n_items: int, n_resamples: int = 0, seed: int = 0
) -> Estimate:
    """Alpha at the interval level from the moments of each item: `item, points: (n_answers,)`.

    Squared differences of all pairs are `2 (r sum x^2 - (sum x)^2)`, within items for Do and over all for De. Undefined
    without an item of two answers, and where all are the same. Source: Krippendorff 2011, interval difference.
    """
    r = np.bincount(item, minlength=n_items).astype(float)
    paired = r[item] >= 2
    if not paired.any():
        return Estimate(None, n_answers=len(item), reason=NO_PAIRS)
    x = points[paired] - points[paired].mean()
    total, squares = sums(item[paired], x, n_items), sums(item[paired], x**2, n_items)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = 2 * (r * squares - total**2) / (r - 1)
    rows = np.column_stack([r, total, squares, apart])[r >= 2]

    def statistic(whole: Floats) -> Floats:
        n, one, two, observed = whole.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - observed / (2 * (n * two - one**2) / (n - 1)))

    if float(np.ptp(x)) == 0:
        return Estimate(None, n_items=len(rows), n_answers=len(item), reason=NO_VARIATION)
    return _estimate(rows, statistic, len(item), n_resamples, seed)


def nominal_alpha(
    item: Codes, value: Codes, *, n_items: int, n_resamples: int = 0, seed: int = 0
) -> Estimate:
    """Alpha at the nominal level; its interval holds De fixed, which hardly moves where values are many."""
    r = np.bincount(item, minlength=n_items)
    paired = r[item] >= 2
    if not paired.any():
        return Estimate(None, n_answers=len(item), reason=NO_PAIRS)
    n = int(paired.sum())
    marginals = np.bincount(value[paired]).astype(float)
    expected = 1 - float((marginals * (marginals - 1)).sum()) / (n * (n - 1))
    if expected <= 0:
        return Estimate(None, n_items=int((r >= 2).sum()), n_answers=len(item), reason=NO_VARIATION)
    same = _same(item, value, n_items) / np.maximum(r - 1, 1)
    rows = np.column_stack([same, r])[r >= 2].astype(float)

    def statistic(whole: Floats) -> Floats:
        return np.asarray(1 - (1 - whole[:, 0] / whole[:, 1]) / expected)

    return _estimate(rows, statistic, len(item), n_resamples, seed)


def percent_agreement(
    item: Codes, value: Codes, *, n_items: int, n_resamples: int = 0, seed: int = 0
) -> Estimate:
    """The mean over items with two answers of the share of their pairs that are equal, as `coefficients` has it."""
    r = np.bincount(item, minlength=n_items)
    if not (r >= 2).any():
        return Estimate(None, n_answers=len(item), reason=NO_PAIRS)
    share = _same(item, value, n_items) / np.maximum(r * (r - 1), 1)
    rows = np.column_stack([share, np.ones(n_items)])[r >= 2]
    return _estimate(rows, lambda whole: whole[:, 0] / whole[:, 1], len(item), n_resamples, seed)


def _same(item: Codes, value: Codes, n_items: int) -> Floats:
    """By item, `sum_k n_k (n_k - 1)`: ordered pairs of equal answers."""
    n_values = int(value.max(initial=0)) + 1
    cells, n = np.unique(item * n_values + value, return_counts=True)
    return sums(cells // n_values, n * (n - 1), n_items)


def _estimate(
    rows: Floats, statistic: bootstrap.OfSums, n_answers: int, n_resamples: int, seed: int
) -> Estimate:
    found = float(statistic(rows.sum(axis=0)[None])[0])
    bounds = bootstrap.of_sums(rows, statistic, n_resamples=n_resamples, seed=seed) if n_resamples else None
    low, high = bounds or (None, None)
    return Estimate(found, low, high, len(rows), n_answers)
