"""MACE: every annotator either knows the answer or fills in by a habit of her own. Good at finding people who do not look.

Variational Bayes with restarts, as in the original program. Source: Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.agreement.counts import sums
from annotation.agreement.pairs import Codes, Floats

RESTARTS, ROUNDS = 10, 50
_KNOWING = 0.5
_HABIT = 10.0
"""Pseudo-counts of the priors: of knowing and of not, and of every value in a habit."""
_TINY = 1e-300


@dataclass(frozen=True)
class Mace:
    """`posterior: (n_items, n_values)`; `competence: (n_annotators,)` the chance that she knows, theta_j; `habit: (n_annotators,
    n_values)` what she says when she does not; `log_likelihood` of the best start.
    """

    posterior: Floats
    competence: Floats
    habit: Floats
    log_likelihood: float


def fit(
    items: Codes,
    annotators: Codes,
    values: Codes,
    *,
    n_items: int,
    n_annotators: int,
    n_values: int,
    restarts: int = RESTARTS,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Mace:
    """The fit with the highest likelihood of several random starts. `items, annotators, values: (n_labels,)` codes.

    `p(t) ~ prod_j (theta_j [y_j = t] + (1 - theta_j) xi_j(y_j))`. Items without a label get equal shares. O(labels x values)
    per round. The same seed gives the same fit.
    """
    generator = np.random.default_rng(seed)
    cell = annotators * n_values + values
    best: Mace | None = None
    for _ in range(restarts):
        competence = generator.uniform(0.25, 1.0, n_annotators)
        knows = np.stack([competence, 1 - competence], axis=1)
        habit = generator.dirichlet(np.full(n_values, 5.0), size=n_annotators)
        for _ in range(rounds):
            posterior, knew, _ = _expect(items, cell, annotators, values, knows, habit, n_items, n_values)
            right = sums(annotators, knew, n_annotators)
            wrong = sums(annotators, 1 - knew, n_annotators)
            said = sums(cell, 1 - knew, n_annotators * n_values)
            knows = _variational(np.stack([right, wrong], axis=1), _KNOWING)
            habit = _variational(said.reshape(n_annotators, n_values), _HABIT)
        posterior, _, likelihood = _expect(items, cell, annotators, values, knows, habit, n_items, n_values)
        if best is None or likelihood > best.log_likelihood:
            best = Mace(
                posterior,
                knows[:, 0] / knows.sum(axis=1),
                habit / habit.sum(axis=1, keepdims=True),
                likelihood,
            )
    if best is None:
        raise ValueError("at least one start is needed")
    return best


def _expect(
    items: Codes,
    cell: Codes,
    annotators: Codes,
    values: Codes,
    knows: Floats,
    habit: Floats,
    n_items: int,
    n_values: int,
) -> tuple[Floats, Floats, float]:
    """Posterior of every item, chance of every label that its annotator knew, and the log likelihood."""
    filled = knows[annotators, 1] * habit.ravel()[cell]
    known = knows[annotators, 0] + filled
    # every value but the one that was said gets the same factor, so that one is what counts
    base = sums(items, np.log(np.maximum(filled, _TINY)), n_items)
    raised = np.log(np.maximum(known, _TINY)) - np.log(np.maximum(filled, _TINY))
    evidence = sums(items * n_values + values, raised, n_items * n_values)
    logs = base[:, None] + evidence.reshape(n_items, n_values) - np.log(n_values)
    top = logs.max(axis=1, keepdims=True)
    shares = np.exp(logs - top)
    total = shares.sum(axis=1, keepdims=True)
    posterior = shares / total
    knew = posterior[items, values] * knows[annotators, 0] / np.maximum(known, _TINY)
    return posterior, knew, float((top[:, 0] + np.log(total[:, 0])).sum())


def _variational(counts: Floats, prior: float) -> Floats:
    """`exp(digamma(count + prior)) / exp(digamma(sum))` by row: below the plain shares, the more so the less was seen."""
    whole = counts + prior
    return np.asarray(np.exp(digamma(whole) - digamma(whole.sum(axis=1, keepdims=True))))


def digamma(x: Floats) -> Floats:
    """The derivative of log gamma for positive x, by recurrence up to 6 and the asymptotic series; good to 1e-10.

    Source: Abramowitz and Stegun 6.3.5 and 6.3.18.

    >>> round(float(digamma(np.array(1.0))), 6)
    -0.577216
    """
    x = np.array(x, dtype=float)
    found = np.zeros_like(x)
    for _ in range(6):
        low = x < 6
        found = np.where(low, found - 1 / x, found)
        x = np.where(low, x + 1, x)
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return np.asarray(found + np.log(x) - 0.5 / x - series)
