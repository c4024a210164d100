"""Stopping and deciding by counting votes: what dynamic overlap is measured against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.counts import from_codes

Codes = NDArray[np.int64]


def expected_right(values: Codes, gold: Codes, *, n_values: int) -> NDArray[np.float64]:
    """How often each item's plurality is its known value, ties broken at random: the expected value over all draws.

    `values: (n_items, n)` codes in the order of the labels, -1 for none; `gold: (n_items,)` -> `(n_items,)` in [0, 1].
    """
    return hits(votes(values, n_values=n_values), gold)


def hits(counts: Codes, gold: Codes) -> NDArray[np.float64]:
    """The same from the votes `(n_items, n_values)`."""
    top = counts == counts.max(axis=1, keepdims=True)
    return np.asarray(top[np.arange(len(gold)), gold] / top.sum(axis=1))


def votes(values: Codes, *, n_values: int) -> Codes:
    """The count table `(n_items, n_values)` of labels laid out as `(n_items, n)`, -1 for none."""
    item, place = np.nonzero(values >= 0)
    return from_codes(item, values[item, place], n_items=len(values), n_values=n_values)


def margin_stops(
    values: Codes, *, lead: int, minimum: int, maximum: int, n_values: int
) -> tuple[Codes, Codes]:
    """Labels used and votes then, when each item stops as soon as its first value leads by `lead` votes.

    `values: (n_items, n)` -> `(n_items,)` and `(n_items, n_values)`.
    """
    said = values[:, :maximum, None] == np.arange(n_values)
    running = said.cumsum(axis=1)
    ordered = np.sort(running, axis=2)
    ahead = ordered[:, :, -1] - (ordered[:, :, -2] if n_values > 1 else 0)
    given = (values[:, :maximum] >= 0).sum(axis=1)
    place = np.arange(1, running.shape[1] + 1)[None, :]
    stop = (ahead >= lead) & (place >= minimum) & (place <= given[:, None])
    n = np.where(stop.any(axis=1), stop.argmax(axis=1) + 1, given)
    return n, running[np.arange(len(values)), np.maximum(n - 1, 0)]


def accuracy(counts: NDArray[np.int64], gold: NDArray[np.int64]) -> float | None:
    """The share of items whose plurality is the gold value, ties broken at random: the expected value over all draws.

    `counts: (n_items, n_values)`, `gold: (n_items,)` column of the known value, -1 where none is known. None without any.
    """
    known = (gold >= 0) & (counts.sum(axis=1) > 0)
    if not known.any():
        return None
    counts, gold = counts[known], gold[known]
    return float(hits(counts, gold).mean())
