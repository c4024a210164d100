"""Alpha, and mean nearness, over values of any kind that have a distance: sets, texts, boxes, values that differ by item.

Nothing here is as wide as it is long: within items pairs of answers are looked at, across items the marginals of distinct
values, so that many items with many distinct values need no table of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from annotation.agreement import bootstrap
from annotation.agreement.counts import sums
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes, Floats
from specs.wording import later

Near = Callable[[Any, Any], float]
MOST_VALUES = 5_000
TOO_MANY = later("more than %(n)s different answers") % {"n": f"{MOST_VALUES:,}"}


def alpha(
    item: Codes,
    value: Codes,
    apart: Floats,
    *,
    n_items: int,
    n_resamples: int = 0,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha with `apart: (n_values, n_values)` as its differences, and its bootstrap over items.

    `item, value: (n_answers,)` codes. Undefined without an item of two answers, and where all of them are the same.
    Source: Krippendorff 2011.
    """
    n_answers, n_values = len(value), len(apart)
    r = np.bincount(item, minlength=n_items)
    paired = r[item] >= 2
    n_pairable = int((r >= 2).sum())
    if n_pairable == 0:
        return Estimate(None, n_answers=n_answers, reason=NO_PAIRS)
    places = np.cumsum(r >= 2) - 1
    place, value = places[item[paired]], value[paired]
    if (np.bincount(value, minlength=n_values) > 0).sum() < 2:
        return Estimate(None, n_items=n_pairable, n_answers=n_answers, reason=NO_VARIATION)
    cells, n = np.unique(place * n_values + value, return_counts=True)
    observed = _observed(cells // n_values, cells % n_values, n, r[r >= 2], apart)

    def statistic(whole: Floats) -> Floats:
        marginals = whole[:, 1:]
        total = marginals.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = ((marginals @ apart) * marginals).sum(axis=1) / (total - 1)
            return np.asarray(1 - whole[:, 0] / expected)

    marginals = np.bincount(cells % n_values, weights=n, minlength=n_values)
    found = float(statistic(np.concatenate([[observed.sum()], marginals])[None])[0])
    bounds = None
    if n_resamples:
        rows = _by_group(place, value, observed, n_values, seed)
        bounds = bootstrap.of_sums(rows, statistic, n_resamples=n_resamples, seed=seed)
    low, high = bounds or (None, None)
    return Estimate(found, low, high, n_pairable, n_answers)


def _observed(place: Codes, value: Codes, n: Codes, r: Codes, apart: Floats) -> Floats:
    """What each item adds to the observed disagreement: `sum_ck n_c n_k d_ck / (r - 1)`, from cells sorted by item."""
    held = np.bincount(place, minlength=len(r))
    begin = np.cumsum(held) - held
    left = held[place] - (np.arange(len(place)) - begin[place]) - 1
    found = np.zeros(len(r))
    for step in range(1, int(held.max(initial=0))):
        one = np.flatnonzero(left >= step)
        weight = 2 * n[one] * n[one + step] * apart[value[one], value[one + step]]
        found += sums(place[one], weight, len(r))
    return np.asarray(found / (r - 1))


def _by_group(place: Codes, value: Codes, observed: Floats, n_values: int, seed: int) -> Floats:
    """Observed disagreement and marginals by item, or by group of items where that table would be too large."""
    n_items = len(observed)
    most = min(bootstrap.MOST_GROUPS, max(200, 4_000_000 // (n_values + 1)))
    group = np.arange(n_items)
    if n_items > most:
        group = np.random.default_rng(seed).permutation(group % most)
    n_groups = int(group.max()) + 1
    table = sums(group[place] * n_values + value, np.ones(len(place)), n_groups * n_values)
    return np.column_stack([sums(group, observed, n_groups), table.reshape(n_groups, n_values)])


def mean_nearness(
    item: Codes, value: Codes, values: Sequence[Any], near: Near, *, n_items: int, n_resamples: int = 0
) -> Estimate:
    """The mean over all pairs of answers to one item, of all items, of `near` of the two, with its bootstrap over items.

    `near` in [0, 1] is asked once for every two distinct values that meet. Undefined where no item has two answers.
    """
    place, first, second = within(item, value, n_items=n_items)
    if len(place) == 0:
        return Estimate(None, n_answers=len(item), reason=NO_PAIRS)
    found = of_pairs(first, second, values, near)
    n = np.bincount(place, minlength=n_items)
    held = n > 0
    rows = np.column_stack([sums(place, found, n_items), n])[held]

    def statistic(whole: Floats) -> Floats:
        return np.asarray(whole[:, 0] / whole[:, 1])

    bounds = bootstrap.of_sums(rows, statistic, n_resamples=n_resamples) if n_resamples else None
    low, high = bounds or (None, None)
    return Estimate(float(found.mean()), low, high, int(held.sum()), len(item))


def within(item: Codes, value: Codes, *, n_items: int) -> tuple[Codes, Codes, Codes]:
    """Every two answers to one item, once: the item and the codes of both values, `(n_pairs,)` each."""
    order = np.argsort(item, kind="stable")
    item, value = item[order], value[order]
    r = np.bincount(item, minlength=n_items)
    left = r[item] - (np.arange(len(item)) - (np.cumsum(r) - r)[item]) - 1
    firsts = [np.flatnonzero(left >= step) for step in range(1, int(r.max(initial=0)))]
    one = np.concatenate(firsts) if firsts else np.zeros(0, dtype=np.int64)
    two = np.concatenate([each + step for step, each in enumerate(firsts, 1)]) if firsts else one
    return item[one], value[one], value[two]


def of_pairs(first: Codes, second: Codes, values: Sequence[Any], near: Near) -> Floats:
    """`near` of every pair, `(n_pairs,)`: asked once for every two distinct values."""
    n = max(len(values), 1)
    cells, which = np.unique(np.minimum(first, second) * n + np.maximum(first, second), return_inverse=True)
    asked = [near(values[cell // n], values[cell % n]) for cell in cells.tolist()]
    return np.asarray(np.array(asked, dtype=float)[which.ravel()])


def table(values: Sequence[Any], near: Near) -> Floats:
    """`1 - near` of every two values, `(n_values, n_values)`, 0 on the diagonal."""
    found = np.zeros((len(values), len(values)))
    for i, one in enumerate(values):
        for j in range(i):
            found[i, j] = found[j, i] = 1 - near(one, values[j])
    return found
