"""Disagreement of two answers as the clause's share of it plus both annotators': the fit that `ambiguity` judges by.

Alpha per clause is not used: under one clause nearly all items have one expected value, so the chance term is near 0 and alpha
says nothing at 99 % agreement. Rates of disagreement do. No consensus is needed, so two answers per item are enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.agreement.counts import sums
from annotation.agreement.pairs import Codes, Floats, Pairs

PSEUDO_PAIRS = 10.0
"""Weight of pairs without effect that every annotator starts with."""
PRIOR_ITEMS = 8.0
"""Items' worth of the pooled variance that every clause's own is drawn towards."""
_ROUNDS, _TOLERANCE = 60, 1e-9


@dataclass(frozen=True)
class Members:
    """Which clauses an item is about: one row per (item, clause) with `share` in (0, 1], at most one row per pair of them.

    `share` is that of the item's answers which cite the clause, or 1 where the clause is a property of the item. It is not
    decided by the winning answer: disputed items would be assigned after the fact. `item, clause, share: (n_rows,)`.
    """

    item: Codes
    clause: Codes
    share: Floats


@dataclass(frozen=True)
class Effects:
    """The additive fit: `delta = m_c + alpha_a + alpha_b`.

    `clause: (n_clauses,)` adjusted pair disagreement m_c, NaN without a pair; `raw: (n_clauses,)` the same unadjusted;
    `annotator: (n_annotators,)` alpha, with mean 0 over pairs, 0 for somebody without one; `grand` the mean of all pairs.
    """

    clause: Floats
    raw: Floats
    annotator: Floats
    grand: float
    rounds: int


def fit(pairs: Pairs, members: Members, *, n_clauses: int, n_annotators: int) -> Effects:
    """Alternate weighted means until nothing moves: O(pairs) per round, 10 to 30 rounds.

    `alpha_a = sum w (delta - m - alpha_b) / (sum w + 10)` over the pairs of a, then centred; `m_c = sum w h (delta - alpha_a -
    alpha_b) / sum w h`. Items about several clauses have the mean m of theirs, weighted by share; items about none have the
    grand mean. Source: analytics, section 10; two-way additive model fitted by backfitting (Buja, Hastie and Tibshirani
    1989).
    """
    n_items = len(pairs.n_answers)
    weight = sums(pairs.item, pairs.weight, n_items)
    apart = sums(pairs.item, pairs.weight * pairs.apart, n_items)
    total = float(weight.sum())
    grand = float(apart.sum() / total) if total else float("nan")
    held = members.share * weight[members.item]
    of_clause = sums(members.clause, held, n_clauses)
    of_item = sums(members.item, members.share, n_items)
    # (item, annotator) pairs of weights are what a round needs: by annotator the sum over her pairs, by item over its people
    of_annotator = sums(pairs.first, pairs.weight, n_annotators)
    of_annotator += sums(pairs.second, pairs.weight, n_annotators)
    said = sums(pairs.first, pairs.weight * pairs.apart, n_annotators)
    said += sums(pairs.second, pairs.weight * pairs.apart, n_annotators)

    def clauses(alpha: Floats) -> Floats:
        people = sums(pairs.item, pairs.weight * (alpha[pairs.first] + alpha[pairs.second]), n_items)
        mean = _ratio(apart - people, weight)
        under = sums(members.clause, held * mean[members.item], n_clauses)
        return _ratio(under, of_clause, empty=np.nan)

    alpha = np.zeros(n_annotators)
    raw = m = clauses(alpha)
    rounds = 0
    while rounds < _ROUNDS and total:
        rounds += 1
        own = np.nan_to_num(m)[members.clause] * members.share
        expected = sums(members.item, own, n_items)
        expected = np.where(of_item > 0, expected / np.where(of_item > 0, of_item, 1), grand)
        rest = pairs.weight * expected[pairs.item]
        others = sums(pairs.first, rest + pairs.weight * alpha[pairs.second], n_annotators)
        others += sums(pairs.second, rest + pairs.weight * alpha[pairs.first], n_annotators)
        after = (said - others) / (of_annotator + PSEUDO_PAIRS)
        after -= float(after @ of_annotator) / float(of_annotator.sum())
        after[of_annotator == 0] = 0.0
        # half a step: both ends of a pair move at once, and full steps can swing
        after = (alpha + after) / 2
        moved = float(np.abs(after - alpha).max(initial=0.0))
        alpha, m = after, clauses(after)
        if moved < _TOLERANCE:
            break
    return Effects(m, raw, alpha, grand, rounds)


@dataclass(frozen=True)
class ItemSums:
    """By item: weight of its pairs, and weighted disagreement less the annotators' effects; `left: (n_pairs,)` by pair."""

    weight: Floats
    total: Floats
    left: Floats

    @classmethod
    def of(cls, pairs: Pairs, effects: Effects) -> ItemSums:
        left = pairs.apart - effects.annotator[pairs.first] - effects.annotator[pairs.second]
        n_items = len(pairs.n_answers)
        return cls(
            sums(pairs.item, pairs.weight, n_items),
            sums(pairs.item, pairs.weight * left, n_items),
            left,
        )

    def units(self, clusters: Codes | None) -> tuple[Floats, Floats]:
        """Mean and weight by item, or by cluster of items."""
        weight, total = self.weight, self.total
        if clusters is not None:
            weight, total = sums(clusters, weight), sums(clusters, total)
        return np.divide(total, weight, out=np.zeros(len(total)), where=weight > 0), weight


def spread(mean: Floats, weight: Floats, members: Members, effect: Floats) -> tuple[Floats, Floats]:
    """Standard error of every clause's m, and how many items it rests on: `(n_clauses,)` each; NaN and 0 without items.

    `mean, weight: (n_items,)`: what is left of an item's disagreement when its annotators' effects are off, and the weight
    of its pairs (0: no pair). The variance of items within a clause is moderated, `((n - 1) s^2 + 8 s_pooled^2) / (n + 7)`, and
    the error is its root over n: items are the units, never pairs. Shares below 1 count as parts of an item.
    """
    n_clauses = len(effect)
    held = np.where(weight[members.item] > 0, members.share, 0.0)
    n = sums(members.clause, held, n_clauses)
    squares = sums(members.clause, held**2, n_clauses)
    effective = _ratio(n**2, squares)
    left = sums(members.clause, held * mean[members.item], n_clauses)
    centre = _ratio(left, n)
    off = mean[members.item] - centre[members.clause]
    around = sums(members.clause, held * off**2, n_clauses)
    # with whole items this is (n - 1) s^2
    scatter = _ratio(around, n) * effective
    freedom = np.maximum(effective - 1, 0)
    pooled = float(scatter[effective > 1].sum() / max(freedom.sum(), 1e-12)) if freedom.any() else 0.0
    moderated = (scatter + PRIOR_ITEMS * pooled) / (freedom + PRIOR_ITEMS)
    return np.sqrt(_ratio(moderated, effective, empty=np.nan)), effective


def _ratio(above: Floats, below: Floats, *, empty: float = 0.0) -> Floats:
    return np.divide(above, below, out=np.full(len(above), empty), where=below > 0)
