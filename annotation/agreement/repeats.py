"""The same item before the same annotator a second time: how stable a judgement is, before anybody else comes into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import coefficients
from annotation.agreement.coefficients import Level
from annotation.agreement.counts import from_codes
from annotation.agreement.estimate import NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes, Floats
from specs.wording import _, later

NO_REPEATS = later("nobody answered an item twice")


def first(items: Codes, annotators: Codes) -> NDArray[np.bool_]:
    """Which answers are an annotator's first to an item: `(n_answers,)`, in the order in which answers were given."""
    n = int(annotators.max(initial=-1)) + 1
    _, place = np.unique(items * n + annotators, return_index=True)
    found = np.zeros(len(items), dtype=bool)
    found[place] = True
    return found


@dataclass(frozen=True)
class Repeats:
    """`own` agreement of first and second answers; `others` agreement of different annotators on the same items.

    The gap between the two is what is due to different readings; `1 - own` what is due to unstable judgement. `own_alpha` is
    alpha over the pairs, `others_alpha` over the first answers to those items. `by_annotator: (n_annotators, 2)` counts pairs
    and equal ones.
    """

    own: Estimate
    own_alpha: Estimate
    others: Estimate
    others_alpha: Estimate
    by_annotator: NDArray[np.int64]


def measure(
    items: Codes,
    annotators: Codes,
    values: Codes,
    *,
    n_items: int,
    n_annotators: int,
    n_values: int,
    level: Level = "nominal",
    scale: Floats | None = None,
) -> Repeats:
    """Compare first with second answers; later ones are left out. `items, annotators, values: (n_answers,)` in order of time.

    Undefined where nobody answered an item twice; `others` where none of those items was answered by two people.
    """
    cell = items * n_annotators + annotators
    order = np.argsort(cell, kind="stable")
    begins = np.flatnonzero(np.diff(cell[order], prepend=-1))
    size = np.diff(np.append(begins, len(order)))
    one, two = order[begins[size >= 2]], order[begins[size >= 2] + 1]
    equal = values[one] == values[two]
    by_annotator = np.stack(
        [
            np.bincount(annotators[one], minlength=n_annotators),
            np.bincount(annotators[one][equal], minlength=n_annotators),
        ],
        axis=1,
    )
    unit = np.arange(len(one))
    own = from_codes(
        np.concatenate([unit, unit]),
        np.concatenate([values[one], values[two]]),
        n_items=len(one),
        n_values=n_values,
    )
    again = np.zeros(n_items, dtype=bool)
    again[items[one]] = True
    kept = first(items, annotators) & again[items]
    _distinct, place = np.unique(items[kept], return_inverse=True)
    rest = from_codes(place, values[kept], n_items=int(again.sum()), n_values=n_values)
    return Repeats(
        *_both(own, level, scale, NO_REPEATS),
        *_both(rest, level, scale, _("no repeated item was answered by two people")),
        by_annotator,
    )


def _both(
    counts: NDArray[np.int64], level: Level, scale: Floats | None, nothing: str
) -> tuple[Estimate, Estimate]:
    pairable = counts[counts.sum(axis=1) >= 2]
    n, n_answers = len(pairable), int(pairable.sum())
    if n == 0:
        return Estimate(None, reason=nothing), Estimate(None, reason=nothing)
    once = np.ones(n, dtype=np.int64)
    share = Estimate(float(coefficients.percent_agreement(pairable, once)), n_items=n, n_answers=n_answers)
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return share, Estimate(None, n_items=n, n_answers=n_answers, reason=NO_VARIATION)
    value = float(coefficients.krippendorff_alpha(pairable, once, level=level, values=scale))
    return share, Estimate(value, n_items=n, n_answers=n_answers)
