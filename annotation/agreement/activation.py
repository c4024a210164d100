"""Clauses asked one by one: how often each applies, how often people are split over it, and which apply together. Pure.

Every answer says of every clause whether it applies to the item, so that a clause is seen without the label it would lead to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import means, scales
from annotation.agreement.counts import sums
from annotation.agreement.estimate import Estimate
from annotation.agreement.means import Cells
from annotation.agreement.pairs import Codes, Floats
from annotation.agreement.people import wilson

TIED_FROM = 1 / 3
"""The share of the smaller side from which on people are split over an item: one of two or of three, two of five."""


@dataclass(frozen=True)
class Criterion:
    """One clause: `activation` is how often it is said to apply, `near_tie` the share of items over which people are split,
    `agreement` of pairs that say the same, `alpha` the same beyond chance; items are the units of every interval."""

    activation: Estimate
    near_tie: Estimate
    agreement: Estimate
    alpha: Estimate


@dataclass(frozen=True)
class Overlap:
    """Of `n` items to which `first` applies (codes of clauses), the share to which `second` does as well, with its interval."""

    first: int
    second: int
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Activation:
    """All clauses in order; `none` and `several` are the shares of items to which no clause, or more than one, applies."""

    criteria: list[Criterion]
    overlaps: list[Overlap]
    none: Estimate
    several: Estimate


def of(
    item: Codes, applies: NDArray[np.bool_], *, n_items: int, minimum: int, n_resamples: int = 1000
) -> Activation:
    """`item: (n_answers,)` codes, `applies: (n_answers, n_clauses)`. A clause applies to an item where more than half of the
    answers say so; below *minimum* items a figure is a reason, and pairs of clauses with fewer are left out."""
    n_clauses = applies.shape[1]
    r = np.bincount(item, minlength=n_items)
    yes = np.stack([sums(item, applies[:, c].astype(float), n_items) for c in range(n_clauses)], axis=1)
    share = yes / np.maximum(r, 1)[:, None]
    holds = (share > 0.5) & (r > 0)[:, None]
    criteria = [_criterion(yes[:, c], r, minimum=minimum, n_resamples=n_resamples) for c in range(n_clauses)]
    n_holding = holds.sum(axis=1)
    return Activation(
        criteria,
        _overlaps(holds, minimum),
        _over_items((n_holding == 0).astype(float), r, r > 0, minimum),
        _over_items((n_holding > 1).astype(float), r, r > 0, minimum),
    )


def _criterion(yes: Floats, r: Codes, *, minimum: int, n_resamples: int) -> Criterion:
    share, paired = yes / np.maximum(r, 1), r >= 2
    agreed = 1 - 2 * yes * (r - yes) / np.maximum(r * (r - 1), 1)
    split = np.minimum(share, 1 - share) >= TIED_FROM - 1e-9
    counts = np.stack([yes, r - yes], axis=1).astype(np.int64)[paired]
    alpha = (
        scales.of_counts(counts, n_resamples=n_resamples)["alpha"]
        if len(counts) >= minimum
        else Estimate(None, n_items=len(counts), reason=means.too_few(len(counts), minimum))
    )
    return Criterion(
        _over_items(share, r, r > 0, minimum),
        _over_items(split.astype(float), r, paired, minimum),
        _over_items(agreed, r, paired, minimum),
        alpha,
    )


def _over_items(share: Floats, r: Codes, known: NDArray[np.bool_], minimum: int) -> Estimate:
    group = np.zeros(len(share), dtype=np.int64)
    cells = Cells(group, share, known.astype(float), r.astype(float))
    return means.of(cells, n_groups=1, minimum=minimum)[0]


def _overlaps(holds: NDArray[np.bool_], minimum: int) -> list[Overlap]:
    """Pairs of clauses that apply together, both ways, the closest first."""
    met = holds.T.astype(np.int64) @ holds.astype(np.int64)
    n = np.diag(met)
    found = []
    for first, second in zip(*np.nonzero(met), strict=True):
        if first != second and n[first] >= minimum:
            low, high = wilson(int(met[first, second]), int(n[first]))
            found.append(
                Overlap(
                    int(first), int(second), int(n[first]), float(met[first, second] / n[first]), low, high
                )
            )
    return sorted(found, key=lambda one: (-one.share, -one.n, one.first, one.second))
