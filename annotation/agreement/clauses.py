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
_DENSE = 4_000_000


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
    """Alternate weighted means until nothing moves: 10 to 30 rounds.

    `alpha_a = sum w (delta - m - alpha_b) / (sum w + 10)` over the pairs of a, then centred; `m_c = sum w h (delta - alpha_a -
    alpha_b) / sum w h`. Items about several clauses have the mean m of theirs, weighted by share; items about none have the
    grand mean. A round needs only sums over clauses and annotators, so that answers are passed once. Source: analytics, section
    10; two-way additive model fitted by backfitting (Buja, Hastie and Tibshirani 1989).
    """
    known = Sums.of(pairs, members, n_clauses=n_clauses, n_annotators=n_annotators)
    alpha = np.zeros(n_annotators)
    raw = m = known.clauses(alpha)
    rounds = 0
    while rounds < _ROUNDS and known.n.any():
        rounds += 1
        after = (known.said - known.expected(m) - known.met(alpha)) / (known.n + PSEUDO_PAIRS)
        after -= float(after @ known.n) / float(known.n.sum())
        after[known.n == 0] = 0.0
        # half a step: both ends of a pair move at once, and full steps can swing
        after = (alpha + after) / 2
        moved = float(np.abs(after - alpha).max(initial=0.0))
        alpha, m = after, known.clauses(after)
        if moved < _TOLERANCE:
            break
    return Effects(m, raw, alpha, known.grand, rounds)


@dataclass(frozen=True)
class Sums:
    """What the rounds of a fit need of pairs and members, over items with two answers.

    By annotator: `n: (n_annotators,)` items, `said` how far her answers are from the others' in all, `bare` items without a
    clause. By clause: `held: (n_clauses,)` weight of its pairs, `apart` their disagreement. By both, `(n_clauses,
    n_annotators)`: `share` of the clause in her items, `part` the same over all clauses of the item. `meet` are pairs of
    annotators as `a * n_annotators + b`, `met_weight` how much they meet.
    """

    n: Floats
    said: Floats
    bare: Floats
    held: Floats
    apart: Floats
    share: Floats
    part: Floats
    meet: Codes
    met_weight: Floats
    grand: float

    @classmethod
    def of(cls, pairs: Pairs, members: Members, *, n_clauses: int, n_annotators: int) -> Sums:
        n_items, item, who = len(pairs.n_answers), pairs.of_item, pairs.of_annotator
        paired = pairs.n_answers >= 2
        weight = np.where(paired, pairs.n_answers / 2, 0.0)
        far = pairs.by_answer()
        apart = sums(item, far, n_items) / 2
        of_item = sums(members.item, members.share, n_items)
        row, answer = beside(members.item, pairs.n_answers)
        kept = paired[item[answer]]
        row, answer = row[kept], answer[kept]
        cell, shape = members.clause[row] * n_annotators + who[answer], (n_clauses, n_annotators)
        share = members.share[row]
        meet, met_weight = _meetings(pairs, n_annotators)
        return cls(
            n=sums(who, paired[item], n_annotators),
            said=sums(who, far, n_annotators),
            bare=sums(who, paired[item] & (of_item[item] == 0), n_annotators),
            held=sums(members.clause, members.share * weight[members.item], n_clauses),
            apart=sums(members.clause, members.share * apart[members.item], n_clauses),
            share=sums(cell, share, n_clauses * n_annotators).reshape(shape),
            part=sums(cell, share / of_item[members.item[row]], n_clauses * n_annotators).reshape(shape),
            meet=meet,
            met_weight=met_weight,
            grand=float(apart.sum() / weight.sum()) if weight.any() else float("nan"),
        )

    def clauses(self, alpha: Floats) -> Floats:
        """m of every clause when annotators have these effects; NaN without a pair."""
        return _ratio(self.apart - self.share @ alpha, self.held, empty=np.nan)

    def expected(self, m: Floats) -> Floats:
        """By annotator, what clauses say that her pairs differ."""
        bare = self.bare * self.grand if self.bare.any() else 0.0
        return np.asarray(np.nan_to_num(m) @ self.part + bare)

    def met(self, alpha: Floats) -> Floats:
        """By annotator, the effects of whom she meets."""
        n = len(self.n)
        return sums(self.meet // n, self.met_weight * alpha[self.meet % n], n)


def beside(items: Codes, n_answers: Codes) -> tuple[Codes, Codes]:
    """Every answer to each of some items: the place in *items*, and that of the answer in a table sorted by item."""
    n = n_answers[items]
    place = np.repeat(np.arange(len(items)), n)
    begin = (np.cumsum(n_answers) - n_answers)[items]
    return place, begin[place] + np.arange(len(place)) - (np.cumsum(n) - n)[place]


def _meetings(pairs: Pairs, n_annotators: int) -> tuple[Codes, Floats]:
    """Who meets whom, both ways: cells `a * n_annotators + b` and the weight of their pairs."""
    cell, weight = pairs.first * n_annotators + pairs.second, pairs.weight
    if n_annotators**2 <= max(len(cell), _DENSE):
        whole = sums(cell, weight, n_annotators**2).reshape(n_annotators, n_annotators)
        whole = whole + whole.T
        found = np.flatnonzero(whole)
        return found, whole.ravel()[found]
    back = pairs.second * n_annotators + pairs.first
    cells, place = np.unique(np.concatenate([cell, back]), return_inverse=True)
    return cells, sums(place, np.concatenate([weight, weight]), len(cells))


@dataclass(frozen=True)
class ItemSums:
    """By item: `weight` of its pairs, and `total` weighted disagreement less the annotators' effects.

    By answer, in the order of the pairs' table: `own: (n_answers,)` the same for her pairs there, which weigh 1 together.
    """

    weight: Floats
    total: Floats
    own: Floats

    @classmethod
    def of(cls, pairs: Pairs, effects: Effects) -> ItemSums:
        n_items, item, r = len(pairs.n_answers), pairs.of_item, pairs.n_answers
        paired, alpha = r >= 2, effects.annotator[pairs.of_annotator]
        far, people = pairs.by_answer(), sums(item, alpha, n_items)
        others = (people[item] - alpha) / np.maximum(r - 1, 1)[item]
        own = np.where(paired[item], far - alpha - others, 0.0)
        return cls(np.where(paired, r / 2, 0.0), sums(item, own, n_items) / 2, own)

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
