"""Where a disagreement points when nobody says so: from confused values to the clauses that govern them. Pure.

Below the sizes of a verdict, and where nobody cites a clause, this still says which clause to look at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.agreement.clauses import Members
from annotation.agreement.counts import sums

Floats = NDArray[np.float64]
NAMED, BOTH, ONE = 3, 2, 1
"""How closely a clause governs a pair of values: it names the pair, it governs both values, or one of them."""


def closeness(
    governs: Sequence[Mapping[str, Any]], *, question: str, values: Sequence[str]
) -> NDArray[np.int64]:
    """How closely a clause governs each pair of values: `(n_values, n_values)`, symmetric, 0 where it does not.

    `governs` are the clause's entries: `{"question", "values": [...], "pairs": [[a, b], ...]}`.
    """
    place = {value: k for k, value in enumerate(values)}
    found = np.zeros((len(values), len(values)), dtype=np.int64)
    for entry in governs:
        if entry["question"] != question:
            continue
        governed = np.zeros(len(values), dtype=np.int64)
        governed[[place[value] for value in entry["values"] if value in place]] = 1
        found = np.maximum(found, governed[:, None] + governed[None, :])
        for one, other in entry["pairs"]:
            if one in place and other in place:
                found[place[one], place[other]] = found[place[other], place[one]] = NAMED
    return found


def pointed(confused: Floats, close: NDArray[np.int64]) -> Floats:
    """By clause, the share of all disagreement between values that it governs: `(n_clauses,)`, adding up to 1 at most.

    `confused: (n_values, n_values)` symmetric weights of differing pairs; `close: (n_clauses, n_values, n_values)` as by
    `closeness`. A confused pair counts for the clauses that govern it most closely, in equal parts. Zeros without any.

    >>> c = np.array([[0, 6], [6, 0]]); close = np.stack([np.full((2, 2), NAMED), np.full((2, 2), ONE)])
    >>> pointed(c, close).tolist()
    [1.0, 0.0]
    """
    apart = np.triu(confused, 1)
    total = apart.sum()
    if not total or not len(close):
        return np.zeros(len(close))
    closest = close.max(axis=0)
    shared = (close == closest[None]) & (closest > 0)[None]
    n = np.maximum(shared.sum(axis=0), 1)
    return np.asarray((shared * (apart / n)[None]).sum(axis=(1, 2)) / total)


def confusions(counts: NDArray[np.int64], members: Members, *, n_clauses: int) -> Floats:
    """By clause, the weight of pairs of answers that differ, by their two values: `(n_clauses, n_values, n_values)`, symmetric.

    `counts: (n_items, n_values)`. A pair weighs `1 / (r - 1)` with r answers to its item, times how much of the item is about
    the clause, so items weigh as they do in the clause model.
    """
    n_values = counts.shape[1]
    found = np.zeros((n_clauses, n_values, n_values))
    r = counts.sum(axis=1)
    for c in range(n_clauses):
        mine = members.clause == c
        items, share = members.item[mine], members.share[mine]
        paired = r[items] >= 2
        items, share = items[paired], share[paired]
        said = counts[items].astype(float)
        found[c] = said.T @ (said * (share / (r[items] - 1))[:, None])
        np.fill_diagonal(found[c], 0.0)
    return found


def beside(members: Members, *, n_clauses: int) -> tuple[Floats, NDArray[np.int64]]:
    """How much of a clause is another one's as well: `(n_clauses, n_clauses)` shares in [0, 1], and the items both are on.

    `share[c, d]` is, over the items about c, how much of them is about d too (the smaller of both shares), by what is about c.
    """
    order = np.lexsort((members.clause, members.item))
    item, clause, share = members.item[order], members.clause[order], members.share[order]
    common = np.zeros(n_clauses * n_clauses)
    both = np.zeros(n_clauses * n_clauses, dtype=np.int64)
    step = 1
    while (same := np.flatnonzero(item[step:] == item[:-step])).size:
        cell = clause[same] * n_clauses + clause[same + step]
        common += sums(cell, np.minimum(share[same], share[same + step]), n_clauses * n_clauses)
        both += np.bincount(cell, minlength=n_clauses * n_clauses)
        step += 1
    held = np.maximum(sums(clause, share, n_clauses), 1e-12)
    square, n = common.reshape(n_clauses, n_clauses), both.reshape(n_clauses, n_clauses)
    return (square + square.T) / held[:, None], n + n.T


def most_contested(counts: NDArray[np.int64], members: Members, clause: int, *, n: int) -> NDArray[np.int64]:
    """The items of a clause whose answers differ most, worst first: at most *n* codes, none where all agree."""
    mine = members.clause == clause
    items, share = members.item[mine], members.share[mine]
    said = counts[items]
    r = said.sum(axis=1)
    apart = 1 - (said * (said - 1)).sum(axis=1) / np.maximum(r * (r - 1), 1)
    weight = np.where(r >= 2, apart * share, 0.0)
    order = np.lexsort((items, -r, -weight))
    return np.asarray(items[order][weight[order] > 0][:n])


def by_clause(members: Members, per_item: Floats, *, n_clauses: int, weighted: bool = False) -> Floats:
    """What every item has, added up over the items about a clause: `(n_items,)` -> `(n_clauses,)`."""
    share = members.share if weighted else np.ones(len(members.share))
    return sums(members.clause, per_item[members.item] * share, n_clauses)


def unanimous(counts: NDArray[np.int64], members: Members, clause: int, *, n: int) -> NDArray[np.int64]:
    """Items of a clause on which all agree, those with the most answers first: what contested ones are held against."""
    items = members.item[members.clause == clause]
    said = counts[items]
    r = said.sum(axis=1)
    order = np.lexsort((items, -r))
    same = (said.max(axis=1, initial=0) == r) & (r >= 2)
    return np.asarray(items[order][same[order]][:n])
