"""Agreement on questions with several answers at once: distances between sets of labels, for alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import by_distance
from annotation.agreement.estimate import Estimate

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


def table(values: Sequence[LabelSet], distance: Distance) -> Floats:
    """The distance of every two sets, `(n_values, n_values)`; those defined here from the sizes of all intersections at once."""
    if distance not in (masi, jaccard, exact):
        return np.array([[distance(one, other) for other in values] for one in values], dtype=float)
    labels = {label: k for k, label in enumerate(sorted({label for value in values for label in value}))}
    holds = np.zeros((len(values), max(len(labels), 1)), dtype=np.float32)
    for row, value in enumerate(values):
        holds[row, [labels[label] for label in value]] = 1
    both = (holds @ holds.T).astype(float)
    size = holds.sum(axis=1).astype(float)
    union = size[:, None] + size[None, :] - both
    equal = (both == size[:, None]) & (both == size[None, :])
    if distance is exact:
        return np.asarray(1.0 - equal)
    near = np.divide(both, union, out=np.ones_like(both), where=union > 0)
    if distance is masi:
        one_holds = (both == size[:, None]) | (both == size[None, :])
        near = near * np.where(equal, 1.0, np.where(both == 0, 0.0, np.where(one_holds, 2 / 3, 1 / 3)))
    return np.asarray(np.where(equal, 0.0, 1 - near))


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
    apart = table(list(codes), distance)
    return by_distance.alpha(items, values, apart, n_items=n_items, n_resamples=n_resamples, seed=seed)


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
