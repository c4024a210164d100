"""Intervals by resampling whole items with their answers: pairs of one item are not independent, items are taken to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.counts import Counts

Statistic = Callable[[Counts, NDArray[np.int64]], NDArray[np.float64]]
OfSums = Callable[[NDArray[np.float64]], NDArray[np.float64]]
MOST_GROUPS = 5_000
_CHUNK_CELLS = 4_000_000


def interval(
    rows: Counts,
    multiplicity: NDArray[np.int64],
    statistic: Statistic,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    clusters: NDArray[np.int64] | None = None,
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a statistic, None when it is undefined in most resamples.

    `rows: (n_rows, n_values)` with `multiplicity: (n_rows,)`: drawing n items out of groups of equal ones is one multinomial
    draw of the multiplicities, so the cost follows the number of distinct rows. The same seed gives the same interval.
    `clusters: (n_rows,)` codes, with rows that were not grouped: whole documents or templates are drawn, with their items.
    Source: Efron 1979; Davison and Hinkley 1997 for clusters.
    """
    units = multiplicity if clusters is None else np.bincount(clusters).clip(max=1)
    n_units = int(units.sum())
    if n_units < 2:
        return None
    generator = np.random.default_rng(seed)
    probabilities = units / n_units
    per_chunk = max(1, _CHUNK_CELLS // max(1, len(rows)))
    found: list[NDArray[np.float64]] = []
    for start in range(0, n_resamples, per_chunk):
        draws = generator.multinomial(n_units, probabilities, size=min(per_chunk, n_resamples - start))
        if clusters is not None:
            draws = draws[:, clusters] * multiplicity
        found.append(np.atleast_1d(statistic(rows, draws)))
    return _percentiles(found, n_resamples)


def of_sums(
    sums: NDArray[np.float64], statistic: OfSums, *, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float] | None:
    """The same for a statistic of sums over items: `sums: (n_items, n_sums)`, `statistic: (n_draws, n_sums) -> (n_draws,)`.

    Items with nothing to add are left out before. Above 5,000 items (fewer where there are many sums) they are dealt at random
    into as many groups, and groups are drawn: the variance of a sum is estimated as well by sums of items as by items, and the
    cost no longer grows with them. Source: Efron 1979; random groups, Wolter 2007.
    """
    n_groups = min(len(sums), MOST_GROUPS, max(200, 4 * _CHUNK_CELLS // max(1, sums.shape[1])))
    if n_groups < 2:
        return None
    generator = np.random.default_rng(seed)
    if n_groups < len(sums):
        dealt = generator.permutation(np.arange(len(sums)) % n_groups)
        order = np.argsort(dealt, kind="stable")
        begin = np.searchsorted(dealt[order], np.arange(n_groups))
        sums = np.add.reduceat(sums[order], begin, axis=0)
    per_chunk = max(1, _CHUNK_CELLS // max(n_groups, sums.shape[1]))
    chances = np.full(n_groups, 1 / n_groups)
    found = [
        statistic(generator.multinomial(n_groups, chances, size=min(per_chunk, n_resamples - start)) @ sums)
        for start in range(0, n_resamples, per_chunk)
    ]
    return _percentiles(found, n_resamples)


def _percentiles(found: list[NDArray[np.float64]], n_resamples: int) -> tuple[float, float] | None:
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    if len(values) < n_resamples / 2:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
