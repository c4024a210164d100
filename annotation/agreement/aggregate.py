"""From several answers to one: every method behind one door, each with how sure it says it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import dawid_skene, mace, stopping
from annotation.agreement.counts import from_codes, sums
from annotation.agreement.pairs import Codes, Floats
from annotation.agreement.replay import Labels

_NEAR = 1e-9


@dataclass(frozen=True)
class Aggregated:
    """What a method says: `shares: (n_items, n_values)`, rows sum to 1 (0 for an item without a label).

    Shares are votes or posteriors as the method states them, not chances of being right: see `stopping.calibrate`. `skill:
    (n_annotators,)` is the method's measure of a person, or None.
    """

    method: str
    shares: Floats
    skill: Floats | None = None

    @property
    def values(self) -> Codes:
        """The value of every item, the first of those that tie."""
        return np.asarray((self.shares >= self.confidence[:, None] - _NEAR).argmax(axis=1), dtype=np.int64)

    @property
    def confidence(self) -> Floats:
        return np.asarray(self.shares.max(axis=1))

    def accuracy(self, gold: Codes) -> float | None:
        """The share of known items it gets right, ties at random in expectation; None without one.

        `gold: (n_items,)` codes, -1 for none.
        """
        known = (gold >= 0) & (self.shares.sum(axis=1) > 0)
        if not known.any():
            return None
        top = self.shares[known] >= self.confidence[known, None] - _NEAR
        return float((top[np.arange(len(top)), gold[known]] / top.sum(axis=1)).mean())


def votes(labels: Labels) -> NDArray[np.int64]:
    """The count table of labels, `(n_items, n_values)`."""
    return from_codes(labels.items, labels.values, n_items=labels.n_items, n_values=labels.n_values)


def majority(labels: Labels) -> Aggregated:
    """Vote shares."""
    return Aggregated("majority", _normalised(votes(labels).astype(float)))


def wawa(labels: Labels) -> Aggregated:
    """Worker agreement with aggregate: votes weighted by how often each annotator votes with the majority (ties in parts).

    Source: Appen; as in crowd-kit.
    """
    counts = votes(labels)
    top = counts == counts.max(axis=1, keepdims=True)
    hit = (top / top.sum(axis=1, keepdims=True))[labels.items, labels.values]
    given = np.bincount(labels.annotators, minlength=labels.n_annotators)
    with_them = sums(labels.annotators, hit, labels.n_annotators)
    skill = np.divide(with_them, given, out=np.zeros(labels.n_annotators), where=given > 0)
    weighted = sums(
        labels.items * labels.n_values + labels.values,
        skill[labels.annotators],
        labels.n_items * labels.n_values,
    ).reshape(labels.n_items, labels.n_values)
    return Aggregated("wawa", _normalised(weighted), skill)


def _dawid_skene(labels: Labels, *, plain: bool) -> Aggregated:
    found = dawid_skene.fit(
        labels.items,
        labels.annotators,
        labels.values,
        n_items=labels.n_items,
        n_annotators=labels.n_annotators,
        n_values=labels.n_values,
        row_strength=0.0 if plain else dawid_skene.ROW_STRENGTH,
        accuracy_strength=0.0 if plain else dawid_skene.ACCURACY_STRENGTH,
    )
    name = "dawid-skene" if plain else "shrunken-dawid-skene"
    skill = (np.diagonal(found.matrices, axis1=1, axis2=2) * found.prior).sum(axis=1)
    return Aggregated(name, found.posterior, skill)


def _mace(labels: Labels) -> Aggregated:
    found = mace.fit(
        labels.items,
        labels.annotators,
        labels.values,
        n_items=labels.n_items,
        n_annotators=labels.n_annotators,
        n_values=labels.n_values,
    )
    return Aggregated("mace", found.posterior, found.competence)


METHODS: dict[str, Callable[[Labels], Aggregated]] = {
    "majority": majority,
    "wawa": wawa,
    "dawid-skene": lambda labels: _dawid_skene(labels, plain=True),
    "shrunken-dawid-skene": lambda labels: _dawid_skene(labels, plain=False),
    "mace": _mace,
}
"""Every method by its name. No one wins everywhere: look at those items on which a model and the majority differ."""


def differing(one: Aggregated, other: Aggregated) -> NDArray[np.bool_]:
    """The items on which two methods choose another value."""
    return np.asarray(one.values != other.values)


def calibrated(found: Aggregated, n_answers: Codes, gold: Codes) -> Floats | None:
    """The chance that each value is right, from the confidence and the number of labels; None with fewer than 100 known items.

    `n_answers, gold: (n_items,)`, -1 for unknown -> `(n_items,)`. A known item's chance is fitted on the other half of the
    known ones, so that what is said of it can be held against its answer; an unknown one's on all of them.
    """
    known = np.flatnonzero((gold >= 0) & (n_answers > 0))
    if len(known) < stopping.ENOUGH_KNOWN:
        return None
    right = found.values == gold

    def curve(rows: Codes) -> stopping.Calibration:
        return stopping.calibrate(found.confidence[rows], n_answers[rows], right[rows])

    chance = curve(known).of(found.confidence, n_answers)
    for half, other in ((known[::2], known[1::2]), (known[1::2], known[::2])):
        chance[half] = curve(other).of(found.confidence[half], n_answers[half])
    return chance


def _normalised(sums: Floats) -> Floats:
    total = sums.sum(axis=1, keepdims=True)
    return np.divide(sums, total, out=np.zeros(sums.shape), where=total > 0)
