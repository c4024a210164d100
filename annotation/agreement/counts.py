"""The count table: how many answers of each value each item has. Everything else is a sum over its rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_MOST_BITS = 24


@dataclass(frozen=True)
class Table:
    """`counts: (n_items, n_values) int`, with the names of its rows and columns."""

    items: list[Hashable]
    values: list[Hashable]
    counts: Counts


def table(rows: Iterable[tuple[Hashable, Hashable, int]], *, values: Sequence[Hashable] = ()) -> Table:
    """From `(item, value, n)` rows, such as a `GROUP BY item, value` gives; columns in the given order, then as first seen."""
    items: dict[Hashable, int] = {}
    columns: dict[Hashable, int] = {value: index for index, value in enumerate(values)}
    triples = [
        (items.setdefault(item, len(items)), columns.setdefault(value, len(columns)), n)
        for item, value, n in rows
    ]
    counts = np.zeros((len(items), len(columns)), dtype=np.int64)
    if triples:
        row, column, n = np.array(triples, dtype=np.int64).T
        np.add.at(counts, (row, column), n)
    return Table(list(items), list(columns), counts)


def from_codes(items: NDArray[np.int64], values: NDArray[np.int64], *, n_items: int, n_values: int) -> Counts:
    """From one code per answer; a single `bincount` pass. Shapes: `items, values: (n_answers,)` -> `(n_items, n_values)`."""
    return np.bincount(items * n_values + values, minlength=n_items * n_values).reshape(n_items, n_values)


def grouped(counts: Counts, weights: NDArray[np.int64] | None = None) -> tuple[Counts, NDArray[np.int64]]:
    """Equal rows as one with its multiplicity: real tables have few distinct rows, so bootstraps become cheap.

    Rows that fit into a small number in the base of the largest count are counted rather than sorted: 2.5 million rows of five
    values take half as long as counting their ten million answers did.
    """
    if len(counts) == 0:
        return counts, np.zeros(0, dtype=np.int64)
    n_values = counts.shape[1]
    base = int(counts.max(initial=0)) + 1
    if n_values * log2(base) < min(_MOST_BITS, 6 + log2(len(counts))):
        digits = base ** np.arange(n_values, dtype=np.int64)
        multiplicity = np.bincount(counts @ digits, weights=weights)
        codes = np.flatnonzero(multiplicity)
        return codes[:, None] // digits % base, multiplicity[codes].astype(np.int64)
    limits = counts.max(axis=0) + 1
    if float(np.prod(limits.astype(float))) < 2**62:
        codes = np.ravel_multi_index(tuple(counts.T), tuple(limits.tolist()))
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(counts, axis=0, return_index=True, return_inverse=True)
    return counts[first], np.bincount(inverse.ravel(), weights=weights, minlength=len(first)).astype(np.int64)


def sums(codes: NDArray[np.integer[Any]], weights: NDArray[Any], n: int = 0) -> NDArray[np.float64]:
    """The sum of the weights of each code: `(n_rows,)` each -> `(n,)`, longer where a code is n or more."""
    return np.asarray(np.bincount(codes, weights=weights, minlength=n), dtype=np.float64)
