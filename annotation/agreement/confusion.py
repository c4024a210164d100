"""Which values are taken for each other, from counts and their coincidence matrix (`coefficients`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def positive_agreement(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """By value, of the pairs of answers in which one says k the share in which both do: `2 both / (2 both + one only)`.

    `counts: (n_rows, n_values)`, `weights: (n_rows,)` -> `(n_values,)`; NaN for a value that never occurs in a pair.
    Trustworthy for rare values, where alpha is not. Source: Cicchetti and Feinstein 1990; Fleiss 1975, over pairs of
    annotators.
    """
    r = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weights @ (counts * (counts - 1))) / (weights @ (counts * (r - 1))))


def lift(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more often two values meet than chance would have it: `o_ck / (n_c n_k / (n - 1))`."""
    marginals = coincidences.sum(axis=1)
    n = marginals.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(coincidences / (np.outer(marginals, marginals) / (n - 1)))


def share(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every pair of different values' part of all disagreement, `(n_values, n_values)`, symmetric; both cells of a pair add up.

    NaN where nobody disagrees.
    """
    apart = coincidences * (1 - np.eye(len(coincidences)))
    total = apart.sum()
    return np.asarray(apart / total) if total else np.full(apart.shape, np.nan)
