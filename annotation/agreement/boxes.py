"""Agreement on boxes drawn around things: F1 over boxes matched by how far they cover each other.

A box is `(left, top, right, bottom, label)` in any one unit, with left < right and top < bottom; an answer is a list of them.
As with spans there is no chance term: what nobody drew has no number.
"""

from __future__ import annotations

from collections.abc import Sequence

from specs import matching

Box = tuple[float, float, float, float, str]
Answer = Sequence[Box]


def f1(
    one: Answer, other: Answer, *, least: float = matching.LEAST_OVERLAP, with_labels: bool = True
) -> float:
    """Dice over boxes matched one to one that cover each other by at least *least*, the best matches first.

    1 for two empty answers, 0 where one is empty. With labels, boxes of different labels never match. Source: Everingham et
    al. 2010, the PASCAL Visual Object Classes challenge (matching at 0.5).

    >>> f1([(0, 0, 2, 2, "car")], [(0, 0, 2, 1, "car")]), f1([(0, 0, 2, 2, "car")], [(0, 0, 2, 2, "van")])
    (1.0, 0.0)
    """
    if with_labels:
        return matching.overlapping(one, other, matching.overlap_of_areas, least=least)
    bare = [box[:4] for box in one], [box[:4] for box in other]
    return matching.overlapping(*bare, matching.overlap_of_areas, least=least)


def mean_overlap(one: Answer, other: Answer) -> float:
    """How far two answers cover the same, box by box: the sum of matched overlaps over the mean number of boxes, in [0, 1].

    Falls smoothly where `f1` jumps, so it serves as the nearness of two answers. 1 for two empty answers.
    """
    return matching.shared(one, other, matching.overlap_of_areas, least=0.0)
