"""The numbers that stand for one question: alpha with its interval and companions, undefined ones with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import bootstrap, coefficients, majority
from annotation.agreement.coefficients import Level
from annotation.agreement.counts import Counts, grouped
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate


@dataclass(frozen=True)
class Summary:
    """Agreement on one question. Shares lie in [0, 1]; `majority_accuracy` is None without known answers."""

    n_answers: int
    n_items: int
    level: Level
    alpha: Estimate
    percent_agreement: Estimate
    ac1: Estimate
    majority_accuracy: float | None

    def as_dict(self, *, n_annotators: int) -> dict[str, Any]:
        return {
            "annotations": self.n_answers,
            "items": self.n_items,
            "annotators": n_annotators,
            "alpha": {"level": self.level, **self.alpha.as_dict()},
            "percent_agreement": self.percent_agreement.as_dict()["value"],
            "ac1": self.ac1.as_dict()["value"],
            "majority_accuracy": None if self.majority_accuracy is None else round(self.majority_accuracy, 6),
        }


def summarise(
    counts: Counts,
    *,
    level: Level = "nominal",
    scale: NDArray[np.float64] | None = None,
    gold: NDArray[np.int64] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """Measure one question from its count table `(n_items, n_values)`; see `coefficients` for `scale` and columns.

    `gold: (n_items,)` is the column of the known value, -1 where there is none.
    """
    rows, multiplicity = grouped(counts)

    def alpha(table: Counts, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        return coefficients.krippendorff_alpha(table, weights, level=level, values=scale)

    n_answers, n_items = int(counts.sum()), int((counts.sum(axis=1) > 0).sum())
    pairable = counts.sum(axis=1) >= 2
    why = NO_PAIRS if not pairable.any() else ""
    flat = why or (NO_VARIATION if (counts[pairable].sum(axis=0) > 0).sum() < 2 else "")

    def estimate(statistic: bootstrap.Statistic, reason: str, *, with_interval: bool) -> Estimate:
        if reason:
            return Estimate(None, n_items=n_items, n_answers=n_answers, reason=reason)
        value = float(statistic(rows, multiplicity))
        bounds = (
            bootstrap.interval(rows, multiplicity, statistic, n_resamples=n_resamples, seed=seed)
            if with_interval
            else None
        )
        low, high = bounds or (None, None)
        return Estimate(value, low, high, n_items, n_answers)

    return Summary(
        n_answers=n_answers,
        n_items=n_items,
        level=level,
        alpha=estimate(alpha, flat, with_interval=True),
        percent_agreement=estimate(coefficients.percent_agreement, why, with_interval=False),
        ac1=estimate(coefficients.gwet_ac1, flat, with_interval=False),
        majority_accuracy=None if gold is None else majority.accuracy(counts, gold),
    )
