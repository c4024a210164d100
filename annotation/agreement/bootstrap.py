"""Intervals by resampling whole items with their answers: pairs of one item are not independent, items are taken to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.counts import Counts

Statistic = Callable[[Counts, NDArray[np.int64]], NDArray[np.float64]]
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
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    if len(values) < n_resamples / 2:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
