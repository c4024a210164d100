"""From several answers to one: majority, and how often it is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def majority_accuracy(counts: NDArray[np.int64], gold: NDArray[np.int64]) -> float | None:
    """The share of items whose plurality is the gold value, ties broken at random: the expected value over all draws.

    `counts: (n_items, n_values)`, `gold: (n_items,)` column of the known value, -1 where none is known. None without any.
    """
    known = (gold >= 0) & (counts.sum(axis=1) > 0)
    if not known.any():
        return None
    counts, gold = counts[known], gold[known]
    top = counts == counts.max(axis=1, keepdims=True)
    hit = top[np.arange(len(gold)), gold] / top.sum(axis=1)
    return float(hit.mean())


def specific_agreement(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positive agreement per value, `o_kk / n_k`: of the answers paired with one of value k, the share that says k too.

    Source: Cicchetti and Feinstein 1990, from the coincidence matrix. NaN for a value that never occurs in a pair.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.diag(coincidences) / coincidences.sum(axis=1))


def lift(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more often two values meet than chance would have it: `o_ck / (n_c n_k / (n - 1))`."""
    marginals = coincidences.sum(axis=1)
    n = marginals.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(coincidences / (np.outer(marginals, marginals) / (n - 1)))
