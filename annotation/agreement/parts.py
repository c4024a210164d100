"""Agreement in parts of the answers: those of a kind of item, a team, a month, under a clause, with a label. Pure.

A part has two numbers: the share of pairs of answers that agree (how near they are, where values are more or less apart), and
alpha where a part is no choice of what was said. A part that was chosen *by* what people said (a label, a cited clause) has
nearly one expected value, so alpha there is near 0 at 99 % agreement and says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import means, scales
from annotation.agreement.clauses import Members
from annotation.agreement.counts import Counts, from_codes, grouped
from annotation.agreement.estimate import Estimate
from annotation.agreement.means import Cells
from annotation.agreement.pairs import Codes, Floats, Pairs
from specs.wording import later

BY_WHAT_WAS_SAID = later("no alpha for a part chosen by what people said")
NO_SCALE = later("alpha by part is for labels and scales; here pairs are more or less near")


@dataclass(frozen=True)
class Part:
    """`agreement` of pairs in [0, 1] and `alpha`, each with n and interval or the reason why there is none."""

    agreement: Estimate
    alpha: Estimate


def near_by_item(pairs: Pairs) -> tuple[Floats, Floats]:
    """How near the answers to an item are on average, and 1 where it has two or more: `(n_items,)` each."""
    n_items = len(pairs.n_answers)
    n_pairs = pairs.n_answers * (pairs.n_answers - 1) / 2
    apart = np.bincount(pairs.item, weights=pairs.apart, minlength=n_items)
    known = n_pairs > 0
    return np.where(known, 1 - apart / np.maximum(n_pairs, 1), 0.0), known.astype(float)


def of_items(pairs: Pairs, members: Members, *, n_parts: int, minimum: int) -> list[Estimate]:
    """Agreement of the items of each part, an item weighing its share in it."""
    near, known = near_by_item(pairs)
    weight = members.share * known[members.item]
    cells = Cells(members.clause, near[members.item], weight, pairs.n_answers[members.item] * members.share)
    return means.of(cells, n_groups=n_parts, minimum=minimum)


def of_labels(counts: Counts, *, minimum: int) -> list[Estimate]:
    """Positive agreement on each label (see `confusion`) with its interval, from the count table `(n_items, n_values)`.

    Items with the label are the units.
    """
    r = counts.sum(axis=1)
    item, label = np.nonzero(counts * (r >= 2)[:, None])
    n, others = counts[item, label].astype(float), (r[item] - 1).astype(float)
    cells = Cells(label, (n - 1) / others, n * others, n)
    return means.of(cells, n_groups=counts.shape[1], minimum=minimum)


def alpha_of(
    items: Codes,
    values: Codes,
    mask: NDArray[np.bool_],
    *,
    level: scales.Scale,
    n_items: int,
    n_values: int,
    minimum: int,
    n_resamples: int,
) -> Estimate:
    """Alpha of the answers in the mask, `(n_answers,)`, at nominal or ordinal level (columns in the order of the scale)."""
    counts = from_codes(items[mask], values[mask], n_items=n_items, n_values=n_values)
    counts = counts[counts.sum(axis=1) >= 2]
    if len(counts) < minimum:
        return Estimate(
            None,
            n_items=len(counts),
            n_answers=int(counts.sum()),
            reason=means.too_few(len(counts), minimum),
        )
    rows, multiplicity = grouped(counts)
    return scales.of_rows(rows, multiplicity, level=level, n_resamples=n_resamples)["alpha"]


def ranges(numbers: Floats, n: int) -> tuple[Codes, list[tuple[float, float]]]:
    """Numbers in up to *n* ranges of about as many each: the code of each number's range, and the ends of each range.

    >>> ranges(np.array([1.0, 2.0, 3.0, 4.0]), 2)[1]
    [(1.0, 2.0), (3.0, 4.0)]
    """
    places = (np.arange(1, n) * len(numbers) + n - 1) // n - 1
    edges = np.unique(np.sort(numbers)[np.maximum(places, 0)])
    codes = np.searchsorted(edges, numbers, side="left")
    found, codes = np.unique(codes, return_inverse=True)
    return codes, [
        (float(numbers[codes == k].min()), float(numbers[codes == k].max())) for k in range(len(found))
    ]


def largest(n: Sequence[int], most: int) -> list[int]:
    """The places of the *most* largest numbers, in the order they stand in."""
    order = np.argsort(-np.asarray(n), kind="stable")[:most]
    return sorted(order.tolist())
