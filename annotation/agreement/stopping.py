"""When a task has enough answers: the rule of dynamic overlap, its target, and how sure its answers really are.

The replay of old labels and the settling of live tasks call the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.dawid_skene import Floats
from workforce import intervals

RULE = "shrunken-dawid-skene/1"
"""Name and version of the rule; it stands with every stop. Changing what a posterior or a verdict is makes a new one."""
WEIGHING_RULE = "shrunken-dawid-skene-gain/1"
"""The same, which also gives up where one more answer would not be worth what it costs."""
TAUS = (0.80, 0.90, 0.95, 0.98, 0.99, 0.995)
FIRST_TAU = 0.95
"""Where to stop before there is gold to choose by."""
ENOUGH_KNOWN = 100
"""Items with a known answer from which on a target can be chosen and a confidence be calibrated."""
ENOUGH_LABELS = 20
"""Labels from which on an annotator's skill is believed with the smaller minimum of answers."""
CAUTIOUS_MINIMUM = 3
TOLERANCE = 0.02
"""How far below the wanted accuracy the lower Wilson bound of the accepted items may lie."""
MOST_VALUES = 50
Verdict = Literal["agreed", "more", "disputed"]
_SUREST = 1 - 1e-9
_RIDGE = 1e-2


def verdict(confidence: float, n_answers: int, *, minimum: int, maximum: int, tau: float) -> Verdict:
    """What becomes of a question with `n_answers` answers whose likeliest value has the posterior `confidence`."""
    if n_answers >= minimum and confidence >= tau:
        return "agreed"
    return "more" if n_answers < maximum else "disputed"


def minimum(wanted: int, *, n_known: int, fewest_labels: int) -> int:
    """The smallest number of answers to stop at: 3 while the project has fewer than 100 items with a known answer, or while
    one of the annotators at hand has fewer than 20 labels.
    """
    unproven = n_known < ENOUGH_KNOWN or fewest_labels < ENOUGH_LABELS
    return max(wanted, CAUTIOUS_MINIMUM) if unproven else wanted


def margin(accuracy: float, error: float) -> int | None:
    """The lead of votes at which to stop when all annotators are right equally often: the cheap rule, without a model.

    Wald's sequential test with equal steps: `m = ceil(log((1 - e) / e) / log(q / (1 - q)))`. None where nobody does better
    than chance, so that no lead would be enough. Source: Wald 1945.

    >>> margin(0.8, 0.05)
    3
    """
    if not 0.5 < accuracy < 1:
        return 1 if accuracy >= 1 else None
    return max(1, ceil(log((1 - error) / error) / log(accuracy / (1 - accuracy)) - 1e-12))


def expected_gain(posterior: Floats, matrix: Floats) -> float:
    """By how much one more answer by an annotator with this matrix can be expected to raise the largest posterior.

    `posterior: (n_values,)`, `matrix: (n_values, n_values)`. Never below 0.
    """
    joint = posterior[:, None] * matrix
    return float(max(0.0, joint.max(axis=0).sum() - posterior.max()))


def hopeless(gain: float, error_cost: float) -> bool:
    """Whether one more answer with that expected *gain* is worth less than it costs: `R * gain < 1`.

    `error_cost` is R, what a wrong label costs in units of one answer; 0 where that is not weighed.
    """
    return error_cost > 0 and error_cost * gain < 1


def gains(posterior: Floats, matrix: Floats) -> Floats:
    """`expected_gain` of every item after every label: `posterior: (n_items, n, n_values)`; returns `(n_items, n)`."""
    best = np.zeros(posterior.shape[:2])
    for said in range(matrix.shape[1]):
        best += (posterior * matrix[:, said]).max(axis=2)
    return np.maximum(0.0, best - posterior.max(axis=2))


@dataclass(frozen=True)
class Stops:
    """Where items stopped under one rule. One entry per item: labels used, accepted or not, posterior and value then.

    `short` marks items whose labels ran out before the maximum without being accepted: where they would have ended is unknown.
    """

    n: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    confidence: Floats
    value: NDArray[np.int64]
    short: NDArray[np.bool_]


def stops(
    posterior: Floats,
    n_given: NDArray[np.int64],
    *,
    minimum: int,
    maximum: int,
    tau: float,
    pooled: Floats | None = None,
    error_cost: float = 0.0,
) -> Stops:
    """Apply `verdict` to every item after every label. `posterior: (n_items, n, n_values)`, `n_given: (n_items,)` labels.

    With an *error_cost*, items also end, not accepted, where one more label by an average annotator (*pooled*) is `hopeless`.
    """
    n_items, width, _ = posterior.shape
    sure = posterior.max(axis=2)
    last = np.minimum(n_given, min(maximum, width))
    place = np.arange(1, width + 1)[None, :]
    open_to_it = (place >= minimum) & (place <= last[:, None])
    stop = (sure >= tau) & open_to_it
    given_up = np.zeros_like(stop)
    if error_cost > 0 and pooled is not None:
        given_up = (error_cost * gains(posterior, pooled) < 1) & open_to_it & ~stop
    ended = stop | given_up
    n = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, last)
    accepted = stop[np.arange(n_items), np.maximum(n - 1, 0)] if width else stop.any(axis=1)
    rows = np.arange(n_items)
    at = np.maximum(n - 1, 0)
    return Stops(
        n=n,
        accepted=accepted,
        confidence=sure[rows, at],
        value=posterior[rows, at].argmax(axis=1),
        short=~ended.any(axis=1) & (last < maximum),
    )


@dataclass(frozen=True)
class Calibration:
    """Chance that a value is right, from the posterior it stopped with and the number of labels: a logistic curve.

    `weights`: intercept, weight of logit(max p), weight of log(n). Fitted on `n` items with a known answer.
    """

    weights: tuple[float, float, float]
    n: int

    def of(self, confidence: Floats, n_answers: NDArray[np.int64]) -> Floats:
        logit = np.clip(_features(confidence, n_answers) @ np.array(self.weights), -30, 30)
        return np.asarray(1 / (1 + np.exp(-logit)))


def calibrate(confidence: Floats, n_answers: NDArray[np.int64], right: NDArray[np.bool_]) -> Calibration:
    """Fit by Newton's method with a slight ridge, so that items that are all right (or all wrong) still give a finite curve.

    A step that would make the fit worse is halved: where nearly all are right, full ones run away.
    """
    x, y = _features(confidence, n_answers), right.astype(float)

    def fitness(weights: Floats) -> float:
        logit = x @ weights
        return float((y * logit - np.logaddexp(0, logit)).sum() - _RIDGE / 2 * (weights @ weights))

    weights = np.zeros(3)
    reached = fitness(weights)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (y - p) - _RIDGE * weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(3)
        step = np.linalg.solve(hessian, gradient)
        while (after := fitness(weights + step)) < reached and float(np.abs(step).max()) >= 1e-8:
            step = step / 2
        weights, reached = weights + step, max(after, reached)
        if float(np.abs(step).max()) < 1e-8:
            break
    return Calibration((float(weights[0]), float(weights[1]), float(weights[2])), len(y))


def _features(confidence: Floats, n_answers: NDArray[np.int64]) -> Floats:
    p = np.clip(np.asarray(confidence, dtype=float), 1e-9, _SUREST)
    n = np.log(np.maximum(np.asarray(n_answers, dtype=float), 1))
    return np.stack([np.ones_like(p), np.log(p / (1 - p)), n], axis=-1)


def calibration_error(confidence: Floats, right: NDArray[np.bool_], *, n_bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over ten equal bins, weighted by their items."""
    if len(confidence) == 0:
        return float("nan")
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    n = np.bincount(bins, minlength=n_bins)
    sure = np.bincount(bins, weights=confidence, minlength=n_bins)
    hit = np.bincount(bins, weights=right.astype(float), minlength=n_bins)
    return float(np.abs(sure - hit).sum() / n.sum())


@dataclass(frozen=True)
class Trial:
    """How one tau did on items with a known answer: `accuracy` of the accepted ones with its Wilson interval."""

    tau: float
    n_accepted: float
    accepted_share: float
    accuracy: float
    low: float
    high: float
    mean_labels: float


def trial(tau: float, *, n_accepted: float, n_right: float, n_items: float, mean_labels: float) -> Trial:
    low, high = intervals.wilson(round(n_right), round(n_accepted))
    return Trial(
        tau,
        n_accepted,
        n_accepted / n_items if n_items else 0.0,
        n_right / n_accepted if n_accepted else float("nan"),
        low,
        high,
        mean_labels,
    )


def choose_tau(trials: list[Trial], *, target: float) -> tuple[float, bool]:
    """The smallest tau whose accepted items reach the target (lower Wilson bound at most 0.02 below it), and whether one does.

    Where none does, the strictest that was tried.
    """
    for one in sorted(trials, key=lambda trial: trial.tau):
        if one.n_accepted and one.low >= target - TOLERANCE:
            return one.tau, True
    return max((one.tau for one in trials), default=FIRST_TAU), False
