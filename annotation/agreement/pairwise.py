"""Who agrees with whom: the matrix of annotators, and whether they fall into camps with readings of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.counts import sums
from annotation.agreement.pairs import Floats, Pairs

LEAST_SHARED = 10
"""Pairs of answers from which on two annotators' agreement is looked at."""
LEAST_MEMBERS = 2
_SHUFFLES = 99
_ROUNDS = 30


@dataclass(frozen=True)
class Matrix:
    """`agreement: (n, n)` share of shared items on which two annotators say the same, NaN without one; `n: (n, n)` shared items.

    Symmetric; the diagonal is NaN and 0.
    """

    agreement: Floats
    n: NDArray[np.int64]


def matrix(pairs: Pairs, *, n_annotators: int) -> Matrix:
    """Agreement of every two annotators, `1 - mean apart`, from the pairs of answers."""
    low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    cell, size = low * n_annotators + high, n_annotators * n_annotators
    n = np.bincount(cell, minlength=size).reshape(n_annotators, n_annotators)
    apart = sums(cell, pairs.apart, size).reshape(n_annotators, n_annotators)
    n, apart = n + n.T, apart + apart.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return Matrix(np.where(n > 0, 1 - apart / n, np.nan), n)


def communities(found: Matrix, *, least_shared: int = LEAST_SHARED, seed: int = 0) -> NDArray[np.int64]:
    """The camp of every annotator: `(n_annotators,)` codes by size, all 0 when there is but one.

    -1 for somebody who shares too little with everybody.
    What two annotators share beyond `mean + u_a + u_b` (how agreeable each is) is what a camp explains. Split by the sign
    of the leading eigenvector, as long as its eigenvalue is larger than with the same numbers in 99 other orders; camps of
    one are none: a single deviating annotator is not a reading. Source: Newman 2006, leading eigenvector; the permutation
    test is Horn's 1965.
    """
    usable = found.n >= least_shared
    known = np.flatnonzero(usable.any(axis=1))
    camps = np.full(len(found.n), -1, dtype=np.int64)
    if len(known) == 0:
        return camps
    generator = np.random.default_rng(seed)
    rest = _residuals(
        found.agreement[np.ix_(known, known)], found.n[np.ix_(known, known)], usable[np.ix_(known, known)]
    )
    parts, waiting = [], [np.arange(len(known))]
    while waiting:
        part = waiting.pop()
        halves = _split(rest[np.ix_(part, part)], generator)
        if halves is None:
            parts.append(part)
        else:
            waiting += [part[halves], part[~halves]]
    for code, part in enumerate(sorted(parts, key=lambda each: (-len(each), int(each[0])))):
        camps[known[part]] = code
    return camps


def _residuals(agreement: Floats, n: NDArray[np.int64], usable: NDArray[np.bool_]) -> Floats:
    """Agreement beyond `mean + u_a + u_b`, in standard errors; 0 where two share too little."""
    weight = np.where(usable, n, 0).astype(float)
    value = np.where(usable, agreement, 0.0)
    mean = float((weight * value).sum() / weight.sum())
    u = np.zeros(len(n))
    for _ in range(_ROUNDS):
        u = (weight * (value - mean - u[None, :])).sum(axis=1) / (weight.sum(axis=1) + 1e-9)
    error = np.sqrt(max(mean * (1 - mean), 1e-6) / np.maximum(n, 1))
    return np.asarray(np.where(usable, (value - mean - u[:, None] - u[None, :]) / error, 0.0))


def _split(rest: Floats, generator: np.random.Generator) -> NDArray[np.bool_] | None:
    """Two halves of a camp, or None where nothing but chance would part them."""
    n = len(rest)
    if n < 2 * LEAST_MEMBERS:
        return None
    upper = np.triu_indices(n, 1)
    shared = (rest[upper] != 0).nonzero()[0]
    values, vectors = np.linalg.eigh(_centred(rest))
    numbers = rest[upper]
    for _ in range(_SHUFFLES):
        # who shares items with whom stays as it is: that people worked in batches is no reading
        moved = numbers.copy()
        moved[shared] = generator.permutation(numbers[shared])
        other = np.zeros((n, n))
        other[upper] = moved
        if np.linalg.eigvalsh(_centred(other + other.T))[-1] >= values[-1]:
            return None
    half = vectors[:, -1] > 0
    if min(half.sum(), (~half).sum()) < LEAST_MEMBERS:
        return None
    return np.asarray(half)


def _centred(rest: Floats) -> Floats:
    """What is left when how agreeable each annotator is within this part comes off."""
    shared = rest != 0
    n = np.maximum(shared.sum(axis=1), 1)
    u = np.zeros(len(rest))
    for _ in range(_ROUNDS):
        u = ((rest - u[None, :]) * shared).sum(axis=1) / n / 2 + u / 2
    return np.asarray(np.where(shared, rest - u[:, None] - u[None, :], 0.0))
