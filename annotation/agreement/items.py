"""One item beside the others: how split its answers are, and how much of all disagreement is its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def entropy(shares: Floats | NDArray[np.int64]) -> Floats:
    """Entropy in bits by item, of vote counts or of a posterior: `(n_items, n_values) -> (n_items,)`; NaN without an answer.

    High after many answers of skilled annotators it says that the item is ambiguous; of weak ones, that they are weak: use the
    posterior of `aggregate` for that. Source: Shannon 1948.

    >>> entropy(np.array([[2, 2], [4, 0]])).tolist()
    [1.0, 0.0]
    """
    total = shares.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = shares / total
        bits = np.where(p > 0, -p * np.log2(np.where(p > 0, p, 1.0)), 0.0).sum(axis=1)
    return np.asarray(np.where(total[:, 0] > 0, np.abs(bits), np.nan))


def disagreement(counts: NDArray[np.int64]) -> Floats:
    """Share of the pairs of answers to an item that differ: `(n_items, n_values) -> (n_items,)`; NaN with fewer than two."""
    r = counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - (counts * (counts - 1)).sum(axis=1) / (r * (r - 1))
    return np.asarray(np.where(r >= 2, found, np.nan))


def contribution(counts: NDArray[np.int64]) -> Floats:
    """What each item takes from nominal alpha: `(r_i D_i / n) / De`, `(n_items,)`; the sum is 1 - alpha.

    0 for an item with fewer than two answers; NaN everywhere where alpha is undefined. Source: Krippendorff 2011, by item.
    """
    r = counts.sum(axis=1)
    pairable = r >= 2
    marginals = counts[pairable].sum(axis=0).astype(float)
    n = marginals.sum()
    apart = np.where(pairable, np.nan_to_num(disagreement(counts)), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = 1 - (marginals * (marginals - 1)).sum() / (n * (n - 1))
        return np.asarray(r * apart / n / expected)


def margin(counts: NDArray[np.int64]) -> Floats:
    """By how much of the votes the first value leads the second: `(n_items, n_values) -> (n_items,)`; NaN without an answer."""
    ordered = np.sort(counts, axis=1)
    second = ordered[:, -2] if counts.shape[1] > 1 else 0
    r = counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(r > 0, (ordered[:, -1] - second) / r, np.nan))
