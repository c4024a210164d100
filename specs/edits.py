"""How one text became another: how many characters had to change, and which words did. Pure."""

from __future__ import annotations

import difflib
import re
from typing import Literal

_WORDS = re.compile(r"\s+|[^\s]+")
Run = tuple[Literal["same", "removed", "added"], str]
_ISLAND = 3  # words that stay, fewer than this between two changes, read better as a part of the change


def words(old: str, new: str, *, islands: bool = False) -> list[Run]:
    """Runs of words for display: joined without the added ones they give *old*, without the removed ones *new*.

    A word or two that happen to stay in the middle of a rewritten sentence count as rewritten, unless *islands* are wanted.
    """
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    steps = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    pieces = [
        ["same" if tag == "equal" else "changed", "".join(a[i:j]), "".join(b[k:m])]
        for tag, i, j, k, m in steps
    ]
    runs: list[Run] = []
    for tag, before, after in pieces if islands else _without_islands(pieces):
        if tag == "same":
            runs.append(("same", before))
            continue
        if before:
            runs.append(("removed", before))
        if after:
            runs.append(("added", after))
    return runs


def _without_islands(pieces: list[list[str]]) -> list[list[str]]:
    joined: list[list[str]] = []
    for place, (tag, before, after) in enumerate(pieces):
        island = tag == "same" and 0 < place < len(pieces) - 1 and len(before.split()) < _ISLAND
        if (island or tag == "changed") and joined and joined[-1][0] == "changed":
            joined[-1][1] += before
            joined[-1][2] += after
        else:
            joined.append([tag, before, after])
    return joined


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
