"""Agreement from sums that an answer changes by a little: what an item adds, and what all of it says. Pure.

Every sum is a whole number and additive over items, so that adding and taking away in any order ends at exactly what a recount
finds. What is no whole number (how far two answers are apart) counts in millionths.

Names of sums: `n` answers, `m` items. Where values are few, `v:<pattern>` items with that pattern of values, `k:<code>:<key>` the
value behind a code of patterns: alpha and all its companions follow from the patterns. Elsewhere `p`, `w`, `pp`, `wp`, `ww`:
pairs of an item, how near they are together, and their products. By clause and number of answers r, `c:<clause>:<r>:<what>`: `m`
items under it, `h` citations (all r where the clause is known of the item), `hh` their squares, `hd` times how far its pairs
are apart together, `hdd` times its square.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np

from annotation.agreement import scales
from annotation.agreement.estimate import NO_PAIRS, Estimate
from specs.wording import _

UNIT = 1_000_000
MOST_PATTERNS = 20_000
_Z95 = 1.959964
Sums = Counter[str]
Near = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Said:
    """One answer to an item: whose, its value with the text that equal values share, and the clauses that it cites."""

    annotator: int
    key: str
    value: Any
    clauses: tuple[int, ...] = ()


def contribution(
    said: Sequence[Said], governed: Iterable[int], *, apart: Near | None, by_pattern: bool
) -> Sums:
    """What an item with these answers, in the order they were given, adds to the sums of its question.

    `governed` are clauses known of the item. `apart` in [0, 1] says how far two values are apart; without one they differ or
    not. `by_pattern`: values are few, and their patterns are kept; else how near pairs are.
    """
    if not said:
        return Counter()
    found: Sums = Counter(n=len(said), m=1)
    if by_pattern:
        found.update(_pattern(said))
    first = list({one.annotator: one for one in reversed(said)}.values())[::-1]
    far = _far(first, apart)
    if not by_pattern:
        found.update(_nearness(first, far))
    found.update(_clauses(said, first, far, set(governed)))
    return found


def _pattern(said: Sequence[Said]) -> Sums:
    values = Counter(one.key for one in said)
    codes = {key: code(key) for key in values}
    pattern = ",".join(f"{mark}={n}" for mark, n in sorted((codes[key], n) for key, n in values.items()))
    return Counter({f"v:{pattern}": 1, **{f"k:{codes[key]}:{key}": n for key, n in values.items()}})


def code(key: str) -> str:
    """A short name for a value in patterns, the same everywhere."""
    return blake2b(key.encode(), digest_size=6).hexdigest()


def _far(said: Sequence[Said], apart: Near | None) -> int:
    """How far all pairs are apart, in millionths."""
    total = 0
    for one, other in combinations(said, 2):
        if one.key != other.key:
            total += UNIT if apart is None else round(UNIT * apart(one.value, other.value))
    return total


def _nearness(said: Sequence[Said], far: int) -> Sums:
    pairs = len(said) * (len(said) - 1) // 2
    if not pairs:
        return Counter()
    near = pairs * UNIT - far
    return Counter(q=1, p=pairs, w=near, pp=pairs**2, wp=near * pairs, ww=near**2)


def _clauses(said: Sequence[Said], first: Sequence[Said], far: int, governed: set[int]) -> Sums:
    r = len(first)
    if r < 2:
        return Counter()
    held = Counter(clause for one in first for clause in set(one.clauses))
    held.update({clause: r - held[clause] for clause in governed})
    found: Sums = Counter()
    for clause, h in held.items():
        of = f"c:{clause}:{r}:"
        found.update(
            {f"{of}m": 1, f"{of}h": h, f"{of}hh": h * h, f"{of}hd": h * far, f"{of}hdd": h * far * far}
        )
    return found


@dataclass(frozen=True)
class LiveClause:
    """The rate of pairs that differ under a clause, as it stands: unadjusted, so it says nothing of whose fault it is."""

    clause: int
    estimate: Estimate


@dataclass(frozen=True)
class Live:
    """Agreement from sums. `coefficients` as `levels.measure` names them, or `nearness` alone; `labels` counts answers by key."""

    n_answers: int
    n_items: int
    headline: str
    coefficients: dict[str, Estimate]
    labels: dict[str, int]
    clauses: list[LiveClause]

    @property
    def value(self) -> Estimate:
        return self.coefficients[self.headline]


def read(
    sums: Mapping[str, int],
    *,
    level: str,
    order: Sequence[str] = (),
    n_resamples: int = 300,
) -> Live:
    """What the sums say. `level` nominal or ordinal reads patterns, every other one nearness; `order` are the keys of an
    ordinal scale, from its low end on. Where patterns are more than 20,000, intervals are left out."""
    n_answers, n_items = int(sums.get("n", 0)), int(sums.get("m", 0))
    labels = {
        key: int(n) for name, n in sums.items() if name.startswith("k:") for _, _, key in [name.split(":", 2)]
    }
    if level in ("nominal", "ordinal"):
        rows, multiplicity = _table(sums, [*order, *sorted(set(labels) - set(order))])
        found = scales.of_rows(
            rows,
            multiplicity,
            level="ordinal" if level == "ordinal" else "nominal",
            n_resamples=n_resamples if len(rows) <= MOST_PATTERNS else 0,
        )
        headline = "alpha"
    else:
        found, headline = {"nearness": _mean_nearness(sums, n_answers)}, "nearness"
    return Live(n_answers, n_items, headline, found, labels, _of_clauses(sums))


def _table(sums: Mapping[str, int], keys: Sequence[str]) -> tuple[Any, Any]:
    places = {code(key): k for k, key in enumerate(keys)}
    patterns = [(name[2:], n) for name, n in sums.items() if name.startswith("v:") and n]
    rows = np.zeros((len(patterns), max(len(keys), 1)), dtype=np.int64)
    for row, (pattern, _n) in enumerate(patterns):
        for part in pattern.split(","):
            mark, n = part.split("=")
            rows[row, places[mark]] = int(n)
    return rows, np.array([int(n) for _, n in patterns], dtype=np.int64)


def _mean_nearness(sums: Mapping[str, int], n_answers: int) -> Estimate:
    """The mean nearness of pairs, with the interval of a ratio of two sums over items. Source: Cochran 1977, section 6.3."""
    n_items, pairs = int(sums.get("q", 0)), int(sums.get("p", 0))
    if not pairs:
        return Estimate(None, n_answers=n_answers, reason=NO_PAIRS)
    near = int(sums["w"]) / UNIT
    ratio = near / pairs
    if n_items < 2:
        return Estimate(ratio, n_items=n_items, n_answers=n_answers)
    squares = int(sums["ww"]) / UNIT**2 - 2 * ratio * int(sums["wp"]) / UNIT + ratio**2 * int(sums["pp"])
    half = _Z95 * sqrt(max(squares, 0.0) * n_items / (n_items - 1)) / pairs
    return Estimate(ratio, max(ratio - half, 0.0), min(ratio + half, 1.0), n_items, n_answers)


def _of_clauses(sums: Mapping[str, int]) -> list[LiveClause]:
    """The share of differing pairs under every clause, an item weighing as many answers as it has times its share in the clause.

    The interval takes items as units, as `clauses.spread` does, without moderation; it stands from ten items on.
    """
    by_clause: dict[int, dict[int, dict[str, int]]] = {}
    for name, n in sums.items():
        if name.startswith("c:") and n:
            _kind, clause, r, what = name.split(":")
            by_clause.setdefault(int(clause), {}).setdefault(int(r), {})[what] = int(n)
    return [
        LiveClause(clause, _of_clause(by_clause[clause]))
        for clause in sorted(by_clause)
        if any(part.get("h") for part in by_clause[clause].values())
    ]


def _of_clause(parts: Mapping[int, Mapping[str, int]]) -> Estimate:
    apart = sum(part.get("hd", 0) / UNIT / (r * (r - 1)) for r, part in parts.items())
    weight = sum(part.get("h", 0) / 2 for part in parts.values())
    n_items = sum(part.get("m", 0) for part in parts.values())
    rate = apart / weight
    held = sum(part.get("h", 0) / r for r, part in parts.items())
    squares = sum(part.get("hh", 0) / r**2 for r, part in parts.items())
    # x is the rate of an item, its pairs apart over all its pairs
    first = sum(part.get("hd", 0) / UNIT / (r * r * (r - 1) / 2) for r, part in parts.items())
    second = sum(part.get("hdd", 0) / UNIT**2 / (r * (r * (r - 1) / 2) ** 2) for r, part in parts.items())
    effective = held**2 / squares
    if n_items < 10 or effective <= 1:
        return Estimate(
            rate,
            n_items=n_items,
            reason=_("too few items for an interval (%(n_items)s of 10)") % {"n_items": n_items},
        )
    variance = max(second / held - (first / held) ** 2, 0.0) * effective / (effective - 1)
    half = _Z95 * sqrt(variance / effective)
    return Estimate(rate, max(rate - half, 0.0), min(rate + half, 1.0), n_items)
