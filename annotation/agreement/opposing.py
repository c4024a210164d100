"""Whether two groups of annotators read the same items in opposite ways: agreement across the groups below chance. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.pairs import Codes

LEAST_ITEMS = 20
"""Items that both groups answered from which on they are compared."""
_Z95 = 1.959964


@dataclass(frozen=True)
class Across:
    """Two groups (codes) over the items both answered: kappa of an answer of one against an answer of the other.

    `low` and `high` are its 95 % bounds, items being the units. `opposite` where even the upper one lies below 0.
    """

    one: int
    other: int
    kappa: float
    low: float
    high: float
    n_items: int

    @property
    def opposite(self) -> bool:
        return bool(self.high < 0)


def across(
    items: Codes, groups: Codes, values: Codes, *, n_items: int, n_values: int, one: int, other: int
) -> Across | None:
    """Compare two groups; `items, groups, values: (n_answers,)` codes, a group per answer (that of its annotator).

    Per item, agreement is the chance that an answer drawn from each group is the same; what chance would give comes from each
    group's own shares of the values (Cohen 1960). None where fewer than 20 items were answered by both, or a value is all that
    both ever said. Worked: one group says yes where the other says no on 30 items, half yes: kappa is -1.
    """
    tables = [
        np.bincount(items[groups == g] * n_values + values[groups == g], minlength=n_items * n_values)
        .reshape(n_items, n_values)
        .astype(float)
        for g in (one, other)
    ]
    n = [table.sum(axis=1) for table in tables]
    both = np.flatnonzero((n[0] > 0) & (n[1] > 0))
    if len(both) < LEAST_ITEMS:
        return None
    shares = [table[both] / count[both][:, None] for table, count in zip(tables, n, strict=True)]
    same = (shares[0] * shares[1]).sum(axis=1)
    expected = float((shares[0].mean(axis=0) * shares[1].mean(axis=0)).sum())
    if expected >= 1 - 1e-12:
        return None
    kappa = (float(same.mean()) - expected) / (1 - expected)
    half = _Z95 * float(same.std(ddof=1)) / len(both) ** 0.5 / (1 - expected)
    return Across(one, other, kappa, max(-1.0, kappa - half), min(1.0, kappa + half), len(both))


def all_of(
    items: Codes, annotators: Codes, values: Codes, camps: Codes, *, n_items: int, n_values: int
) -> list[Across]:
    """Every two camps with each other, the most opposed first; `camps: (n_annotators,)` codes, -1 for none."""
    groups = camps[annotators]
    codes = range(int(camps.max(initial=-1)) + 1)
    found = [
        across(items, groups, values, n_items=n_items, n_values=n_values, one=one, other=other)
        for one in codes
        for other in codes
        if one < other
    ]
    return sorted((each for each in found if each is not None), key=lambda each: each.kappa)


def per_item(items: Codes, *, n_items: int) -> NDArray[np.int64]:
    """How many items have so many answers: place k holds the items with k answers; `(most + 1,)`."""
    return np.bincount(np.bincount(items, minlength=n_items))
