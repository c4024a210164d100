"""What annotators' answers are worth, and what several of them say together: Dawid-Skene, shrunken.

Plain Dawid-Skene fits a confusion matrix per annotator by EM and saturates: with few labels per row a matrix becomes all or
nothing, and so does every posterior. Here each row is drawn towards what is known of the annotator as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

ROW_STRENGTH = 6.0
"""s: pseudo-labels with which each row of a matrix is drawn towards the annotator's own prior."""
ACCURACY_STRENGTH = 5.0
"""Pseudo-labels with which an annotator's overall accuracy is drawn towards everybody's."""
SLIP = 0.1
"""Chance with which an answer is taken to say nothing of the item, when a matrix judges other items than it was learnt from.

A matrix is a point estimate, and annotators share misreadings, so their answers are not independent given the truth. Taken at its
word, two answers of good annotators settle nearly everything: replayed at tau 0.95, snow_rte accepts 83 % at 0.933 without
it, 74 % at 0.951 with it, and 65 % at 0.960 with twice as much.
"""
_TINY = 1e-12


@dataclass(frozen=True)
class Skills:
    """What a fit found.

    `prior: (n_values,)` shares of the true values; `matrices: (n_annotators, n_values, n_values)`, rows are true values and
    sum to 1; `pooled: (n_values, n_values)` stands for an annotator of whom nothing is known; `n_labels: (n_annotators,)`;
    `posterior: (n_items, n_values)` of the items that were fitted; `rounds` of EM until nothing moved.
    """

    prior: Floats
    matrices: Floats
    pooled: Floats
    n_labels: Codes
    posterior: Floats
    rounds: int

    def doubted(self) -> Floats:
        """`(n_annotators + 1, n_values, n_values)`: matrices to judge other items by (see `SLIP`); last, an unknown one's."""
        known = np.concatenate([self.matrices, self.pooled[None]])
        return np.asarray((1 - SLIP) * known + SLIP / len(self.prior))


def fit(
    items: Codes,
    annotators: Codes,
    values: Codes,
    *,
    n_items: int,
    n_annotators: int,
    n_values: int,
    row_strength: float = ROW_STRENGTH,
    accuracy_strength: float = ACCURACY_STRENGTH,
    tolerance: float = 1e-5,
    max_rounds: int = 200,
) -> Skills:
    """Fit by EM from vote shares. One code per label: `items, annotators, values: (n_labels,)`.

    `theta_a[t, .] = (C_a[t, .] + s * prior_a[t, .]) / (C_a[t] + s)` with s = 6. `prior_a` holds the annotator's overall
    accuracy, shrunk with 5 labels towards everybody's, on the diagonal, and the pooled pattern of errors off it. An item
    without labels gets the prior. With no label at all everything is uniform. Strengths of 0 give the plain method. Source:
    Dawid and Skene 1979; the shrinkage is ours (analytics: bluebirds 0.889, snow_rte 0.929, hatecheck 0.999).
    """
    votes = np.bincount(items * n_values + values, minlength=n_items * n_values).reshape(n_items, n_values)
    n_votes = votes.sum(axis=1, keepdims=True)
    posterior = np.where(n_votes > 0, votes / np.maximum(n_votes, 1), 1 / n_values)
    n_labels = np.bincount(annotators, minlength=n_annotators)
    cell = annotators * n_values + values
    order = np.argsort(items, kind="stable")
    by_item, cell_by_item = items[order], cell[order]
    shape = n_items, n_annotators, n_values
    strength = row_strength, accuracy_strength
    prior, matrices, pooled = _skills(posterior, items, cell, n_labels, shape, strength)
    rounds = 0
    while rounds < max_rounds:
        rounds += 1
        # weight of evidence by (annotator, value said), for every true value: (n_annotators * n_values, n_values)
        said = np.log(matrices).transpose(0, 2, 1).reshape(-1, n_values)
        evidence = np.stack(
            [
                np.bincount(by_item, weights=said[cell_by_item, true], minlength=n_items)
                for true in range(n_values)
            ],
            axis=1,
        )
        after = normalised(np.log(prior) + evidence)
        moved = float(np.abs(after - posterior).max(initial=0.0))
        posterior = after
        prior, matrices, pooled = _skills(posterior, items, cell, n_labels, shape, strength)
        if moved < tolerance:
            break
    return Skills(prior, matrices, pooled, n_labels, posterior, rounds)


def _skills(
    posterior: Floats,
    items: Codes,
    cell: Codes,
    n_labels: Codes,
    shape: tuple[int, int, int],
    strength: tuple[float, float],
) -> tuple[Floats, Floats, Floats]:
    """The M step: shares of the true values, a shrunken matrix per annotator, and the pooled one."""
    n_items, n_annotators, n_values = shape
    by_row, by_accuracy = strength
    counts = np.stack(
        [
            np.bincount(cell, weights=posterior[items, true], minlength=n_annotators * n_values).reshape(
                n_annotators, n_values
            )
            for true in range(n_values)
        ],
        axis=1,
    )
    total = counts.sum(axis=0)
    n = total.sum()
    accuracy = float(np.trace(total) / n) if n else 1 / n_values
    errors = total * (1 - np.eye(n_values))
    wrong = errors.sum(axis=1, keepdims=True)
    elsewhere = (1 - np.eye(n_values)) / max(1, n_values - 1)
    # half a label spread over the row keeps an error possible that nobody has made yet
    pattern = (errors + 0.5 * elsewhere) / (wrong + 0.5)
    hits = np.trace(counts, axis1=1, axis2=2) + by_accuracy * accuracy
    own = np.divide(
        hits, n_labels + by_accuracy, out=np.full(n_annotators, accuracy), where=n_labels + by_accuracy > 0
    )
    own = np.clip(own, _TINY, 1 - _TINY)
    priors = own[:, None, None] * np.eye(n_values) + (1 - own)[:, None, None] * pattern
    rows = counts.sum(axis=2, keepdims=True) + by_row
    matrices = np.where(rows > _TINY, (counts + by_row * priors) / np.maximum(rows, _TINY), priors)
    whole = float(np.clip(accuracy, _TINY, 1 - _TINY))
    pooled = whole * np.eye(n_values) + (1 - whole) * pattern
    present = np.bincount(items, minlength=n_items) > 0
    share = posterior[present].sum(axis=0) + 1 / n_values
    return share / share.sum(), np.maximum(matrices, _TINY), np.maximum(pooled, _TINY)


def normalised(logs: Floats) -> Floats:
    """Shares from their logarithms along the last axis, without overflow."""
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def posteriors(prior: Floats, matrices: Floats, annotators: Codes, values: Codes) -> Floats:
    """What is believed of each item after each of its labels: `(n_items, n, n_values)`.

    `p(t) ~ prior[t] * prod_a theta_a[t, y_a]` over the first 1, 2, ... n labels. `annotators, values: (n_items, n)` in the
    order of the labels, -1 where an item has no further one (its posterior then stays); `matrices: (n_annotators, n_values,
    n_values)`.
    """
    given = values >= 0
    said = np.log(matrices)[np.where(given, annotators, 0), :, np.where(given, values, 0)]
    return normalised(np.log(prior) + np.cumsum(np.where(given[:, :, None], said, 0.0), axis=1))
