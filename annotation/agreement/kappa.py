"""Kappas: agreement beyond what annotators with habits of their own would reach by chance.

Two annotators are read from their table `(n_values, n_values)` of counts, rows the first's values, columns the second's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.estimate import NO_PAIRS, NO_VARIATION, Estimate
from annotation.agreement.pairs import Codes, Floats

Weights = Literal["linear", "quadratic"]
_Z95 = 1.959964


def crossed(first: Codes, second: Codes, *, n_values: int) -> NDArray[np.int64]:
    """The table of two annotators on the items both answered: `first, second: (n_items,)` codes -> `(n_values, n_values)`."""
    return np.bincount(first * n_values + second, minlength=n_values * n_values).reshape(n_values, n_values)


@dataclass(frozen=True)
class Kappa:
    """A kappa with its standard errors: `error` around the value, for an interval; `error_at_zero` if there were only chance."""

    estimate: Estimate
    error: float | None = None
    error_at_zero: float | None = None


def cohen(table: NDArray[np.int64], *, weights: Weights | None = None) -> Kappa:
    """Cohen's kappa, plain or weighted by distance in the order of the values, with each one's own shares.

    `1 - sum w O / sum w E`. Undefined without an item, and where both always gave one and the same value. The interval is
    kappa -+ 1.96 errors. Source: Cohen 1960, 1968; standard errors Fleiss, Cohen and Everitt 1969.

    >>> cohen(np.array([[20, 5], [10, 15]])).estimate.value
    0.4
    """
    n = int(table.sum())
    reason = _undefined(table)
    if reason:
        return Kappa(Estimate(None, n_items=n, n_answers=2 * n, reason=reason))
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    agree = _agreement(len(table), weights)
    observed, expected = float((agree * p).sum()), float((agree * np.outer(rows, columns)).sum())
    kappa = round((observed - expected) / (1 - expected), 15)
    of_row, of_column = agree @ columns, rows @ agree
    both = of_row[:, None] + of_column[None, :]
    inner = float((p * (agree - both * (1 - kappa)) ** 2).sum())
    error = np.sqrt(max(0.0, inner - (kappa - expected * (1 - kappa)) ** 2) / n) / (1 - expected)
    chance = float((np.outer(rows, columns) * (agree - both) ** 2).sum()) - expected**2
    zero = np.sqrt(max(0.0, chance) / n) / (1 - expected)
    bounds = max(-1.0, kappa - _Z95 * error), min(1.0, kappa + _Z95 * error)
    return Kappa(Estimate(kappa, float(bounds[0]), float(bounds[1]), n, 2 * n), float(error), float(zero))


def scott(table: NDArray[np.int64]) -> Estimate:
    """Scott's pi: the chance term is `sum p_k^2` with the shares of both annotators together. Undefined as `cohen` is.

    Source: Scott 1955.

    >>> round(scott(np.array([[20, 20], [10, 50]])).value, 6)
    0.340659
    """
    n = int(table.sum())
    reason = _undefined(table)
    if reason:
        return Estimate(None, n_items=n, n_answers=2 * n, reason=reason)
    p = table / n
    shares = (p.sum(axis=0) + p.sum(axis=1)) / 2
    expected = float((shares**2).sum())
    return Estimate(float((np.trace(p) - expected) / (1 - expected)), n_items=n, n_answers=2 * n)


def _undefined(table: NDArray[np.int64]) -> str:
    if table.sum() == 0:
        return NO_PAIRS
    return NO_VARIATION if table.max() == table.sum() and np.trace(table) == table.sum() else ""


def _agreement(k: int, weights: Weights | None) -> Floats:
    """`(k, k)` in [0, 1]: 1 on the diagonal, less the further two values lie apart."""
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / max(1, k - 1)
    match weights:
        case None:
            return np.eye(k)
        case "linear":
            return np.asarray(1 - apart)
        case "quadratic":
            return np.asarray(1 - apart**2)


def conger(items: Codes, annotators: Codes, values: Codes, *, n_values: int) -> Estimate:
    """Conger's kappa: Cohen's for any number of annotators, with every one's own shares and missing answers.

    `items, annotators, values: (n_answers,)` codes. The chance term is `sum_k (pbar_k^2 - s_k^2 / r)`, over the r annotators'
    shares of value k; observed agreement is that of items with two answers. Undefined without
    one, with fewer than two annotators, and without variation. Source: Conger 1980; Gwet 2014 for missing answers.
    """
    _, items = np.unique(items, return_inverse=True)
    who, annotators = np.unique(annotators, return_inverse=True)
    n_items, n_who = int(items.max(initial=-1)) + 1, len(who)
    counts = np.bincount(items * n_values + values, minlength=n_items * n_values).reshape(n_items, n_values)
    r = counts.sum(axis=1)
    pairable = r >= 2
    if not pairable.any() or n_who < 2:
        return Estimate(None, n_items=n_items, n_answers=len(values), reason=NO_PAIRS)
    if (counts.sum(axis=0) > 0).sum() < 2:
        return Estimate(None, n_items=n_items, n_answers=len(values), reason=NO_VARIATION)
    counts, r = counts[pairable], r[pairable]
    observed = float(((counts * (counts - 1)).sum(axis=1) / (r * (r - 1))).mean())
    given = np.bincount(annotators * n_values + values, minlength=n_who * n_values).reshape(n_who, n_values)
    shares = given / given.sum(axis=1, keepdims=True)
    expected = float((shares.mean(axis=0) ** 2 - shares.var(axis=0, ddof=1) / n_who).sum())
    return Estimate((observed - expected) / (1 - expected), n_items=n_items, n_answers=len(values))
