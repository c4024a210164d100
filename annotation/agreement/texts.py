"""Agreement on free text: how many characters have to change to make one answer the other."""

from __future__ import annotations


def edit_distance(one: str, other: str) -> int:
    """The fewest insertions, deletions and replacements of a character that make *one* into *other*.

    Bits of one long number stand for the column of the usual table, so a row costs a few operations on it. Source: Levenshtein
    1966; Myers 1999 in the form of Hyyrö 2001.

    >>> edit_distance("kitten", "sitting"), edit_distance("", "abc")
    (3, 3)
    """
    if len(one) < len(other):
        one, other = other, one
    if not other:
        return len(one)
    places: dict[str, int] = {}
    for place, character in enumerate(other):
        places[character] = places.get(character, 0) | 1 << place
    whole, last = (1 << len(other)) - 1, 1 << (len(other) - 1)
    up, down, distance = whole, 0, len(other)
    for character in one:
        found = places.get(character, 0)
        across = (((found & up) + up) ^ up) | found | down
        risen = down | ~(across | up) & whole
        fallen = up & across
        distance += bool(risen & last) - bool(fallen & last)
        risen = (risen << 1 | 1) & whole
        up = (fallen << 1 & whole) | ~(across | risen) & whole
        down = risen & across
    return distance


def similarity(one: str, other: str) -> float:
    """`1 - edits / length of the longer`, in [0, 1]: 1 for equal texts, also for two empty ones.

    Spaces at the ends and runs of spaces do not count.

    >>> round(similarity("kitten", "sitting"), 4)
    0.5714
    """
    one, other = " ".join(one.split()), " ".join(other.split())
    longer = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longer if longer else 1.0
