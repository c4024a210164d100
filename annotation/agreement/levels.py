"""What agreement means at each level of measurement: one headline number and its companions, for answers of any kind.

| level | a value is | headline | companions |
| --- | --- | --- | --- |
| nominal | anything hashable | alpha | percent, AC1, Fleiss, Brennan-Prediger |
| ordinal | its place on the scale | alpha (ordinal) | percent, AC2, AC1, alpha interval and nominal |
| interval, ratio | a number | alpha (its level) | percent, alpha of the other and nominal |
| set | a frozenset of labels | alpha (MASI) | alpha Jaccard, exact, over (item, option) units |
| spans | (start, end, label) each | alpha over characters | F1 exact, overlapping, over characters |
| ranking | (better, worse) each | alpha over pairs | pair agreement, transitivity |
| boxes | (left, top, right, bottom, label) each | F1 at half overlap | without labels, mean overlap |
| text | a text | mean similarity | share of equal pairs |

Every number is an `Estimate`: with its interval over items, or None with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from annotation.agreement import bootstrap, boxes, by_distance, rankings, scales, sets, spans, texts
from annotation.agreement.by_distance import TOO_MANY
from annotation.agreement.coefficients import alpha_of
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes

Level = Literal["nominal", "ordinal", "interval", "ratio", "set", "spans", "ranking", "boxes", "text"]
LEVELS: tuple[str, ...] = get_args(Level)
FEW = ("nominal", "ordinal")
"""Levels at which values are few and are points, so that items are counted by their pattern of values."""
NAMES = ("nominal",)
"""Levels at which two answers differ or not; elsewhere they are more or less apart, by the kind's own distance."""
ALPHA = "alpha"


@dataclass(frozen=True)
class Units:
    """Answers to one question: `item, annotator, value: (n_answers,)` codes, `values` the distinct ones in the form of the level.

    Columns of an ordinal question stand in the order of its scale. `lengths: (n_items,)` are characters of the items' texts (for
    spans), `options` what each item offered (for sets); without them what was marked or chosen at all stands in.
    """

    item: Codes
    annotator: Codes
    value: Codes
    values: Sequence[Any]
    n_items: int
    lengths: Codes | None = None
    options: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True)
class Agreement:
    """`coefficients` by name, that called `headline` first. Names are stable: reports keep them."""

    level: Level
    headline: str
    coefficients: dict[str, Estimate]

    @property
    def value(self) -> Estimate:
        return self.coefficients[self.headline]

    def as_dict(self) -> dict[str, Any]:
        return {name: one.as_dict() for name, one in self.coefficients.items()}


def measure(level: Level, units: Units, *, n_resamples: int = 1000, seed: int = 0) -> Agreement:
    """Agreement at a level. Raises `KeyError` for a level that does not exist."""
    found = _MEASURES[level](units, n_resamples, seed)
    return Agreement(level, next(iter(found)), found)


def nearness(level: Level) -> by_distance.Near:
    """How near two values are, in [0, 1], at the levels where values are no points of a scale."""
    return _NEAR[level]


def _scale(level: scales.Scale) -> _Measure:
    def measured(units: Units, n_resamples: int, seed: int) -> dict[str, Estimate]:
        return scales.measure(
            level,
            units.item,
            units.value,
            units.values,
            n_items=units.n_items,
            n_resamples=n_resamples,
            seed=seed,
        )

    return measured


def _sets(units: Units, n_resamples: int, seed: int) -> dict[str, Estimate]:
    if len(units.values) > by_distance.MOST_VALUES:
        return {ALPHA: Estimate(None, n_answers=len(units.value), reason=TOO_MANY)}

    def of(distance: sets.Distance) -> Estimate:
        apart = sets.table(units.values, distance)
        return by_distance.alpha(
            units.item, units.value, apart, n_items=units.n_items, n_resamples=n_resamples, seed=seed
        )

    offered = units.options
    if offered is None:
        everything = sorted({label for value in units.values for label in value})
        offered = [everything] * units.n_items
    answers = [units.values[code] for code in units.value.tolist()]
    by_option = sets.by_option(units.item, answers, offered)
    chosen = scales.of_counts(by_option, n_resamples=0)
    return {
        ALPHA: of(sets.masi),
        "alpha_jaccard": of(sets.jaccard),
        "alpha_exact": of(sets.exact),
        "alpha_options": chosen[ALPHA],
    }


def _spans(units: Units, n_resamples: int, seed: int) -> dict[str, Estimate]:
    return {
        ALPHA: _characters(units, n_resamples, seed),
        **{
            name: _mean(units, near, n_resamples)
            for name, near in (
                ("f1_exact", spans.exact_f1),
                ("f1_overlap", spans.overlap_f1),
                ("f1_characters", spans.character_f1),
            )
        },
    }


def _characters(units: Units, n_resamples: int, seed: int) -> Estimate:
    """Alpha over characters in or out of a span, with its interval over texts: coincidences are sums over them."""
    n_answers = len(units.value)
    r = np.bincount(units.item, minlength=units.n_items)
    if not (r >= 2).any():
        return Estimate(None, n_answers=n_answers, reason=NO_PAIRS)
    lengths = _lengths(units) if units.lengths is None else units.lengths
    answers: list[list[Any]] = [[] for _ in range(units.n_items)]
    for item, code in zip(units.item.tolist(), units.value.tolist(), strict=True):
        answers[item].append(units.values[code])
    rows = np.array(
        [
            spans.coincidences(answers[item], int(lengths[item])).ravel()
            for item in np.flatnonzero(r >= 2).tolist()
        ]
    )
    found = float(alpha_of(rows.sum(axis=0).reshape(2, 2)))
    if not np.isfinite(found):
        return Estimate(None, n_items=len(rows), n_answers=n_answers, reason=NO_VARIATION)
    bounds = (
        bootstrap.of_sums(
            rows, lambda whole: alpha_of(whole.reshape(-1, 2, 2)), n_resamples=n_resamples, seed=seed
        )
        if n_resamples
        else None
    )
    low, high = bounds or (None, None)
    return Estimate(found, low, high, len(rows), n_answers)


def _lengths(units: Units) -> Codes:
    """Without the texts themselves: up to where anybody marked."""
    ends = np.array([max((span[1] for span in value), default=0) for value in units.values], dtype=np.int64)
    found = np.zeros(units.n_items, dtype=np.int64)
    np.maximum.at(found, units.item, ends[units.value])
    return found


def _rankings(units: Units, n_resamples: int, seed: int) -> dict[str, Estimate]:
    said = [
        (item, who, better, worse)
        for item, who, code in zip(
            units.item.tolist(), units.annotator.tolist(), units.value.tolist(), strict=True
        )
        for better, worse in units.values[code]
    ]
    pairs: dict[Any, int] = {}
    places = np.array(
        [
            pairs.setdefault((item, *sorted((better, worse), key=repr)), len(pairs))
            for item, _, better, worse in said
        ],
        dtype=np.int64,
    )
    first = np.array(
        [min((better, worse), key=repr) == better for _, _, better, worse in said], dtype=np.int64
    )
    counts = np.zeros((len(pairs), 2), dtype=np.int64)
    np.add.at(counts, (places, 1 - first), 1)
    found = scales.of_counts(counts, n_resamples=n_resamples, seed=seed)
    return {
        ALPHA: found[ALPHA],
        "pair_agreement": found["percent_agreement"],
        "transitivity": rankings.transitivity_of_all((who, better, worse) for _, who, better, worse in said),
    }


def _boxes(units: Units, n_resamples: int, _seed: int) -> dict[str, Estimate]:
    return {
        "f1": _mean(units, boxes.f1, n_resamples),
        "f1_without_labels": _mean(
            units, lambda one, other: boxes.f1(one, other, with_labels=False), n_resamples
        ),
        "mean_overlap": _mean(units, boxes.mean_overlap, n_resamples),
    }


def _texts(units: Units, n_resamples: int, _seed: int) -> dict[str, Estimate]:
    return {
        "similarity": _mean(units, texts.similarity, n_resamples),
        "percent_agreement": _mean(
            units, lambda one, other: float(" ".join(one.split()) == " ".join(other.split())), n_resamples
        ),
    }


def _mean(units: Units, near: by_distance.Near, n_resamples: int) -> Estimate:
    return by_distance.mean_nearness(
        units.item, units.value, units.values, near, n_items=units.n_items, n_resamples=n_resamples
    )


_Measure = Callable[[Units, int, int], dict[str, Estimate]]
_MEASURES: dict[str, _Measure] = {
    **{level: _scale(level) for level in get_args(scales.Scale)},
    "set": _sets,
    "spans": _spans,
    "ranking": _rankings,
    "boxes": _boxes,
    "text": _texts,
}
_NEAR: dict[str, by_distance.Near] = {
    "set": lambda one, other: 1 - sets.masi(one, other),
    "spans": spans.character_f1,
    "ranking": rankings.same_order,
    "boxes": boxes.mean_overlap,
    "text": texts.similarity,
}
