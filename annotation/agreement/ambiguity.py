"""Which clause is ambiguous, and which one is only misread by somebody: the verdict on every clause of a spec.

Random assignment of items to annotators is part of the method: without it, clause and annotator are not separable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erfc, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotation.agreement import clauses
from annotation.agreement.clauses import Effects, Members
from annotation.agreement.counts import sums
from annotation.agreement.culprits import ByAnnotator, Seen
from annotation.agreement.pairs import Codes, Floats, Pairs
from specs.wording import _

MIN_ITEMS = 10
"""Items with two answers from which on a rate is shown."""
ENOUGH_ITEMS = ((5.0, 20), (3.0, 30), (2.0, 50))
"""Items from which on a clause is judged, by their mean number of answers: 20 with 5, 30 with 3, else 50."""
MIN_ANNOTATORS = 4
FALSE_DISCOVERIES = 0.10
LEAST_EXCESS = 0.05
LEAST_Z = 1.64
MOST_OF_ONE = 0.5
"""The share of an excess from which on it is one annotator's."""
FALSE_MISREADINGS = 0.05
LEAST_MISREAD = 0.10
"""By how much an annotator's pairs must differ more often than the others' under a clause to be called a misreading."""
_Z95 = 1.959964

Verdict = Literal["ambiguous", "annotator", "slight", "clear", "too_few"]


@dataclass(frozen=True)
class Minimum:
    """What a clause must rest on to be shown, and to be judged. The defaults are those of the validation (README)."""

    shown_items: int = MIN_ITEMS
    judged_items: tuple[tuple[float, int], ...] = ENOUGH_ITEMS
    annotators: int = MIN_ANNOTATORS
    least_excess: float = LEAST_EXCESS

    def judged(self, answers_per_item: float) -> int:
        wanted = [n for least, n in self.judged_items if answers_per_item >= least - 1e-9]
        return wanted[0] if wanted else max((n for _, n in self.judged_items), default=0)


@dataclass(frozen=True)
class Clause:
    """What is known of one clause. Rates in [0, 1]; numbers are None where `reason` says that there is too little for them.

    `disagreement` is m_c, with `standard_error` and 95 % bounds `low`, `high`; `raw` unadjusted; `shrunk` m_c drawn towards all
    clauses; `excess` is `shrunk` over the median of the others; `z` the distance of m_c from that median in standard errors,
    `p` its one-sided chance; `flagged` by Benjamini-Hochberg. `due_to_people` and `due_to_clause` add up to `raw` minus the
    mean of all clauses. `z_without` is the lowest z when any one annotator is left out; `annotators` are those (codes)
    without whom z falls below 1.64, or more than half of the excess is gone.

    Verdicts: `ambiguous` flagged whoever is left out, and the excess is at least 0.05; `slight` the same with a smaller excess;
    `annotator` flagged, but not without some one annotator, or not flagged while some annotator's pairs stand out under it;
    `clear` neither; `too_few` not judged.
    """

    clause: int
    n_items: int
    n_answers: int
    n_annotators: int
    verdict: Verdict = "too_few"
    disagreement: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    raw: float | None = None
    shrunk: float | None = None
    excess: float | None = None
    z: float | None = None
    p: float | None = None
    flagged: bool = False
    due_to_people: float | None = None
    due_to_clause: float | None = None
    z_without: float | None = None
    annotators: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Reading:
    """All clauses, in the order of their codes, with the fit they come from; `between` is the standard deviation of clauses."""

    clauses: list[Clause]
    effects: Effects
    between: float


def judge(
    pairs: Pairs,
    members: Members,
    *,
    n_clauses: int,
    n_annotators: int,
    minimum: Minimum | None = None,
    clusters: Codes | None = None,
) -> Reading:
    """Fit, test and explain every clause.

    `clusters: (n_items,)` codes of templates or documents: items of one cluster are then one unit of the standard error.
    Undefined without a pair of answers: every verdict is too_few. Source: analytics, section 10; Benjamini and Hochberg 1995;
    DerSimonian and Laird 1986; moderated variance after Smyth 2004.
    """
    minimum = minimum or Minimum()
    effects = clauses.fit(pairs, members, n_clauses=n_clauses, n_annotators=n_annotators)
    by_item = clauses.ItemSums.of(pairs, effects)
    by_one = ByAnnotator.of(pairs, members, by_item)
    seen = [by_one.under(c) for c in range(n_clauses)]
    units = members if clusters is None else _clustered(members, by_item.weight, clusters, n_clauses)
    mean, weight = by_item.units(clusters)
    error, _df = clauses.spread(mean, weight, units, effects.clause)
    sizes = _Sizes.of(pairs, members, seen, n_clauses)
    shown = (sizes.n_items >= max(minimum.shown_items, 1)) & np.isfinite(effects.clause) & np.isfinite(error)
    wanted = np.array([minimum.judged(float(per)) for per in sizes.per_item])
    judged = shown & (sizes.n_items >= wanted) & (sizes.n_annotators >= minimum.annotators)
    middle = _median_of_others(effects.clause, shown)
    z = _over(effects.clause - middle, error)
    p = upper_tail(z)
    flagged = benjamini_hochberg(p, judged & np.isfinite(p), share=FALSE_DISCOVERIES)
    shrunk, between = shrink(effects.clause, error, shown)
    excess = shrunk - middle
    mean_clause = float(np.average(effects.clause[shown], weights=sizes.held[shown])) if shown.any() else 0.0
    mean_raw = float(np.average(effects.raw[shown], weights=sizes.held[shown])) if shown.any() else 0.0
    found = []
    for c in range(n_clauses):
        one = Clause(c, int(sizes.n_items[c]), int(sizes.n_answers[c]), int(sizes.n_annotators[c]))
        if not shown[c]:
            found.append(
                replace(
                    one,
                    reason=_("too few items to say (%(n_items)s of %(shown_items)s)")
                    % {"n_items": one.n_items, "shown_items": minimum.shown_items},
                )
            )
            continue
        m, half = float(effects.clause[c]), _Z95 * float(error[c])
        due = m - mean_clause
        one = replace(
            one,
            disagreement=m,
            standard_error=float(error[c]),
            low=min(max(m - half, 0.0), 1.0),
            high=min(max(m + half, 0.0), 1.0),
            raw=float(effects.raw[c]),
            shrunk=float(shrunk[c]),
            excess=_or_none(excess[c]),
            z=_or_none(z[c]),
            p=_or_none(p[c]),
            flagged=bool(flagged[c]),
            due_to_people=float(effects.raw[c]) - mean_raw - due,
            due_to_clause=due,
        )
        if not judged[c]:
            found.append(replace(one, reason=_too_few(one, int(wanted[c]), minimum)))
        else:
            found.append(one)
    misread = _misreadings(seen, judged)
    found = [
        _verdict(one, seen[c], misread[c], float(middle[c]), minimum.least_excess) if judged[c] else one
        for c, one in enumerate(found)
    ]
    return Reading(found, effects, between)


def _verdict(one: Clause, seen: Seen, misread: NDArray[np.bool_], middle: float, least: float) -> Clause:
    z = seen.z_over(middle)
    if not one.flagged or len(seen.who) == 0:
        guilty = seen.named(misread)
        return replace(one, verdict="annotator" if guilty else "clear", annotators=guilty)
    whole = (one.disagreement or 0.0) - middle
    lost = 1 - np.where(np.isfinite(seen.without), seen.without - middle, 0.0) / whole
    guilty = seen.named((z < LEAST_Z) | (lost > MOST_OF_ONE))
    large = (one.excess or 0.0) >= least
    verdict: Verdict = "annotator" if guilty else "ambiguous" if large else "slight"
    return replace(one, verdict=verdict, z_without=float(z.min()), annotators=guilty)


def _misreadings(seen: list[Seen], judged: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Whose pairs stand out under a clause, by clause: Benjamini-Hochberg over every annotator under every judged clause."""
    z = np.concatenate([one.z for one in seen]) if seen else np.zeros(0)
    tested = (
        np.concatenate([one.enough & judged[c] for c, one in enumerate(seen)]) if seen else z.astype(bool)
    )
    excess = np.concatenate([one.excess for one in seen]) if seen else z
    p = upper_tail(z)
    found = benjamini_hochberg(p, tested & np.isfinite(p), share=FALSE_MISREADINGS) & (
        excess >= LEAST_MISREAD
    )
    ends = np.cumsum([len(one.who) for one in seen])
    return np.split(found, ends[:-1]) if seen else []


def _too_few(one: Clause, wanted: int, minimum: Minimum) -> str:
    if one.n_annotators < minimum.annotators:
        return _("too few annotators to judge by (%(n_annotators)s of %(annotators)s)") % {
            "n_annotators": one.n_annotators,
            "annotators": minimum.annotators,
        }
    return _("too few items to judge by (%(n_items)s of %(wanted)s)") % {
        "n_items": one.n_items,
        "wanted": wanted,
    }


def benjamini_hochberg(p: Floats, tested: NDArray[np.bool_], *, share: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected so that at most *share* of them are expected to be true ones. Source: Benjamini and Hochberg
    1995. `p: (n,)`; those not `tested` neither count nor are rejected.

    >>> benjamini_hochberg(np.array([0.01, 0.02, 0.2, 0.9]), np.ones(4, dtype=bool), share=0.1).tolist()
    [True, True, False, False]
    """
    rejected = np.zeros(len(p), dtype=bool)
    places = np.flatnonzero(tested)
    order = places[np.argsort(p[places], kind="stable")]
    passed = np.flatnonzero(p[order] <= share * np.arange(1, len(order) + 1) / max(len(order), 1))
    if len(passed):
        rejected[order[: passed[-1] + 1]] = True
    return rejected


def shrink(effect: Floats, error: Floats, used: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Every effect drawn towards all of them by how unsure it is, and the standard deviation between them.

    `mu + (m - mu) tau^2 / (tau^2 + SE^2)` with the moment estimate of tau^2. NaN where not `used`. Source: DerSimonian and
    Laird 1986.
    """
    shrunk = np.full(len(effect), np.nan)
    m, variance = effect[used], np.maximum(error[used] ** 2, 1e-18)
    if len(m) == 0:
        return shrunk, 0.0
    w = 1 / variance
    fixed = float((w * m).sum() / w.sum())
    q = float((w * (m - fixed) ** 2).sum())
    scale = float(w.sum() - (w**2).sum() / w.sum())
    tau2 = max(0.0, (q - (len(m) - 1)) / scale) if scale > 0 else 0.0
    w = 1 / (tau2 + variance)
    mu = float((w * m).sum() / w.sum())
    shrunk[used] = mu + (m - mu) * tau2 / (tau2 + variance)
    return shrunk, float(np.sqrt(tau2))


def _median_of_others(effect: Floats, shown: NDArray[np.bool_]) -> Floats:
    """`(n,)`: the median effect of the other clauses that are shown; NaN where there is none."""
    found = np.full(len(effect), np.nan)
    places = np.flatnonzero(shown)
    for c in range(len(effect)):
        others = effect[places[places != c]]
        if len(others):
            found[c] = np.median(others)
    return found


@dataclass(frozen=True)
class _Sizes:
    """What every clause rests on; `held` is the weight of its pairs."""

    n_items: Codes
    n_answers: Codes
    n_annotators: Codes
    held: Floats

    @property
    def per_item(self) -> Floats:
        return np.asarray(self.n_answers / np.maximum(self.n_items, 1))

    @classmethod
    def of(cls, pairs: Pairs, members: Members, seen: list[Seen], n_clauses: int) -> _Sizes:
        usable = (pairs.n_answers[members.item] >= 2) & (members.share > 0)
        clause, answers = members.clause[usable], pairs.n_answers[members.item[usable]]
        return cls(
            np.bincount(clause, minlength=n_clauses),
            sums(clause, answers, n_clauses).astype(np.int64),
            np.array([len(one.who) for one in seen], dtype=np.int64),
            sums(clause, members.share[usable] * answers / 2, n_clauses),
        )


def _clustered(members: Members, weight: Floats, clusters: Codes, n_clauses: int) -> Members:
    """Membership of clusters: the mean share of their items."""
    cell = clusters[members.item] * n_clauses + members.clause
    rows, inverse = np.unique(cell, return_inverse=True)
    held = sums(inverse, members.share * weight[members.item])
    whole = sums(clusters, weight)[rows // n_clauses]
    share = np.divide(held, whole, out=np.zeros(len(rows)), where=whole > 0)
    return Members(rows // n_clauses, rows % n_clauses, share)


def upper_tail(z: Floats) -> Floats:
    """The one-sided chance of a normal value above z; NaN stays NaN."""
    return np.array([0.5 * erfc(value / sqrt(2)) if np.isfinite(value) else np.nan for value in z])


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def _or_none(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
