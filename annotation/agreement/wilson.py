"""The interval of a share, from how often something happened in how many trials."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054


def interval(hits: float, n: float, *, z: float = Z95) -> tuple[float, float] | None:
    """The Wilson score interval of `hits / n`, in [0, 1]; None without a trial.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference. It keeps its coverage for small
    n and for shares near 0 and 1, where the textbook interval leaves [0, 1] or shrinks to a point.

    >>> tuple(round(bound, 2) for bound in interval(18, 20))
    (0.7, 0.97)
    """
    if n <= 0:
        return None
    share = hits / n
    middle = share + z * z / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
