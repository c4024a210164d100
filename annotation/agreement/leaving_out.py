"""Agreement without one annotator: how much of what there is, or is lacking, is hers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import coefficients
from annotation.agreement.coefficients import Level, alpha_of
from annotation.agreement.counts import from_codes, sums
from annotation.agreement.pairs import Codes, Floats


def alpha_without(
    items: Codes,
    annotators: Codes,
    values: Codes,
    *,
    n_items: int,
    n_annotators: int,
    n_values: int,
    level: Level = "nominal",
    scale: Floats | None = None,
) -> Floats:
    """Alpha of the others' answers, for each annotator left out: `(n_annotators,)`, NaN where undefined then.

    `items, annotators, values: (n_answers,)` codes, one answer of an annotator per item; `scale: (n_values,)` as in
    `coefficients`.
    Only her own items change, so it costs one pass over the answers, however many annotators there are. Above alpha of all:
    she disagrees more than the others do among themselves.
    """
    counts = from_codes(items, values, n_items=n_items, n_values=n_values)
    whole = coefficients.coincidence_matrix(counts, np.ones(n_items, dtype=np.int64))
    order = np.argsort(annotators, kind="stable")
    begin = np.searchsorted(annotators[order], np.arange(n_annotators + 1))
    left = np.empty((n_annotators, n_values, n_values))
    for who in range(n_annotators):
        mine = order[begin[who] : begin[who + 1]]
        hers = counts[items[mine]]
        once = np.ones(len(mine), dtype=np.int64)
        with_her = coefficients.coincidence_matrix(hers, once)
        hers[np.arange(len(mine)), values[mine]] -= 1
        left[who] = whole - with_her + coefficients.coincidence_matrix(hers, once)
    # what is left of sums that cancel is noise, not variation
    left[np.abs(left) < 1e-9] = 0.0
    return alpha_of(left, level=level, values=scale)


@dataclass(frozen=True)
class Beside:
    """By annotator, `(n_annotators,)`: of `n` answers where the others say something, `agreed` are theirs; `mean` with any other.

    `agreed` and `n` may be halves where others tie (see `with_others`); `mean` is NaN for somebody who shares no item.
    """

    n: Floats
    agreed: Floats
    mean: Floats

    @property
    def share(self) -> Floats:
        """Agreement with the others' plurality, NaN without an answer that counts."""
        return np.divide(self.agreed, self.n, out=np.full(len(self.n), np.nan), where=self.n > 0)


def with_others(
    items: Codes,
    annotators: Codes,
    values: Codes,
    *,
    n_items: int,
    n_annotators: int,
    n_values: int,
    unique: bool = True,
) -> Beside:
    """Each annotator's agreement with the plurality of the *other* answers to an item, and with any single other one.

    Her own answer never counts: with three answers it would decide. `unique`: as `people.agrees`, only pluralities of at least
    two others without a tie say anything; otherwise one other is enough and ties count in parts.
    """
    others, says, hit = _verdicts(items, values, n_items=n_items, n_values=n_values, unique=unique)
    n_others = others.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        same = np.where(n_others > 0, others[np.arange(len(items)), values] / n_others, 0.0)
        n_shared = sums(annotators, n_others > 0, n_annotators)
        mean = sums(annotators, same, n_annotators) / n_shared
    return Beside(
        sums(annotators, says, n_annotators),
        sums(annotators, np.where(says, hit, 0.0), n_annotators),
        mean,
    )


def differs(
    items: Codes, values: Codes, *, n_items: int, n_values: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By answer, `(n_answers,)` each: whether the others say something (at least two, one plurality), and whether it differs."""
    _, says, hit = _verdicts(items, values, n_items=n_items, n_values=n_values, unique=True)
    return says, says & (hit == 0)


def _verdicts(
    items: Codes, values: Codes, *, n_items: int, n_values: int, unique: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_], Floats]:
    """By answer: the votes of the others, whether they say something, and how far their plurality is hers."""
    others = from_codes(items, values, n_items=n_items, n_values=n_values)[items]
    rows = np.arange(len(items))
    others[rows, values] -= 1
    n_others = others.sum(axis=1)
    top = others == others.max(axis=1, keepdims=True)
    n_top = top.sum(axis=1)
    says = (n_others >= 2) & (n_top == 1) if unique else n_others >= 1
    return others, says, top[rows, values] / n_top
