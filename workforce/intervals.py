"""The interval of a share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`right` of `n`, with its 95 % interval; `value` is None without any, and `enough` says whether a verdict may rest on it."""

    right: int
    n: int
    value: float | None
    low: float
    high: float
    enough: bool

    def as_dict(self) -> dict[str, float | int | bool | None]:
        return {
            "right": self.right,
            "n": self.n,
            "value": None if self.value is None else round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "enough": self.enough,
        }


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share, (0, 1) for n = 0.

    Source: Wilson (1927), Probable inference, eq. 3. 18 of 20 gives 0.699 to 0.972, 90 of 100 gives 0.826 to 0.945.
    """
    if n == 0:
        return 0.0, 1.0
    p = right / n
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(right: int, n: int, *, enough_from: int = 1) -> Share:
    """A share with its interval; fewer than *enough_from* are too few to say."""
    low, high = wilson(right, n)
    return Share(right, n, right / n if n else None, low, high, n >= enough_from)
