"""Whether disagreement under a clause is one annotator's: what is left of it without her, and whether her pairs stand out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.clauses import PRIOR_ITEMS, ItemSums, Members, beside
from annotation.agreement.counts import sums
from annotation.agreement.pairs import Codes, Floats, Pairs

MIN_ITEMS = 5
"""Items of one annotator under one clause from which on her reading of it is tested."""
_NOTHING = 1e-9


@dataclass(frozen=True)
class Seen:
    """The annotators under one clause, `(n,)` each.

    `without` is m_c from the pairs she is no part of, NaN where none is left, and `error` its standard error; `excess` is how
    much more often her own pairs differ than those, `z` the same in standard errors; `enough` where she has 5 items.
    """

    who: Codes
    without: Floats
    error: Floats
    excess: Floats
    z: Floats
    enough: NDArray[np.bool_]

    def z_over(self, middle: float) -> Floats:
        """How far m_c without her lies above *middle* in standard errors; minus infinity where nothing is left."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num((self.without - middle) / self.error, nan=-np.inf)

    def named(self, chosen: NDArray[np.bool_]) -> tuple[int, ...]:
        """The chosen ones' codes, the one whose pairs stand out most first."""
        order = np.argsort(-np.nan_to_num(self.excess), kind="stable")
        return tuple(int(self.who[k]) for k in order if chosen[k])


@dataclass(frozen=True)
class ByAnnotator:
    """The answers, sorted by item: whose each is, and what is left of the disagreement of its pairs, which weigh 1 together.

    Effects of annotators stay as fitted with everybody.
    """

    annotator: Codes
    n_answers: Codes
    members: Members
    by_item: ItemSums

    @classmethod
    def of(cls, pairs: Pairs, members: Members, of_item: ItemSums) -> ByAnnotator:
        return cls(pairs.of_annotator, pairs.n_answers, members, of_item)

    def under(self, clause: int) -> Seen:
        """Who answers items of the clause, and what she makes of it: O(answers under the clause), whoever is left out.

        Taking her pairs out changes only her items, so every sum is the whole clause's less what her items gave, plus what they
        give without her.
        """
        mine = self.members.clause == clause
        items, share = self.members.item[mine], self.members.share[mine]
        paired = self.by_item.weight[items] > 0
        items, share = items[paired], share[paired]
        place, rows = beside(items, self.n_answers)
        who, code = _distinct(self.annotator[rows])
        weight, total, held = self.by_item.weight[items], self.by_item.total[items], share
        mean = total / weight
        kept, rest = weight[place] - 1, total[place] - self.by_item.own[rows]
        stays = kept > _NOTHING
        kept = np.where(stays, kept, 1.0)
        left, h = np.where(stays, rest / kept, 0.0), held[place]

        def swapped(whole: Floats, after: Floats) -> Floats:
            """The sum over items, with her items as they are without her."""
            change = np.where(stays, after, 0.0) - whole[place]
            return np.asarray(whole.sum() + sums(code, change, len(who)))

        below, above = swapped(held * weight, h * kept), swapped(held * total, h * rest)
        n, squares = swapped(held, h), swapped(held**2, h**2)
        centre, around = swapped(held * mean, h * left), swapped(held * mean**2, h * left**2)
        without = _over(above, below)
        effective = _over(n**2, squares)
        variance = _moderated(around, centre, n, effective, _pooled(held, mean))
        error = np.sqrt(_over(variance, effective))
        own = self.by_item.own[rows]
        n_own = sums(code, h, len(who))
        hers = _over(sums(code, h * own, len(who)), n_own)
        scatter = _moderated(
            sums(code, h * own**2, len(who)),
            hers * n_own,
            n_own,
            n_own,
            _pooled(held, mean),
        )
        excess = hers - without
        z = _over(excess, np.sqrt(_over(scatter, n_own) + error**2))
        return Seen(who, without, error, excess, z, np.bincount(code, minlength=len(who)) >= MIN_ITEMS)


def _distinct(codes: Codes) -> tuple[Codes, Codes]:
    """The distinct codes in order, and the place of each in them."""
    there = np.bincount(codes) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]


def _pooled(held: Floats, mean: Floats) -> float:
    """The variance of items under the clause with everybody in it: what a variance of fewer items is drawn towards."""
    n = held.sum()
    if n <= 1:
        return 0.0
    centre = (held * mean).sum() / n
    return float((held * (mean - centre) ** 2).sum() / n)


def _moderated(squares: Floats, sums: Floats, n: Floats, effective: Floats, pooled: float) -> Floats:
    """`((n - 1) s^2 + 8 s_pooled^2) / (n + 7)` from sums of squares and of values."""
    scatter = np.maximum(_over(squares, n) - _over(sums, n) ** 2, 0.0) * effective
    return np.asarray((scatter + PRIOR_ITEMS * pooled) / (np.maximum(effective - 1, 0.0) + PRIOR_ITEMS))


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > _NOTHING, above / below, np.nan))
