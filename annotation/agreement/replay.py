"""Real labels given again in random order, to see what a rule of overlap would have done with them.

Skills come from the items of the other half, so no item is judged by what was learnt from itself; then the halves change places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import dawid_skene, majority, stopping
from annotation.agreement.dawid_skene import Codes, Floats

VOTES = (3, 5)


@dataclass(frozen=True)
class Labels:
    """Labels as codes: `items, annotators, values: (n_labels,)`; `gold: (n_items,)` codes of known values, -1 for none."""

    items: Codes
    annotators: Codes
    values: Codes
    gold: Codes
    n_annotators: int
    n_values: int

    @property
    def n_items(self) -> int:
        return len(self.gold)


@dataclass(frozen=True)
class Dealt:
    """One half of the items with their labels in an order: who and what, `(n_items, width)`, -1 for none; and how believed."""

    rows: Codes
    values: Codes
    n_given: Codes
    posterior: Floats
    pooled: Floats


@dataclass(frozen=True)
class Figure:
    """Mean over the repetitions, and their standard deviation."""

    value: float
    spread: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        found = np.array([value for value in values if np.isfinite(value)])
        if len(found) == 0:
            return cls(float("nan"), float("nan"))
        return cls(float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else 0.0)

    def as_dict(self) -> dict[str, float | None]:
        return {
            "value": round(self.value, 6) if np.isfinite(self.value) else None,
            "spread": round(self.spread, 6) if np.isfinite(self.spread) else None,
        }


@dataclass(frozen=True)
class Result:
    """What a tau came to, by name; `by_vote` is accuracy under a fixed number of labels, by vote."""

    tau: float
    n_items: int
    repetitions: int
    figures: dict[str, Figure]
    by_vote: dict[int, Figure]

    def as_dict(self) -> dict[str, Any]:
        return {
            "tau": self.tau,
            "items": self.n_items,
            "repetitions": self.repetitions,
            **{name: figure.as_dict() for name, figure in self.figures.items()},
            "vote": {str(n): figure.as_dict() for n, figure in self.by_vote.items()},
        }


def deal(labels: Labels, generator: np.random.Generator, *, width: int) -> tuple[Dealt, Dealt]:
    """Halve the items at random, fit skills on each half, and lay out the other half's labels in random order."""
    half = generator.permutation(labels.n_items) % 2
    return _half(labels, half == 0, generator, width), _half(labels, half == 1, generator, width)


def _half(labels: Labels, mine: NDArray[np.bool_], generator: np.random.Generator, width: int) -> Dealt:
    ours = mine[labels.items]
    theirs = ~ours
    row = np.cumsum(~mine) - 1
    skills = dawid_skene.fit(
        row[labels.items[theirs]],
        labels.annotators[theirs],
        labels.values[theirs],
        n_items=int((~mine).sum()),
        n_annotators=labels.n_annotators,
        n_values=labels.n_values,
    )
    who, what = (table[mine] for table in shuffled(labels, generator, width=width))
    seen = np.where((who >= 0) & (skills.n_labels[who] == 0), labels.n_annotators, who)
    posterior = dawid_skene.posteriors(skills.prior, skills.doubted(), seen, what)
    return Dealt(np.flatnonzero(mine), what, (what >= 0).sum(axis=1), posterior, skills.pooled)


def shuffled(labels: Labels, generator: np.random.Generator, *, width: int) -> tuple[Codes, Codes]:
    """Every item's labels in random order: who and what, `(n_items, width)` each, -1 where there is none."""
    order = np.lexsort((generator.random(len(labels.items)), labels.items))
    items = labels.items[order]
    n_given = np.bincount(items, minlength=labels.n_items)
    place = np.arange(len(items)) - (np.cumsum(n_given) - n_given)[items]
    kept = place < width
    who = np.full((labels.n_items, width), -1)
    what = np.full((labels.n_items, width), -1)
    who[items[kept], place[kept]] = labels.annotators[order][kept]
    what[items[kept], place[kept]] = labels.values[order][kept]
    return who, what


def replay(
    labels: Labels,
    *,
    taus: tuple[float, ...],
    minimum: int = 2,
    maximum: int = 5,
    repetitions: int = 10,
    seed: int = 0,
) -> list[Result]:
    """Replay the items with a known answer, once per repetition, for each tau.

    Every item stops by `stopping.stops`; the calibration of one half is fitted on the other. Accuracies are shares of items
    with a known answer. Items that ran out of labels before the maximum count in no share but that of the vote.
    """
    generator = np.random.default_rng(seed)
    width = max(maximum, *VOTES)
    found: dict[float, list[dict[str, float]]] = {tau: [] for tau in taus}
    by_vote: dict[int, list[float]] = {n: [] for n in VOTES}
    for _ in range(repetitions):
        halves = deal(labels, generator, width=width)
        known = [half.rows[labels.gold[half.rows] >= 0] for half in halves]
        n_known = sum(map(len, known))
        for n in VOTES:
            right = [
                majority.expected_right(
                    half.values[:, :n][keep], labels.gold[half.rows][keep], n_values=labels.n_values
                ).sum()
                for half in halves
                for keep in [(labels.gold[half.rows] >= 0) & (half.n_given > 0)]
            ]
            by_vote[n].append(float(sum(right)) / n_known if n_known else float("nan"))
        for tau in taus:
            found[tau].append(_one(labels, halves, tau, minimum, maximum))
    return [
        Result(
            tau,
            int((labels.gold >= 0).sum()),
            repetitions,
            {name: Figure.of([one[name] for one in runs]) for name in runs[0]},
            {n: Figure.of(values) for n, values in by_vote.items()},
        )
        for tau, runs in found.items()
    ]


def _one(
    labels: Labels, halves: tuple[Dealt, Dealt], tau: float, minimum: int, maximum: int
) -> dict[str, float]:
    stopped, right = [], []
    for half in halves:
        gold = labels.gold[half.rows]
        stop = stopping.stops(half.posterior, half.n_given, minimum=minimum, maximum=maximum, tau=tau)
        usable = (gold >= 0) & ~stop.short & (half.n_given > 0)
        stopped.append(
            stopping.Stops(
                stop.n[usable],
                stop.accepted[usable],
                stop.confidence[usable],
                stop.value[usable],
                stop.short[usable],
            )
        )
        right.append(stop.value[usable] == gold[usable])
    calibrated = [
        stopping.calibrate(stopped[other].confidence, stopped[other].n, right[other]).of(
            stopped[one].confidence, stopped[one].n
        )
        if len(right[other])
        else stopped[one].confidence
        for one, other in ((0, 1), (1, 0))
    ]
    n, accepted, confidence = (
        np.concatenate([getattr(stop, name) for stop in stopped]) for name in ("n", "accepted", "confidence")
    )
    hit, sure = np.concatenate(right), np.concatenate(calibrated)

    def mean(values: NDArray[Any]) -> float:
        return float(values.mean()) if len(values) else float("nan")

    return {
        "labels": mean(n),
        "accuracy": mean(hit),
        "accepted_share": mean(accepted),
        "accepted_accuracy": mean(hit[accepted]),
        "accepted_stated": mean(confidence[accepted]),
        "other_accuracy": mean(hit[~accepted]),
        "ece_raw": stopping.calibration_error(confidence, hit),
        "ece_calibrated": stopping.calibration_error(sure, hit),
        "n_accepted": float(accepted.sum()),
        "n_right": float(hit[accepted].sum()),
        "n_items": float(len(hit)),
    }


def trials(results: list[Result]) -> list[stopping.Trial]:
    """What `stopping.choose_tau` chooses from. Counts are per repetition, so that repeating does not narrow the intervals."""
    return [
        stopping.trial(
            result.tau,
            n_accepted=result.figures["n_accepted"].value,
            n_right=result.figures["n_right"].value,
            n_items=result.figures["n_items"].value,
            mean_labels=result.figures["labels"].value,
        )
        for result in results
    ]


def calibration(
    labels: Labels, *, tau: float, minimum: int = 2, maximum: int = 5, repetitions: int = 10, seed: int = 0
) -> stopping.Calibration | None:
    """The curve from posterior and number of labels to the chance of being right, over all known items where they stop at *tau*.

    Every repetition sees each item once; more of them smooth the orders, and do not count as more items.
    """
    generator = np.random.default_rng(seed)
    sure, n, right = [], [], []
    for _ in range(repetitions):
        for half in deal(labels, generator, width=maximum):
            stop = stopping.stops(half.posterior, half.n_given, minimum=minimum, maximum=maximum, tau=tau)
            known = (labels.gold[half.rows] >= 0) & ~stop.short & (half.n_given > 0)
            sure.append(stop.confidence[known])
            n.append(stop.n[known])
            right.append((stop.value == labels.gold[half.rows])[known])
    if not sum(map(len, sure)):
        return None
    found = stopping.calibrate(np.concatenate(sure), np.concatenate(n), np.concatenate(right))
    return stopping.Calibration(found.weights, found.n // repetitions)
