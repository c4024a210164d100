"""Coefficients of agreement from the count table.

All are sums over items, so each is written for weighted rows: `weights` is how often a row counts (multiplicity, or a
bootstrap draw). Shapes: `counts: (n_rows, n_values) int`, `weights: (n_rows,) or (n_draws, n_rows)`; results follow the
weights' leading axis. Undefined results are NaN here; `summary` turns them into reasons.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]


def percent_agreement(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """Mean over pairable items of the share of pairs of answers that are equal, in [0, 1].

    Source: Fleiss 1971, the observed agreement of an item, averaged over items with at least two answers.
    """
    r = counts.sum(axis=1)
    pairable = r >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(pairable, (counts * (counts - 1)).sum(axis=1) / (r * (r - 1)), 0.0)
        return np.asarray((weights @ share) / (weights @ pairable.astype(float)))


def gwet_ac1(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """Gwet's AC1: chance term `sum_k p_k (1 - p_k) / (K - 1)`, with p_k the mean share of value k over *all* items.

    Source: Gwet 2008, Computing inter-rater reliability; items with one answer count in p_k and not in Ao, as in irrCAC.
    """
    n_values = counts.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = _shares(counts, weights)
        chance = (
            (p * (1 - p)).sum(axis=-1) / (n_values - 1) if n_values > 1 else np.full(p.shape[:-1], np.nan)
        )
        observed = percent_agreement(counts, weights)
        return np.asarray((observed - chance) / (1 - chance))


def agreement_weights(n_values: int, kind: Literal["identity", "linear", "quadratic", "ordinal"]) -> Floats:
    """How much two values count as agreeing, `(n_values, n_values)` in [0, 1]: 1 on the diagonal, 0 for the furthest apart.

    Ordinal weights fall with the number of pairs of values between the two. Source: Gwet 2014, Handbook of Inter-Rater
    Reliability, weights as in irrCAC.
    """
    apart = np.abs(np.subtract.outer(np.arange(n_values), np.arange(n_values))).astype(float)
    match kind:
        case "identity":
            return np.eye(n_values)
        case "quadratic":
            apart = apart**2
        case "ordinal":
            apart = apart * (apart + 1) / 2
        case "linear":
            pass
    return np.asarray(1 - apart / max(float(apart.max()), 1.0))


def gwet_ac2(counts: NDArray[np.int64], weights: NDArray[np.int64], agree: Floats) -> Floats:
    """Gwet's AC2: AC1 in which near values agree in part; chance term `T_w / (K (K - 1)) sum_k p_k (1 - p_k)`.

    `agree: (n_values, n_values)` from `agreement_weights`, T_w its sum. Source: Gwet 2014.
    """
    k = counts.shape[1]
    r = counts.sum(axis=1)
    pairable = r >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        together = (counts * (counts @ agree - 1)).sum(axis=1) / (r * (r - 1))
        observed = (weights @ np.where(pairable, together, 0.0)) / (weights @ pairable.astype(float))
        p = _shares(counts, weights)
        chance = agree.sum() / (k * (k - 1)) * (p * (1 - p)).sum(axis=-1)
        return np.asarray((observed - chance) / (1 - chance))


def brennan_prediger(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """Chance term `1 / K`: every value as likely (Bennett's S for two). Source: Bennett 1954; Brennan and Prediger 1981."""
    k = counts.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((percent_agreement(counts, weights) - 1 / k) / (1 - 1 / np.float64(k)))


def _shares(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """The mean share of every value over all items that were answered, `(..., n_values)`."""
    r = counts.sum(axis=1)
    shares = counts / np.maximum(r, 1)[:, None]
    return np.asarray((weights @ shares) / np.asarray(weights @ (r > 0).astype(float))[..., None])


def fleiss_kappa(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """Fleiss' kappa, generalised to missing answers: chance term `sum_k p_k^2`. Source: Fleiss 1971; Gwet's irrCAC."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = _shares(counts, weights)
        chance = (p**2).sum(axis=-1)
        return np.asarray((percent_agreement(counts, weights) - chance) / (1 - chance))


def krippendorff_alpha(
    counts: NDArray[np.int64],
    weights: NDArray[np.int64],
    *,
    level: Level = "nominal",
    values: Floats | None = None,
    distance: Floats | None = None,
) -> Floats:
    """Krippendorff's alpha, `1 - Do / De`, for any number of annotators and missing answers.

    `values: (n_values,)` are the scale points for interval and ratio, in the order of the columns (which must be the order of
    the scale for ordinal); `distance: (n_values, n_values)` squared differences overrule the level.
    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability.

    >>> table = np.array([[2, 0], [1, 1], [0, 2]]); round(float(krippendorff_alpha(table, np.ones(3, dtype=int))), 6)
    0.444444
    """
    r = counts.sum(axis=1)
    pairable = r >= 2
    counts, r = counts[pairable], r[pairable]
    weights = np.asarray(weights)[..., pairable]
    marginals = np.asarray(weights @ counts, dtype=float)
    n = marginals.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if distance is None and level == "nominal":
            same = (counts * (counts - 1)).sum(axis=1) / (r - 1)
            observed = 1 - (weights @ same) / n
            expected = 1 - (marginals * (marginals - 1)).sum(axis=-1) / (n * (n - 1))
            return np.asarray(1 - observed / expected)
        if distance is None and level == "ordinal":
            return alpha_of(_coincidences(counts, r, weights), level=level)
        apart = distance if distance is not None else distances(level, marginals, values)
        by_row = ((counts @ apart) * counts).sum(axis=1) / (r - 1)
        observed = (weights @ by_row) / n
        expected = ((marginals @ apart) * marginals).sum(axis=-1) / (n * (n - 1))
        return np.asarray(1 - observed / expected)


def alpha_of(
    coincidences: Floats,
    *,
    level: Level = "nominal",
    values: Floats | None = None,
    distance: Floats | None = None,
) -> Floats:
    """Krippendorff's alpha from coincidence matrices `(..., n_values, n_values)`; NaN where undefined."""
    marginals = coincidences.sum(axis=-1)
    n = marginals.sum(axis=-1)
    apart = distance if distance is not None else distances(level, marginals, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (coincidences * apart).sum(axis=(-2, -1)) / n
        products = marginals[..., :, None] * marginals[..., None, :]
        expected = (products * apart).sum(axis=(-2, -1)) / (n * (n - 1))
        return np.asarray(1 - observed / expected)


def _coincidences(counts: NDArray[np.int64], r: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """`o_ck = sum_i w_i r_ic (r_ik - [c = k]) / (r_i - 1)`, shape `(..., n_values, n_values)`."""
    scaled = counts / (r - 1)[:, None]
    if weights.ndim == 1:
        found = (scaled * weights[:, None]).T @ counts
        diagonal = (scaled * weights[:, None]).sum(axis=0)
        return np.asarray(found - np.diag(diagonal))
    k = counts.shape[1]
    pairs = (scaled[:, :, None] * counts[:, None, :]).reshape(len(counts), k * k)
    pairs[:, :: k + 1] -= scaled
    return np.asarray((weights @ pairs).reshape(-1, k, k))


def coincidence_matrix(counts: NDArray[np.int64], weights: NDArray[np.int64]) -> Floats:
    """Krippendorff's coincidence matrix over pairable items, `(n_values, n_values)`; its sum is the number of their answers."""
    r = counts.sum(axis=1)
    pairable = r >= 2
    return _coincidences(counts[pairable], r[pairable], weights[pairable])


def distances(level: Level, marginals: Floats, values: Floats | None) -> Floats:
    """Squared differences of all values at a level, `(..., n_values, n_values)`; ordinal ones rest on the marginals."""
    k = marginals.shape[-1]
    scale = np.arange(k, dtype=float) if values is None else values
    match level:
        case "nominal":
            return 1 - np.eye(k)
        case "interval":
            return np.asarray((scale[:, None] - scale[None, :]) ** 2)
        case "ratio":
            total = scale[:, None] + scale[None, :]
            return np.asarray(
                np.where(total == 0, 0.0, (scale[:, None] - scale[None, :]) / np.where(total == 0, 1, total))
                ** 2
            )
        case "ordinal":
            upto = np.cumsum(marginals, axis=-1)
            middle = upto - marginals / 2
            return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)
