"""Agreement on boxes drawn around things: F1 over boxes matched by how far they cover each other.

A box is `(left, top, right, bottom, label)` in any one unit, with left < right and top < bottom; an answer is a list of them.
As with spans there is no chance term: what nobody drew has no number.
"""

from __future__ import annotations

from collections.abc import Sequence

from annotation.agreement.spans import LEAST_OVERLAP

Box = tuple[float, float, float, float, str]
Answer = Sequence[Box]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of the two areas, in [0, 1]; labels do not matter. Source: Jaccard 1912; Everingham 2010."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (_area(one) + _area(other) - both)


def f1(one: Answer, other: Answer, *, least: float = LEAST_OVERLAP, with_labels: bool = True) -> float:
    """Dice over boxes matched one to one that cover each other by at least *least*, the best matches first.

    1 for two empty answers, 0 where one is empty. With labels, boxes of different labels never match. Source: Everingham et
    al. 2010, the PASCAL Visual Object Classes challenge (matching at 0.5).

    >>> f1([(0, 0, 2, 2, "car")], [(0, 0, 2, 1, "car")]), f1([(0, 0, 2, 2, "car")], [(0, 0, 2, 2, "van")])
    (1.0, 0.0)
    """
    if not one and not other:
        return 1.0
    matched = _matched(one, other, least, with_labels)
    return 2 * len(matched) / (len(one) + len(other))


def mean_overlap(one: Answer, other: Answer) -> float:
    """How far two answers cover the same, box by box: the sum of matched overlaps over the mean number of boxes, in [0, 1].

    Falls smoothly where `f1` jumps, so it serves as the nearness of two answers. 1 for two empty answers.
    """
    if not one and not other:
        return 1.0
    return 2 * sum(_matched(one, other, 0.0, True)) / (len(one) + len(other))


def _matched(one: Answer, other: Answer, least: float, with_labels: bool) -> list[float]:
    """The overlaps of boxes matched one to one, the best first."""
    found = sorted(
        (
            (share, i, j)
            for i, a in enumerate(one)
            for j, b in enumerate(other)
            if (not with_labels or a[4] == b[4]) and (share := overlap(a, b)) >= least and share > 0
        ),
        key=lambda match: -match[0],
    )
    left: set[int] = set()
    right: set[int] = set()
    shares = []
    for share, i, j in found:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            shares.append(share)
    return shares


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
