"""How many answers a task will need, from how much answers under its clauses differ and how fresh their wording is. Pure.

The chain is: expected disagreement of a pair of answers -> accuracy of one annotator that would cause it -> the smallest number
of answers whose majority is right as often as wanted.
"""

from __future__ import annotations

from math import comb, sqrt

FORMULA = "expected-disagreement/1"
UNKNOWN = 0.25
"""Disagreement expected under a wording that nobody has worked with yet."""
STRENGTH = 30.0
"""Items that what is expected beforehand counts for against what is seen under the wording itself."""
SETTLES_AFTER = 30.0
"""Days after which a wording that nobody measured counts as no fresher than the rest of its spec."""


def disagreement(*, seen: float | None, n_items: int, overall: float | None, age_days: float) -> float:
    """The share of pairs of answers expected to differ under one wording of a clause, in [0, 1].

    `seen` on `n_items` items under this very wording, None for none; `overall` is the spec's, None when unmeasured. Beforehand
    the overall share is expected, raised towards `UNKNOWN` while the wording is younger than 30 days; 30 items of evidence
    count as much as that.

    >>> round(disagreement(seen=None, n_items=0, overall=0.05, age_days=0), 3)
    0.25
    >>> round(disagreement(seen=0.02, n_items=300, overall=0.05, age_days=60), 3)
    0.023
    """
    base = UNKNOWN if overall is None else overall
    youth = max(0.0, 1 - max(0.0, age_days) / SETTLES_AFTER)
    before = base + max(0.0, UNKNOWN - base) * youth
    if seen is None or n_items <= 0:
        return before
    return (seen * n_items + before * STRENGTH) / (n_items + STRENGTH)


def accuracy(disagreement: float) -> float:
    """How often one annotator is right when two of the same skill differ on this share of items of two values.

    From `d = 2 q (1 - q)`; 0.5 where they differ on half of them or more.

    >>> accuracy(0.32)
    0.8
    """
    return (1 + sqrt(max(0.0, 1 - 2 * disagreement))) / 2


def majority_right(n: int, accuracy: float) -> float:
    """How often the majority of `n` answers is right, a tie counting half.

    >>> round(majority_right(3, 0.8), 3)
    0.896
    """
    chance = 0.0
    for right in range(n + 1):
        weight = 1.0 if 2 * right > n else 0.5 if 2 * right == n else 0.0
        chance += weight * comb(n, right) * accuracy**right * (1 - accuracy) ** (n - right)
    return chance


def wanted(disagreement: float, *, target: float, minimum: int, maximum: int) -> int:
    """The smallest number of answers in [minimum, maximum] whose majority is right as often as `target`; else the maximum.

    >>> [wanted(d, target=0.95, minimum=1, maximum=5) for d in (0.02, 0.2, 0.25, 0.5)]
    [1, 3, 5, 5]
    """
    q = accuracy(disagreement)
    for n in range(minimum, maximum):
        if majority_right(n, q) >= target:
            return n
    return maximum
