"""One annotator beside the others: leave-one-out agreement, its shrinkage, and shares with their interval. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import sqrt

PSEUDO_ANSWERS = 10.0
"""How many answers of average agreement everybody starts with: the strength of the shrinkage."""


def agrees(own: Hashable, others: Sequence[Hashable]) -> bool | None:
    """Whether an answer is the unique plurality of at least two *other* answers; None where they have none.

    With the own answer among them, three answers would be decided by it in every close case.

    >>> agrees("yes", ["yes", "yes", "no"]), agrees("no", ["yes", "yes"]), agrees("no", ["yes", "no"])
    (True, False, None)
    """
    if len(others) < 2:
        return None
    (top, n_top), *rest = Counter(others).most_common(2)
    if rest and rest[0][1] == n_top:
        return None
    return own == top


def shrunk(n_right: int, n: int, pooled: float, strength: float = PSEUDO_ANSWERS) -> float:
    """A share drawn towards the pooled one: `(n_right + strength * pooled) / (n + strength)`.

    >>> shrunk(9, 10, 0.7)
    0.8
    """
    return (n_right + strength * pooled) / (n + strength)


def wilson(n_right: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share; an effective n need not be whole. Source: Wilson 1927; at 45 of 50, (0.786, 0.957).
    (0, 1) for n = 0.

    >>> tuple(round(bound, 2) for bound in wilson(90, 100))
    (0.83, 0.94)
    """
    if n == 0:
        return 0.0, 1.0
    share = n_right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
