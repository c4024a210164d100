"""The `krippendorff` package behind one door: the level always named, counts in, undefined as a reason.

The package defaults to interval distance, drops a value called "nan" and raises when only one value occurs; from counts, and
with a level, none of that can happen here. It is the reference that ours is tested against to 1e-9.
"""

from __future__ import annotations

import krippendorff
import numpy as np
from numpy.typing import NDArray

from annotation.agreement.coefficients import Level
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate


def alpha(counts: NDArray[np.int64], *, level: Level, values: NDArray[np.float64] | None = None) -> Estimate:
    """Krippendorff's alpha of a count table `(n_items, n_values)`, without an interval."""
    pairable = counts[counts.sum(axis=1) >= 2]
    if len(pairable) == 0:
        return Estimate(None, reason=NO_PAIRS)
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return Estimate(None, reason=NO_VARIATION)
    domain = np.arange(counts.shape[1], dtype=float) if values is None else values
    found = krippendorff.alpha(value_counts=pairable, value_domain=domain, level_of_measurement=level)
    return Estimate(float(found), n_items=len(pairable), n_answers=int(pairable.sum()))
