"""How many labels of a finite set a change can have flipped without anybody having seen it, from a blind sample that may stop
whenever it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

ERROR = 0.05
"""The chance that the bounds are wrong at any time while the sample grows, however often they are looked at."""
_EXPECTED = (1.0, 19.0)
"""What the bounds are narrow for, as a beta distribution: few flips, one in twenty. They hold whatever the truth is."""


@dataclass(frozen=True)
class Bounds:
    """Flips in the whole set of `n_all`, those `n_flipped` that the sample of `n_seen` found among them: `low` to `high`."""

    n_all: int
    n_seen: int
    n_flipped: int
    low: int
    high: int

    @property
    def n_left(self) -> int:
        return self.n_all - self.n_seen

    @property
    def missed_at_most(self) -> int:
        """Flips among those that nobody looked at, at most."""
        return self.high - self.n_flipped

    @property
    def missed_share(self) -> float:
        """The same as a share of the whole set, in [0, 1]."""
        return self.missed_at_most / self.n_all if self.n_all else 0.0

    @property
    def least_share(self) -> float:
        """Flips that are there for certain and were not looked at, as a share of the whole set."""
        return (self.low - self.n_flipped) / self.n_all if self.n_all else 0.0


def bounds(n_all: int, n_seen: int, n_flipped: int, *, error: float = ERROR) -> Bounds:
    """Bounds on the flips among *n_all* labels after *n_seen* of them, drawn at random without putting back, showed *n_flipped*.

    Valid at all sample sizes at once with probability 1 - *error*: a number of flips is ruled out when its prior probability is
    `1 / error` times its posterior one or more. Source: Waudby-Smith and Ramdas 2020, Confidence sequences for sampling
    without replacement, theorem 3.1 (prior-posterior ratio; beta-binomial prior, hypergeometric likelihood).

    >>> bounds(400, 60, 0).high, bounds(400, 400, 3).high, bounds(400, 0, 0).high
    (26, 3, 400)
    """
    if not 0 <= n_flipped <= n_seen <= n_all:
        raise ValueError("of all labels some are seen, and of those some are flipped")
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n_all + 1)))])
    flips = np.arange(n_flipped, n_all - n_seen + n_flipped + 1)
    ratio = _marginal(n_seen, n_flipped) - _likelihood(factorials, n_all, n_seen, n_flipped, flips)
    kept = flips[ratio < -log(error)]
    return Bounds(n_all, n_seen, n_flipped, int(kept.min()), int(kept.max()))


def fewest(n_all: int, share: float, *, error: float = ERROR) -> int:
    """How many have to be seen, none of them flipped, before at most *share* of all can have been missed."""
    low, high = 0, n_all
    while low < high:
        middle = (low + high) // 2
        if bounds(n_all, middle, 0, error=error).missed_share <= share:
            high = middle
        else:
            low = middle + 1
    return low


def _marginal(n: int, k: int) -> float:
    """The logarithm of the beta-binomial probability of k flips in n."""
    a, b = _EXPECTED
    return _choose(n, k) + _beta(k + a, n - k + b) - _beta(a, b)


def _likelihood(
    factorials: NDArray[np.float64], n_all: int, n: int, k: int, flips: NDArray[np.int64]
) -> NDArray[np.float64]:
    """`(len(flips),)`: the logarithm of the hypergeometric probability of k flips in n under each number of flips."""

    def choose(of: NDArray[np.int64] | int, some: NDArray[np.int64] | int) -> NDArray[np.float64]:
        return np.asarray(factorials[of] - factorials[some] - factorials[np.subtract(of, some)])

    return np.asarray(choose(flips, k) + choose(n_all - flips, n - k) - choose(n_all, n))


def _choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
