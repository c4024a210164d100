"""Agreement on free text: how many characters have to change to make one answer the other."""

from __future__ import annotations

from specs.edits import edit_distance


def similarity(one: str, other: str) -> float:
    """`1 - edits / length of the longer`, in [0, 1]: 1 for equal texts, also for two empty ones.

    Spaces at the ends and runs of spaces do not count.

    >>> round(similarity("kitten", "sitting"), 4)
    0.5714
    """
    one, other = " ".join(one.split()), " ".join(other.split())
    longer = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longer if longer else 1.0
