"""What seeing a prediction does to answers: one share against another, with answers that belong to the same item. Pure.

Answers on one item are alike, whoever gives them, so the interval counts items, not answers: it is the cluster-robust one of
the regression of "agrees" on "was shown". It needs only sums over items, which a database can make.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from specs.wording import _

_Z = 1.959963984540054


@dataclass(frozen=True)
class Sums:
    """Sums over items; `n1` answers of an item in the shown arm, `k1` of them right, `n0` and `k0` in the hidden one.

    `n1_k1` is the sum over items of their product, and so on.
    """

    n_items: int
    n1: int
    k1: int
    n0: int
    k0: int
    n1_n1: int
    n1_k1: int
    k1_k1: int
    n0_n0: int
    n0_k0: int
    k0_k0: int
    n1_n0: int
    n1_k0: int
    k1_n0: int
    k1_k0: int

    @classmethod
    def of(cls, items: list[tuple[int, int, int, int]]) -> Sums:
        """The sums of items given as `(n1, k1, n0, k0)`."""
        pairs = ((0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 3), (0, 2), (0, 3), (1, 2), (1, 3))
        single = [sum(item[place] for item in items) for place in range(4)]
        return cls(len(items), *single, *(sum(item[a] * item[b] for item in items) for a, b in pairs))


@dataclass(frozen=True)
class Difference:
    """Two shares and the first minus the second with its 95 % interval; None where nothing can be said, and `reason` why."""

    shown: float | None
    hidden: float | None
    n_shown: int
    n_hidden: int
    n_items: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    def as_dict(self, *, digits: int = 6) -> dict[str, float | int | str | None]:
        def rounded(number: float | None) -> float | None:
            return None if number is None else round(number, digits)

        return {
            "shown": rounded(self.shown),
            "hidden": rounded(self.hidden),
            "n_shown": self.n_shown,
            "n_hidden": self.n_hidden,
            "n_items": self.n_items,
            "difference": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "reason": self.reason,
        }


def difference(sums: Sums, *, minimum: int) -> Difference:
    """The share of right answers in the shown arm minus that in the hidden one.

    Below *minimum* answers in an arm there is no difference, only the reason. Where all answers of both arms go one way the
    robust variance is 0 and says nothing; then the interval is Newcombe's, as if answers were independent.

    Source: Liang and Zeger 1986, eq. 7, with the usual correction G/(G-1) * (N-1)/(N-2); Newcombe 1998, method 10.
    Two items with (2 of 2 shown, 1 of 2 hidden) and (1 of 2, 0 of 2): 0.5, from 0.5 to 0.5, for both items differ alike.
    """
    n1, n0, n_items = sums.n1, sums.n0, sums.n_items
    p1 = sums.k1 / n1 if n1 else None
    p0 = sums.k0 / n0 if n0 else None
    if p1 is None or p0 is None or n1 < minimum or n0 < minimum or n_items < 2:
        return Difference(
            p1,
            p0,
            n1,
            n0,
            n_items,
            reason=_("too few: %(minimum)s answers in each arm are needed to compare them")
            % {"minimum": minimum},
        )
    a1_a1 = sums.k1_k1 - 2 * p1 * sums.n1_k1 + p1 * p1 * sums.n1_n1
    a0_a0 = sums.k0_k0 - 2 * p0 * sums.n0_k0 + p0 * p0 * sums.n0_n0
    a1_a0 = sums.k1_k0 - p0 * sums.k1_n0 - p1 * sums.n1_k0 + p1 * p0 * sums.n1_n0
    total = n1 + n0
    correction = n_items / (n_items - 1) * (total - 1) / (total - 2)
    variance = correction * (a1_a1 / n1**2 - 2 * a1_a0 / (n1 * n0) + a0_a0 / n0**2)
    value = p1 - p0
    if p1 in (0.0, 1.0) and p0 in (0.0, 1.0):
        low, high = _newcombe(sums.k1, n1, sums.k0, n0)
    else:
        half = _Z * sqrt(max(variance, 0.0))
        low, high = max(-1.0, value - half), min(1.0, value + half)
    return Difference(p1, p0, n1, n0, n_items, value, low, high)


def _newcombe(k1: int, n1: int, k0: int, n0: int) -> tuple[float, float]:
    p1, p0 = k1 / n1, k0 / n0
    (low1, high1), (low0, high0) = _wilson(p1, n1), _wilson(p0, n0)
    return (
        p1 - p0 - sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2),
        p1 - p0 + sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2),
    )


def _wilson(p: float, n: int) -> tuple[float, float]:
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
