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
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a statistic, None when it is undefined in most resamples.

    `rows: (n_rows, n_values)` with `multiplicity: (n_rows,)`: drawing n items out of groups of equal ones is one multinomial
    draw of the multiplicities, so the cost follows the number of distinct rows. The same seed gives the same interval.
    """
    n_items = int(multiplicity.sum())
    if n_items < 2:
        return None
    generator = np.random.default_rng(seed)
    probabilities = multiplicity / n_items
    per_chunk = max(1, _CHUNK_CELLS // max(1, len(rows)))
    found: list[NDArray[np.float64]] = []
    for start in range(0, n_resamples, per_chunk):
        draws = generator.multinomial(n_items, probabilities, size=min(per_chunk, n_resamples - start))
        found.append(np.atleast_1d(statistic(rows, draws)))
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    if len(values) < n_resamples / 2:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
