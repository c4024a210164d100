"""Whether somebody's error rate has risen: Bernoulli CUSUM, or EWMA, against a baseline of her own. Pure.

Source: Page 1954; Reynolds and Stoumbos 1999 for the Bernoulli form. The defaults and their false-alarm lengths were found by
simulation: with an odds ratio of 2.5 and a baseline of 0.1, h = 3 runs about 537 answers in control, h = 4 about 1,583.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, sqrt

ODDS_RATIO = 2.5
LOWEST_BASELINE = 0.02
GOLD, CONSENSUS = (40, 3.0), (250, 7.0)
"""For each stream: how many answers make the baseline, and the alarm's threshold h."""


EWMA_WEIGHT, EWMA_WIDTH = 0.05, 3.2
"""Weight of the newest answer, and width of the band: about 1,000 answers between false alarms with a baseline of 0.1, more above
it and fewer below (simulated)."""


@dataclass(frozen=True)
class Chart:
    """A CUSUM after its baseline: `baseline` p0, `raised` p1, `path` one value of S per answer, `alarms` their places.

    S starts again after an alarm and wherever a stretch begins. `baseline` is None while there are too few answers.
    """

    n: int
    n_baseline: int
    threshold: float
    baseline: float | None = None
    raised: float | None = None
    path: tuple[float, ...] = ()
    alarms: tuple[int, ...] = ()


def baseline(n_errors: int, n: int) -> float:
    """The 80 % quantile of Beta(1 + errors, 9 + correct), at least 0.02.

    The plain mean doubles or triples false alarms, because a baseline that was underestimated looks like drift.

    >>> round(baseline(4, 40), 3)
    0.133
    """
    return max(LOWEST_BASELINE, beta_quantile(0.8, 1 + n_errors, 9 + n - n_errors))


def chart(errors: Sequence[bool], *, n_baseline: int, threshold: float, starts: Sequence[int] = ()) -> Chart:
    """The CUSUM of `errors`, oldest first (True is an error). `starts` are places where a stretch begins (a new version)."""
    n = len(errors)
    if n < n_baseline:
        return Chart(n, n_baseline, threshold)
    p0 = baseline(sum(errors[:n_baseline]), n_baseline)
    odds = ODDS_RATIO * p0 / (1 - p0)
    p1 = odds / (1 + odds)
    up, down = log(p1 / p0), log((1 - p1) / (1 - p0))
    path, alarms, total, begun = [], [], 0.0, set(starts)
    for place, wrong in enumerate(errors[n_baseline:], start=n_baseline):
        if place in begun:
            total = 0.0
        total = max(0.0, total + (up if wrong else down))
        path.append(total)
        if total > threshold:
            alarms.append(place)
            total = 0.0
    return Chart(n, n_baseline, threshold, p0, p1, tuple(path), tuple(alarms))


def ewma(
    errors: Sequence[bool], *, n_baseline: int, width: float = EWMA_WIDTH, starts: Sequence[int] = ()
) -> Chart:
    """The moving average of errors after the baseline, with exponentially falling weights; alarms where it leaves its band.

    `z = L x + (1 - L) z` with L = 0.05, alarm when `z > p0 + width sqrt(p0 (1 - p0) L / (2 - L) (1 - (1 - L)^(2 t)))`. z
    starts again at p0 after an alarm and wherever a stretch begins. `threshold` of the chart is the width, `raised` where the
    band ends. As fast as the CUSUM, and easier to read as a rate. Source: Roberts 1959; Lucas and Saccucci 1990.
    """
    n = len(errors)
    if n < n_baseline:
        return Chart(n, n_baseline, width)
    p0 = baseline(sum(errors[:n_baseline]), n_baseline)
    final = width * sqrt(p0 * (1 - p0) * EWMA_WEIGHT / (2 - EWMA_WEIGHT))
    path, alarms, z, t, begun = [], [], p0, 0, set(starts)
    for place, wrong in enumerate(errors[n_baseline:], start=n_baseline):
        if place in begun:
            z, t = p0, 0
        t += 1
        z = EWMA_WEIGHT * wrong + (1 - EWMA_WEIGHT) * z
        path.append(z)
        if z > p0 + final * sqrt(1 - (1 - EWMA_WEIGHT) ** (2 * t)):
            alarms.append(place)
            z, t = p0, 0
    return Chart(n, n_baseline, width, p0, p0 + final, tuple(path), tuple(alarms))


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x below which `share` of Beta(a, b) lies, by bisection; a, b >= 1.

    >>> round(beta_quantile(0.5, 2, 2), 6)
    0.5
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function. Source: Numerical Recipes, 6.4: Lentz's continued fraction."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        found *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        step = d * c
        found *= step
        if abs(step - 1) < 1e-12:
            break
    return found


def _away(number: float) -> float:
    """Not zero: what Lentz's method divides by."""
    return number if abs(number) > 1e-30 else 1e-30
