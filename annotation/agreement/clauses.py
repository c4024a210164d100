"""Disagreement per clause: how often two answers to one item differ where the clause is at stake.

Alpha per clause is not used: under one clause nearly all items have one expected value, so the chance term is near 0 and alpha
says nothing at 99 % agreement. Rates of disagreement do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.estimate import NO_PAIRS, Estimate

MIN_ITEMS = 10


def disagreement(
    counts: NDArray[np.int64], membership: NDArray[np.float64], *, n_resamples: int = 1000, seed: int = 0
) -> Estimate:
    """The mean pair disagreement of the items under one clause, weighted by membership, with a bootstrap over items.

    `counts: (n_items, n_values)`; `membership: (n_items,)` in [0, 1], the share of the item's answers that cite the clause, or
    1 where the clause is a property of the item. Membership is not decided by the winning answer: disputed items would be
    assigned after the fact. Undefined without an item of two answers.
    """
    r = counts.sum(axis=1)
    under = (membership > 0) & (r >= 2)
    counts, membership, r = counts[under], membership[under], r[under]
    n_items, n_answers = len(counts), int(r.sum())
    if n_items == 0:
        return Estimate(None, reason=NO_PAIRS)
    apart = 1 - (counts * (counts - 1)).sum(axis=1) / (r * (r - 1))
    value = float((membership * apart).sum() / membership.sum())
    if n_items < MIN_ITEMS:
        return Estimate(
            value,
            n_items=n_items,
            n_answers=n_answers,
            reason=f"too few items to say ({n_items} of {MIN_ITEMS})",
        )
    generator = np.random.default_rng(seed)
    pairs = np.stack([membership, membership * apart], axis=1)
    distinct, inverse = np.unique(pairs, axis=0, return_inverse=True)
    multiplicity = np.bincount(inverse.ravel())
    draws = generator.multinomial(n_items, multiplicity / n_items, size=n_resamples)
    weight, sums = draws @ distinct[:, 0], draws @ distinct[:, 1]
    low, high = np.percentile(sums / weight, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n_items, n_answers)
