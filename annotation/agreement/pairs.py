"""Every two answers to one item, as a table: what statistics of disagreement are made of when annotators must be told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.counts import sums

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Apart = Callable[[Codes, Codes], Floats]


@dataclass(frozen=True)
class Pairs:
    """Every two answers to one item, each pair once, as places in the table of answers.

    `of_item, of_annotator: (n_answers,)` are the answers, sorted by item; `one, two: (n_pairs,)` places in it; `apart` in [0, 1]
    how far the two differ, by pair; `n_answers: (n_items,)`. A pair weighs `1 / (r - 1)` with r answers to its item, so that
    an item weighs as much as it has answers, not as the square, and every answer of it 1.
    """

    of_item: Codes
    of_annotator: Codes
    one: NDArray[np.int32]
    two: NDArray[np.int32]
    apart: Floats
    n_answers: Codes

    @property
    def item(self) -> Codes:
        return self.of_item[self.one]

    @property
    def first(self) -> Codes:
        return self.of_annotator[self.one]

    @property
    def second(self) -> Codes:
        return self.of_annotator[self.two]

    @property
    def weight(self) -> Floats:
        return (1 / np.maximum(self.n_answers - 1, 1))[self.item]

    def by_answer(self) -> Floats:
        """How far each answer is from the others to its item, on average: `(n_answers,)`, 0 for a single one."""
        found = sums(self.one, self.apart, len(self.of_item)) + sums(self.two, self.apart, len(self.of_item))
        return np.asarray(found / np.maximum(self.n_answers - 1, 1)[self.of_item])


def of(items: Codes, annotators: Codes, values: Codes, *, n_items: int, apart: Apart | None = None) -> Pairs:
    """The pairs of answers: `items, annotators, values: (n_answers,)` codes.

    `apart` gives how far the values of pairs are from each other, by their codes; without one, answers are apart (1) when
    they differ. Two answers of the same annotator to an item must have been left out before (`repeats.first`).
    """
    order = np.argsort(items, kind="stable")
    items, annotators, values = items[order], annotators[order], values[order]
    n_answers = np.bincount(items, minlength=n_items)
    left = n_answers[items] - (np.arange(len(items)) - (np.cumsum(n_answers) - n_answers)[items]) - 1
    places = [
        np.flatnonzero(left >= step).astype(np.int32) for step in range(1, int(left.max(initial=0)) + 1)
    ]
    nothing = np.zeros(0, dtype=np.int32)
    one = np.concatenate(places) if places else nothing
    two = (
        np.concatenate([each + np.int32(step) for step, each in enumerate(places, 1)]) if places else nothing
    )
    differ = (values[one] != values[two]).astype(float) if apart is None else apart(values[one], values[two])
    return Pairs(items, annotators, one, two, differ, n_answers)
