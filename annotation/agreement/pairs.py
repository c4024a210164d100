"""Every two answers to one item, as a table: what statistics of disagreement are made of when annotators must be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """One row per pair of answers to one item, each pair once: `item, first, second, apart, weight: (n_pairs,)`.

    `first` and `second` are annotators; `apart` in [0, 1] is how far the answers differ; `weight = 1 / (r - 1)` with r answers
    to the item, so that an item weighs as much as it has answers, not as the square. `n_answers: (n_items,)`.
    """

    item: Codes
    first: Codes
    second: Codes
    apart: Floats
    weight: Floats
    n_answers: Codes


def of(
    items: Codes, annotators: Codes, values: Codes, *, n_items: int, distance: Floats | None = None
) -> Pairs:
    """The pairs of answers: `items, annotators, values: (n_answers,)` codes.

    `distance: (n_values, n_values)` in [0, 1]; without one, answers are apart (1) when they differ. Two answers of the same
    annotator to an item must have been left out before (`repeats.first`).
    """
    order = np.argsort(items, kind="stable")
    items, annotators, values = items[order], annotators[order], values[order]
    n_answers = np.bincount(items, minlength=n_items)
    begin = np.cumsum(n_answers) - n_answers
    firsts, seconds = [], []
    place = np.arange(len(items)) - begin[items]
    left = n_answers[items] - place - 1
    for step in range(1, int(n_answers.max(initial=0))):
        one = np.flatnonzero(left >= step)
        firsts.append(one)
        seconds.append(one + step)
    one = np.concatenate(firsts) if firsts else np.zeros(0, dtype=np.int64)
    two = np.concatenate(seconds) if seconds else np.zeros(0, dtype=np.int64)
    item = items[one]
    apart = (
        (values[one] != values[two]).astype(float) if distance is None else distance[values[one], values[two]]
    )
    return Pairs(item, annotators[one], annotators[two], apart, 1 / (n_answers[item] - 1), n_answers)
