"""A model beside the people who answered the same items: how often it says what they say, and what its confidence is worth. Pure.

The model is no annotator of any of them: it stands against each answer, and people among themselves are the measure of how
near to people anybody comes on these items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import means
from annotation.agreement.clauses import Members
from annotation.agreement.counts import sums
from annotation.agreement.estimate import NO_VARIATION, Estimate
from annotation.agreement.means import Cells
from annotation.agreement.pairs import Apart, Codes, Floats, Pairs
from annotation.agreement.people import wilson
from annotation.agreement.stopping import calibration_error

_Z = 1.959964
N_BINS = 10


@dataclass(frozen=True)
class Compared:
    """`near: (n_items,)` how near the model is to the answers to an item, on average, NaN where either says nothing;
    `n: (n_items,)` answers. `people: (n_items,)` how near people are to each other there, NaN below two of them."""

    near: Floats
    n: Floats
    people: Floats

    def agreement(self, *, minimum: int) -> Estimate:
        return self._mean(self.near, minimum)

    def among_people(self, *, minimum: int) -> Estimate:
        """Of the same items: what one more person would be held against."""
        return self._mean(np.where(np.isnan(self.near), np.nan, self.people), minimum)

    def lead(self, *, minimum: int) -> Estimate:
        """Model against people less people among themselves, on items where both are known: 0 is as near as one of them."""
        both = ~np.isnan(self.near) & ~np.isnan(self.people)
        n, n_answers = int(both.sum()), int(self.n[both].sum())
        if n < max(minimum, 2):
            return Estimate(None, n_items=n, n_answers=n_answers, reason=means.too_few(n, max(minimum, 2)))
        apart = self.near[both] - self.people[both]
        half = _Z * float(apart.std(ddof=1)) / np.sqrt(n)
        mean = float(apart.mean())
        return Estimate(mean, mean - half, mean + half, n, n_answers)

    def by_group(self, members: Members, *, n_groups: int, minimum: int) -> list[Estimate]:
        """Agreement on the items of each group, an item weighing its share in it."""
        return means.of(
            Cells(members.clause, *self._known(self.near, members.item, members.share)),
            n_groups=n_groups,
            minimum=minimum,
        )

    def _mean(self, near: Floats, minimum: int) -> Estimate:
        item = np.arange(len(near))
        cells = Cells(np.zeros(len(near), dtype=np.int64), *self._known(near, item, np.ones(len(near))))
        return means.of(cells, n_groups=1, minimum=minimum)[0]

    def _known(self, near: Floats, item: Codes, share: Floats) -> tuple[Floats, Floats, Floats]:
        found = near[item]
        return np.nan_to_num(found), np.where(np.isnan(found), 0.0, share), self.n[item] * share


def compare(item: Codes, value: Codes, said: Codes, pairs: Pairs, *, apart: Apart | None) -> Compared:
    """`item, value: (n_answers,)` codes of people's answers, `said: (n_items,)` the model's, -1 where it says nothing.

    `apart` as in `pairs.of`: without one, answers are near (1) or not.
    """
    n_items = len(said)
    known = said[item] >= 0
    item, value = item[known], value[known]
    against = said[item]
    near = (value == against).astype(float) if apart is None else 1 - apart(value, against)
    n = np.bincount(item, minlength=n_items).astype(float)
    by_item = sums(pairs.item, pairs.apart, n_items)
    n_pairs = pairs.n_answers * (pairs.n_answers - 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return Compared(sums(item, near, n_items) / n, n, 1 - by_item / n_pairs)


def confusion(item: Codes, value: Codes, said: Codes, *, n_values: int) -> Floats:
    """`(n_values, n_values)`: items by what the model says (row) and what people say (column), shared among an item's answers."""
    known = said[item] >= 0
    item, value = item[known], value[known]
    n = np.bincount(item, minlength=len(said))
    cells = sums(said[item] * n_values + value, 1 / n[item], n_values**2)
    return cells.reshape(n_values, n_values)


def kappa(item: Codes, value: Codes, said: Codes, *, n_values: int, minimum: int = 2) -> Estimate:
    """Cohen's kappa of the model and a person drawn from those who answered the item, items as units.

    With one answer per item it is Cohen's own with its large-sample error. Undefined where chance alone would agree always.
    Source: Cohen 1960; Fleiss, Cohen and Everitt 1969 (by the delta method over items). The table [[75, 1, 4], [5, 4, 1],
    [0, 0, 10]] gives 0.676 with a standard error of 0.088.
    """
    known = said[item] >= 0
    item, value = item[known], value[known]
    r = np.bincount(item, minlength=len(said))
    n, n_answers = int((r > 0).sum()), len(item)
    if n < max(minimum, 2):
        return Estimate(None, n_items=n, n_answers=n_answers, reason=means.too_few(n, max(minimum, 2)))
    share = 1 / r[item]
    people = sums(value, share, n_values) / n
    model = sums(said[r > 0], np.ones(n), n_values) / n
    agreed = sums(item, share * (value == said[item]), len(said))[r > 0]
    chance, observed = float(model @ people), float(agreed.mean())
    if chance >= 1 - 1e-12:
        return Estimate(None, n_items=n, n_answers=n_answers, reason=NO_VARIATION)
    # how each item pulls at observed and at chance agreement
    pull = sums(item, share * model[value], len(said))[r > 0] + people[said[r > 0]]
    influence = (agreed - observed) / (1 - chance) - (1 - observed) * (pull - 2 * chance) / (1 - chance) ** 2
    found = (observed - chance) / (1 - chance)
    half = _Z * float(np.sqrt((influence**2).mean() / n))
    return Estimate(found, max(-1.0, found - half), min(1.0, found + half), n, n_answers)


@dataclass(frozen=True)
class Bin:
    """Items whose confidence lies from `least` to `most`: how sure the model is on average, and how often it is right."""

    least: float
    most: float
    n: int
    confidence: float | None
    right: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Calibration:
    """`error` is the expected calibration error over the bins, None below the minimum, and `reason` says why."""

    bins: list[Bin]
    n: int
    error: float | None
    confidence: float | None
    right: float | None
    reason: str = ""


def calibration(confidence: Floats, right: NDArray[np.bool_], *, minimum: int) -> Calibration:
    """What the model's confidence is worth. `confidence: (n,)` in [0, 1]; `right: (n,)`.

    Source: Naeini, Cooper and Hauskrecht 2015 (expected calibration error, equal bins).
    """
    place = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    n = np.bincount(place, minlength=N_BINS)
    sure, hit = sums(place, confidence, N_BINS), sums(place, right.astype(float), N_BINS)
    bins = []
    for k in range(N_BINS):
        low, high = wilson(hit[k], int(n[k])) if n[k] else (None, None)
        bins.append(
            Bin(
                k / N_BINS,
                (k + 1) / N_BINS,
                int(n[k]),
                float(sure[k] / n[k]) if n[k] else None,
                float(hit[k] / n[k]) if n[k] else None,
                low,
                high,
            )
        )
    few = len(confidence) < max(minimum, 1)
    return Calibration(
        bins,
        len(confidence),
        None if few else calibration_error(confidence, right, n_bins=N_BINS),
        float(confidence.mean()) if len(confidence) else None,
        float(right.mean()) if len(confidence) else None,
        means.too_few(len(confidence), max(minimum, 1)) if few else "",
    )
