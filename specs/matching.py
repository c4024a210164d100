"""How well two sets of marked things match: Dice over what is in both, one to one where they only overlap. Pure.

F1 of one set against the other is the Dice coefficient, so it does not matter which of the two is called right (Hripcsak and
Rothschild 2005, "Agreement, the F-measure, and reliability in information retrieval").
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

LEAST_OVERLAP = 0.5
"""From which share of their union that two things have in common they may count as the same."""

Thing = TypeVar("Thing", bound=tuple[Any, ...])


def dice(both: float, first: float, second: float) -> float:
    """`2 both / (first + second)`: 1 for two empty sets, 0 where one is empty."""
    return 2 * both / (first + second) if first + second else 1.0


def exact(one: Iterable[Hashable], other: Iterable[Hashable]) -> float:
    """Dice over things that are the same in both."""
    first, second = set(one), set(other)
    return dice(len(first & second), len(first), len(second))


def one_to_one(
    one: Sequence[Thing], other: Sequence[Thing], overlap: Callable[[Thing, Thing], float]
) -> list[tuple[int, int]]:
    """Pairs of places that belong together: the best overlaps first, each thing once, none below `LEAST_OVERLAP`.

    *overlap* is the intersection over the union of two things, in [0, 1]. Equal overlaps go by the things themselves, so that
    it does not matter which set comes first.
    """
    found = sorted(
        (
            (share, i, j)
            for i, a in enumerate(one)
            for j, b in enumerate(other)
            if (share := overlap(a, b)) >= LEAST_OVERLAP
        ),
        key=lambda match: (-match[0], sorted((one[match[1]], other[match[2]]))),
    )
    left: set[int] = set()
    right: set[int] = set()
    pairs = []
    for _, i, j in found:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((i, j))
    return pairs


def overlapping(
    one: Sequence[Thing], other: Sequence[Thing], overlap: Callable[[Thing, Thing], float]
) -> float:
    """Dice over things that are matched one to one."""
    return dice(len(one_to_one(one, other, overlap)), len(one), len(other))


def overlap_of_ranges(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Intersection over union of two ranges with their ends excluded."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    return both / (max(one[1], other[1]) - min(one[0], other[0])) if both > 0 else 0.0
