"""The word on every clause: what the clause model found, and what else is known of it. Pure.

The model (`agreement.ambiguity`) compares clauses with each other. Beside it stand an absolute limit, since a spec can be bad
throughout, how leads ruled, and how often a clause is used at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.agreement.ambiguity import Clause
from annotation.models import ClauseVerdict

LEAST_RULINGS = 3
"""Rulings on a clause from which on most of them can say that both readings are right."""
LEAST_BESIDE = 10
"""Items that two clauses share from which on they are said to overlap."""
LEAST_OF_SPEC = 200
"""Items of a spec from which on a clause can be called rarely used."""


@dataclass(frozen=True)
class Limits:
    """What a project calls too much: disagreement, on at least so many items; shares of items, in [0, 1]."""

    disagreement: float
    items: int
    overlap: float
    rare: float


@dataclass(frozen=True)
class Known:
    """What is known of a clause beside its disagreement.

    `n_items_of_spec` are known to be about some clause; `beside` is the clause it shares most with: code, share, items.
    """

    n_items_of_spec: int
    n_rulings: int = 0
    n_plural: int = 0
    beside: tuple[int, float, int] | None = None


def decide(found: Clause, known: Known, limits: Limits) -> ClauseVerdict:
    """One word. What leads said comes before what the model says, what the model says before what only usage says.

    A clause that stands out for certain is ambiguous whatever the size: how much is `weighty`'s to say.
    """
    if known.n_rulings >= LEAST_RULINGS and 2 * known.n_plural >= known.n_rulings:
        return ClauseVerdict.PLURAL
    if found.verdict in ("ambiguous", "slight"):
        return ClauseVerdict.AMBIGUOUS
    if found.verdict == "annotator":
        return ClauseVerdict.ANNOTATOR
    if above(found, limits):
        return ClauseVerdict.AMBIGUOUS
    if overlaps(known, limits):
        return ClauseVerdict.OVERLAPPING
    if found.verdict == "too_few":
        return ClauseVerdict.RARELY_USED if _rare(found, known, limits) else ClauseVerdict.TOO_FEW
    return ClauseVerdict.CLEAR


def above(found: Clause, limits: Limits) -> bool:
    """Whether its disagreement lies above the project's own limit for certain, whatever the other clauses do."""
    return found.low is not None and found.n_items >= limits.items and found.low > limits.disagreement


def overlaps(known: Known, limits: Limits) -> bool:
    return known.beside is not None and known.beside[1] >= limits.overlap and known.beside[2] >= LEAST_BESIDE


def weighty(found: Clause, limits: Limits) -> bool:
    """Whether an ambiguous clause is so by enough to act on: `least_excess` points over the others, or above the limit."""
    return found.verdict == "ambiguous" or above(found, limits)


def bad_throughout(found: list[Clause], limits: Limits) -> dict[str, Any] | None:
    """How many of the clauses that can be compared lie above the limit, where at least half do: then the spec is the matter."""
    shown = [one for one in found if one.low is not None and one.n_items >= limits.items]
    n_above = sum(above(one, limits) for one in shown)
    if len(shown) < 2 or 2 * n_above < len(shown):
        return None
    return {"above": n_above, "of": len(shown), "limit": limits.disagreement}


def _rare(found: Clause, known: Known, limits: Limits) -> bool:
    return (
        known.n_items_of_spec >= LEAST_OF_SPEC
        and found.low is None
        and found.n_items < limits.rare * known.n_items_of_spec
    )
