"""The numbers that stand for one question: its headline coefficient with companions, undefined ones with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.agreement import levels, majority, scales
from annotation.agreement.counts import from_codes
from annotation.agreement.estimate import Estimate
from annotation.agreement.levels import Agreement, Level, Units
from annotation.agreement.pairs import Codes
from specs.wording import later

NO_ALPHA = later("there is no alpha at this level: read its headline number")


@dataclass(frozen=True)
class Summary:
    """Agreement on one question. Shares lie in [0, 1]; `majority_accuracy`, of `n_known` items, is None without known answers."""

    n_answers: int
    n_items: int
    agreement: Agreement
    majority_accuracy: float | None
    n_known: int = 0

    @property
    def level(self) -> Level:
        return self.agreement.level

    @property
    def headline(self) -> Estimate:
        return self.agreement.value

    @property
    def alpha(self) -> Estimate:
        return self.agreement.coefficients.get(levels.ALPHA) or Estimate(None, reason=NO_ALPHA)

    @property
    def percent_agreement(self) -> Estimate:
        return self.agreement.coefficients.get("percent_agreement") or Estimate(None)

    def as_dict(self, *, n_annotators: int) -> dict[str, Any]:
        """`alpha`, `percent_agreement`, `ac1` at the top; all numbers with their intervals under `coefficients`."""
        found = self.agreement.as_dict()

        def value(name: str) -> float | None:
            return found[name]["value"] if name in found else None

        return {
            "annotations": self.n_answers,
            "items": self.n_items,
            "annotators": n_annotators,
            "level": self.level,
            "headline": self.agreement.headline,
            "alpha": {"level": self.level, **self.alpha.as_dict()},
            "percent_agreement": value("percent_agreement"),
            "ac1": value("ac1"),
            "coefficients": found,
            "majority_accuracy": None if self.majority_accuracy is None else round(self.majority_accuracy, 6),
            "known_items": self.n_known,
        }


def summarise(
    units: Units,
    *,
    level: Level = "nominal",
    gold: Codes | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """Measure one question. `gold: (n_items,)` is the code of the known value, -1 where there is none.

    The majority is only asked for where values are few enough for one.
    """
    accuracy, n_known = None, 0
    if gold is not None and units.n_items * len(units.values) <= scales.MOST_CELLS:
        counts = from_codes(
            units.item, units.value, n_items=units.n_items, n_values=max(len(units.values), 1)
        )
        accuracy = majority.accuracy(counts, gold)
        n_known = int(((gold >= 0) & (counts.sum(axis=1) > 0)).sum())
    return Summary(
        n_answers=len(units.value),
        n_items=int(np.unique(units.item).size),
        agreement=levels.measure(level, units, n_resamples=n_resamples, seed=seed),
        majority_accuracy=accuracy,
        n_known=n_known,
    )
