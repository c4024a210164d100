"""Agreement on preferences: of two, which; pairs in the same order, orders that bite their own tail, complete rankings."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import coefficients
from annotation.agreement.counts import table
from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from specs.wording import _, later

NO_TRIPLES = later("no three things were all compared with each other")


def pair_counts(preferences: Iterable[tuple[Hashable, Hashable]]) -> NDArray[np.int64]:
    """Votes per unordered pair: `(better, worse)` rows -> `(n_pairs, 2)`, columns the one that sorts first and the other.

    Whether something stood left or right does not count: a fixed order of the two makes alpha see a preference, not a side.
    """
    rows = []
    for better, worse in preferences:
        first, second = sorted((better, worse), key=repr)
        rows.append(((first, second), 0 if better == first else 1, 1))
    return table(rows, values=[0, 1]).counts


def pair_agreement(counts: NDArray[np.int64]) -> tuple[Estimate, Estimate]:
    """Share of pairs of answers to one pair that prefer the same, and nominal alpha over pairs. `counts: (n_pairs, 2)`.

    Undefined where no pair has two answers; alpha also where all prefer the one that sorts first.
    """
    pairable = counts[counts.sum(axis=1) >= 2]
    n, n_answers = len(pairable), int(counts.sum())
    if n == 0:
        return (Estimate(None, n_answers=n_answers, reason=NO_PAIRS),) * 2
    weights = np.ones(n, dtype=np.int64)
    share = Estimate(float(coefficients.percent_agreement(pairable, weights)), n_items=n, n_answers=n_answers)
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return share, Estimate(None, n_items=n, n_answers=n_answers, reason=NO_VARIATION)
    value = float(coefficients.krippendorff_alpha(pairable, weights))
    return share, Estimate(value, n_items=n, n_answers=n_answers)


def transitivity(preferences: Iterable[tuple[Hashable, Hashable]]) -> Estimate:
    """Of the triples of things all three of whose pairs one annotator judged, the share without a circle (a > b > c > a).

    1 without a circle, 0.75 when pairs are judged by a coin. Undefined without such a triple. The last answer to a pair counts.
    Source: Kendall and Babington Smith 1940, for incomplete designs by triples.

    >>> transitivity([("a", "b"), ("b", "c"), ("c", "a")]).value
    0.0
    """
    circles, triples, n_answers = _circles(preferences)
    if triples == 0:
        return Estimate(None, n_answers=n_answers, reason=NO_TRIPLES)
    return Estimate(1 - circles / triples, n_items=triples, n_answers=n_answers)


def transitivity_of_all(preferences: Iterable[tuple[Hashable, Hashable, Hashable]]) -> Estimate:
    """The same over several annotators, `(annotator, better, worse)` rows: each one's triples, counted together."""
    rows: dict[Hashable, list[tuple[Hashable, Hashable]]] = {}
    for who, better, worse in preferences:
        rows.setdefault(who, []).append((better, worse))
    counted = [_circles(each) for each in rows.values()]
    circles, triples, n_answers = (sum(each[k] for each in counted) for k in range(3))
    if triples == 0:
        return Estimate(None, n_answers=n_answers, reason=NO_TRIPLES)
    return Estimate(1 - circles / triples, n_items=triples, n_answers=n_answers)


def same_order(one: Iterable[tuple[Hashable, Hashable]], other: Iterable[tuple[Hashable, Hashable]]) -> float:
    """Of the pairs of things that both put in an order, the share in the same one; 1 where they share no pair.

    >>> same_order([("a", "b"), ("b", "c")], [("a", "b"), ("c", "b")])
    0.5
    """
    first, second = ({frozenset(pair): pair[0] for pair in each} for each in (one, other))
    both = first.keys() & second.keys()
    return sum(first[pair] == second[pair] for pair in both) / len(both) if both else 1.0


def consistence(preferences: Iterable[tuple[Hashable, Hashable]]) -> Estimate:
    """Kendall's zeta of one annotator who judged every pair of n things: 1 without a circle, 0 with as many as there can be.

    `1 - 24 d / (n^3 - n)` for odd n, `1 - 24 d / (n^3 - 4 n)` for even n, d the circular triads. Undefined for fewer than three
    things and for an incomplete design. Source: Kendall and Babington Smith 1940.
    """
    rows = list(preferences)
    n = len({thing for row in rows for thing in row})
    judged = len({frozenset(row) for row in rows})
    if n < 3 or judged < n * (n - 1) // 2:
        return Estimate(
            None, n_answers=len(rows), reason=_("not every pair of three or more things was judged")
        )
    circles, triples, _n_rows = _circles(rows)
    most = n**3 - n if n % 2 else n**3 - 4 * n
    return Estimate(1 - 24 * circles / most, n_items=triples, n_answers=len(rows))


def _circles(preferences: Iterable[tuple[Hashable, Hashable]]) -> tuple[int, int, int]:
    """Circular triples, triples with all three pairs judged, and answers."""
    codes: dict[Hashable, int] = {}
    rows = [tuple(codes.setdefault(thing, len(codes)) for thing in row) for row in preferences]
    beats = np.zeros((len(codes), len(codes)), dtype=np.int64)
    for better, worse in rows:
        beats[better, worse], beats[worse, better] = 1, 0
    judged = beats + beats.T
    np.fill_diagonal(judged, 0)
    circles = int(np.trace(beats @ beats @ beats)) // 3
    triples = int(np.trace(judged @ judged @ judged)) // 6
    return circles, triples, len(rows)


def kendall_w(ranks: NDArray[np.float64]) -> Estimate:
    """Kendall's W of complete rankings, corrected for ties: 0 no agreement, 1 all the same. `ranks: (n_annotators, n_things)`.

    Undefined for fewer than two annotators or things, and where everybody ties everything.
    Source: Kendall and Babington Smith 1939.

    >>> kendall_w(np.array([[1.0, 2, 3], [1, 2, 3]])).value
    1.0
    """
    m, n = ranks.shape
    if m < 2 or n < 2:
        return Estimate(None, n_items=n, n_answers=m * n, reason=_("two rankings of two things are needed"))
    sums = ranks.sum(axis=0)
    ties = sum(float((t**3 - t).sum()) for row in ranks for t in [np.unique(row, return_counts=True)[1]])
    below = m**2 * (n**3 - n) - m * ties
    if below <= 0:
        return Estimate(None, n_items=n, n_answers=m * n, reason=NO_VARIATION)
    return Estimate(float(12 * ((sums - sums.mean()) ** 2).sum() / below), n_items=n, n_answers=m * n)
