"""Agreement on questions with several answers at once: distances between sets of labels, for alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import bootstrap, coefficients
from annotation.agreement.counts import from_codes, grouped
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate

Floats = NDArray[np.float64]
LabelSet = frozenset[str]
Distance = Callable[[LabelSet, LabelSet], float]


def jaccard(one: LabelSet, other: LabelSet) -> float:
    """`1 - |A and B| / |A or B|` in [0, 1]; 0 for two empty sets. Source: Jaccard 1912.

    >>> jaccard(frozenset("ab"), frozenset("abcd"))
    0.5
    """
    union = len(one | other)
    return 1 - len(one & other) / union if union else 0.0


def masi(one: LabelSet, other: LabelSet) -> float:
    """`1 - J M`: Jaccard times 1 for equal sets, 2/3 where one holds the other, 1/3 for mere overlap. 0 for two empty sets.

    Source: Passonneau 2006.

    >>> round(masi(frozenset("12"), frozenset("1234")), 4), round(masi(frozenset("12"), frozenset("23")), 4)
    (0.6667, 0.8889)
    """
    if one == other:
        return 0.0
    if not one & other:
        return 1.0
    return 1 - (1 - jaccard(one, other)) * (2 / 3 if one < other or other < one else 1 / 3)


def exact(one: LabelSet, other: LabelSet) -> float:
    """0 for equal sets, else 1: alpha over whole sets as if they were single values."""
    return float(one != other)


def alpha(
    items: NDArray[np.int64],
    answers: Sequence[LabelSet],
    *,
    n_items: int,
    distance: Distance = masi,
    n_resamples: int = 0,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha over sets, with its bootstrap over items where `n_resamples` asks for one.

    `items: (n_answers,)` codes, `answers` a set each. Undefined without an item of two answers, and where all sets are equal.
    Costs a table of all pairs of *distinct* sets. Source: Krippendorff 2011 with the distance of Passonneau 2006.
    """
    codes: dict[LabelSet, int] = {}
    values = np.array([codes.setdefault(answer, len(codes)) for answer in answers], dtype=np.int64)
    distinct = list(codes)
    n_answers = len(values)
    counts = from_codes(items, values, n_items=n_items, n_values=max(len(distinct), 1))
    pairable = counts[counts.sum(axis=1) >= 2]
    if len(pairable) == 0:
        return Estimate(None, n_answers=n_answers, reason=NO_PAIRS)
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return Estimate(None, n_items=len(pairable), n_answers=n_answers, reason=NO_VARIATION)
    apart = np.array([[distance(one, other) for other in distinct] for one in distinct])
    rows, multiplicity = grouped(pairable)

    def statistic(table: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
        return coefficients.krippendorff_alpha(table, weights, distance=apart)

    value = float(statistic(rows, multiplicity))
    bounds = (
        bootstrap.interval(rows, multiplicity, statistic, n_resamples=n_resamples, seed=seed)
        if n_resamples
        else None
    )
    low, high = bounds or (None, None)
    return Estimate(value, low, high, len(pairable), n_answers)


def by_option(
    items: NDArray[np.int64], answers: Sequence[LabelSet], options: Sequence[Sequence[str]]
) -> NDArray[np.int64]:
    """The count table of (item, option) units, chosen or not: `(n_units, 2)`, for a binary alpha and for positive agreement.

    `options`, a list per item, are what was offered there, a unit each, twice where it was offered twice; what else was chosen
    was offered to nobody and is left out.
    """
    begin = np.cumsum([0, *map(len, options)])
    place: list[dict[str, list[int]]] = [{} for _ in options]
    for item, offered in enumerate(options):
        for k, option in enumerate(offered):
            place[item].setdefault(option, []).append(int(begin[item]) + k)
    chosen = np.zeros(begin[-1], dtype=np.int64)
    for item, answer in zip(items.tolist(), answers, strict=True):
        for option in answer:
            chosen[place[item].get(option, [])] += 1
    asked = np.repeat(np.bincount(items, minlength=len(options)), np.diff(begin))
    return np.stack([asked - chosen, chosen], axis=1)
