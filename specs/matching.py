"""How well two sets of marked things match: Dice over what is in both, one to one where they only overlap. Pure.

F1 of one set against the other is the Dice coefficient, so it does not matter which of the two is called right (Hripcsak and
Rothschild 2005, "Agreement, the F-measure, and reliability in information retrieval").
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

LEAST_OVERLAP = 0.5
"""From which share of their union that two things have in common they may count as the same."""

Range = tuple[int, int] | tuple[int, int, str]
"""`(start, end)` or `(start, end, label)`, with end excluded."""
Area = tuple[float, float, float, float] | tuple[float, float, float, float, str]
"""`(left, top, right, bottom)` or with a label behind, in any one unit; left < right and top < bottom."""
Thing = TypeVar("Thing", bound=tuple[Any, ...])


def dice(both: float, first: float, second: float) -> float:
    """`2 both / (first + second)`: 1 for two empty sets, 0 where one is empty."""
    return 2 * both / (first + second) if first + second else 1.0


def exact(one: Iterable[Hashable], other: Iterable[Hashable]) -> float:
    """Dice over things that are the same in both."""
    first, second = set(one), set(other)
    return dice(len(first & second), len(first), len(second))


def one_to_one(
    one: Sequence[Thing],
    other: Sequence[Thing],
    overlap: Callable[[Thing, Thing], float],
    *,
    least: float = LEAST_OVERLAP,
) -> list[tuple[int, int]]:
    """Pairs of places that belong together: the best overlaps first, each thing once, none below *least* or without any.

    *overlap* is the intersection over the union of two things, in [0, 1]. Equal overlaps go by the things themselves, so that
    it does not matter which set comes first.
    """
    found = sorted(
        (
            (share, i, j)
            for i, a in enumerate(one)
            for j, b in enumerate(other)
            if (share := overlap(a, b)) >= least and share > 0
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
    one: Sequence[Thing],
    other: Sequence[Thing],
    overlap: Callable[[Thing, Thing], float],
    *,
    least: float = LEAST_OVERLAP,
) -> float:
    """Dice over things that are matched one to one."""
    return dice(len(one_to_one(one, other, overlap, least=least)), len(one), len(other))


def shared(
    one: Sequence[Thing],
    other: Sequence[Thing],
    overlap: Callable[[Thing, Thing], float],
    *,
    least: float = LEAST_OVERLAP,
) -> float:
    """Dice in which things that are matched one to one count by how far they overlap: nothing but the same things is at 1."""
    pairs = one_to_one(one, other, overlap, least=least)
    return dice(sum(overlap(one[i], other[j]) for i, j in pairs), len(one), len(other))


def covering(one: Iterable[Range], other: Iterable[Range]) -> float:
    """Dice over the characters that ranges cover, each with its label."""
    first, second = _covered(one), _covered(other)
    both = sum(_in_common(first[label], second[label]) for label in first.keys() & second.keys())
    return dice(both, _length(first), _length(second))


def overlap_of_ranges(one: Range, other: Range) -> float:
    """Intersection over union of two ranges; 0 under two labels."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    if both <= 0 or one[2:] != other[2:]:
        return 0.0
    return both / (max(one[1], other[1]) - min(one[0], other[0]))


def overlap_of_areas(one: Area, other: Area) -> float:
    """Intersection over union of two areas, in [0, 1]; 0 under two labels. Source: Jaccard 1912; Everingham et al. 2010."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0 or one[4:] != other[4:]:
        return 0.0
    both = across * down
    return both / (_size(one) + _size(other) - both)


def _size(area: Area) -> float:
    return (area[2] - area[0]) * (area[3] - area[1])


def _covered(ranges: Iterable[Range]) -> dict[tuple[str, ...], list[tuple[int, int]]]:
    """What each label covers: ranges by place that do not touch."""
    found: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for start, end, *label in sorted(ranges):
        covered = found.setdefault(tuple(label), [])
        if covered and start <= covered[-1][1]:
            covered[-1] = (covered[-1][0], max(covered[-1][1], end))
        else:
            covered.append((start, end))
    return found


def _length(covered: Mapping[tuple[str, ...], Sequence[tuple[int, int]]]) -> int:
    return sum(end - start for ranges in covered.values() for start, end in ranges)


def _in_common(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """How many characters two lists of ranges have in common; both by place."""
    i = j = found = 0
    while i < len(one) and j < len(other):
        found += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found
