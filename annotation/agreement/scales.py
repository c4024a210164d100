"""Agreement on values that are points of a scale, or names: alpha at its level first, then its companions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import bootstrap, by_distance, coefficients, wide
from annotation.agreement.counts import Counts, from_codes, grouped
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
MOST_CELLS = 50_000_000
"""Of the table of items by values; what would be wider is measured without one."""
_OTHERS: dict[str, tuple[Scale, ...]] = {
    "nominal": (),
    "ordinal": ("interval", "nominal"),
    "interval": ("ordinal", "nominal"),
    "ratio": ("interval", "nominal"),
}


def measure(
    level: Scale,
    item: Codes,
    value: Codes,
    values: Sequence[Any],
    *,
    n_items: int,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """By name; `values` are numbers at interval and ratio, and in the order of the scale at ordinal.

    `item, value: (n_answers,)` codes.
    """
    if n_items * len(values) <= MOST_CELLS and len(values) <= by_distance.MOST_VALUES // 10:
        counts = from_codes(item, value, n_items=n_items, n_values=max(len(values), 1))
        return of_counts(counts, level=level, values=values, n_resamples=n_resamples, seed=seed)
    found = _wide(level, item, value, values, n_items=n_items, n_resamples=n_resamples, seed=seed)
    equal = wide.percent_agreement(item, value, n_items=n_items, n_resamples=n_resamples, seed=seed)
    return {"alpha": found, "percent_agreement": equal}


def _wide(
    level: Scale,
    item: Codes,
    value: Codes,
    values: Sequence[Any],
    *,
    n_items: int,
    n_resamples: int,
    seed: int,
) -> Estimate:
    if level == "interval":
        points = np.array(values, dtype=float)[value]
        return wide.interval_alpha(item, points, n_items=n_items, n_resamples=n_resamples, seed=seed)
    if level == "nominal":
        return wide.nominal_alpha(item, value, n_items=n_items, n_resamples=n_resamples, seed=seed)
    if len(values) > by_distance.MOST_VALUES:
        return Estimate(None, n_answers=len(value), reason=by_distance.TOO_MANY)
    r = np.bincount(item, minlength=n_items)
    marginals = np.bincount(value[r[item] >= 2], minlength=len(values)).astype(float)
    scale = np.array(values, dtype=float) if level == "ratio" else None
    apart = coefficients.distances(level, marginals, scale)
    return by_distance.alpha(item, value, apart, n_items=n_items, n_resamples=n_resamples, seed=seed)


def of_counts(
    counts: Counts,
    *,
    level: Scale = "nominal",
    values: Sequence[Any] = (),
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The same from the count table `(n_items, n_values)`; intervals only where `n_resamples` asks for them."""
    rows, multiplicity = grouped(counts)
    return of_rows(rows, multiplicity, level=level, values=values, n_resamples=n_resamples, seed=seed)


def of_rows(
    rows: Counts,
    multiplicity: NDArray[np.int64],
    *,
    level: Scale = "nominal",
    values: Sequence[Any] = (),
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The same from rows of counts, `(n_rows, n_values)`, and how many items have each: `multiplicity: (n_rows,)`."""
    r = rows.sum(axis=1)
    pairable = r >= 2
    n_items, n_answers = int(multiplicity[r > 0].sum()), int(r @ multiplicity)
    n_said = int((rows[pairable].sum(axis=0) > 0).sum())
    why = NO_PAIRS if not pairable.any() else ""
    flat = why or (NO_VARIATION if n_said < 2 else "")
    scale = np.array(values, dtype=float) if level in ("interval", "ratio") else None
    points = np.arange(rows.shape[1], dtype=float) if scale is None else scale

    def estimate(statistic: bootstrap.Statistic, reason: str) -> Estimate:
        if reason:
            return Estimate(None, n_items=n_items, n_answers=n_answers, reason=reason)
        bounds = (
            bootstrap.interval(rows, multiplicity, statistic, n_resamples=n_resamples, seed=seed)
            if n_resamples
            else None
        )
        low, high = bounds or (None, None)
        return Estimate(float(statistic(rows, multiplicity)), low, high, n_items, n_answers)

    def alpha(at: Scale) -> Estimate:
        return estimate(
            lambda table, weights: coefficients.krippendorff_alpha(table, weights, level=at, values=points),
            flat,
        )

    found = {"alpha": alpha(level), "percent_agreement": estimate(coefficients.percent_agreement, why)}
    if level == "ordinal":
        agree = coefficients.agreement_weights(rows.shape[1], "ordinal")
        found["ac2"] = estimate(lambda table, weights: coefficients.gwet_ac2(table, weights, agree), flat)
    found["ac1"] = estimate(coefficients.gwet_ac1, flat)
    if level == "nominal":
        found["fleiss"] = estimate(coefficients.fleiss_kappa, flat)
        found["brennan_prediger"] = estimate(coefficients.brennan_prediger, flat)
    return {**found, **{f"alpha_{other}": alpha(other) for other in _OTHERS[level]}}
