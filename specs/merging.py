"""Two editors at one clause: what each wrote, side by side, and the clause that their choices make. Pure.

A clause is `{"title", "section", "blocks", "governs"}`. Blocks are aligned by their content, so that a block somebody else put
in does not make all later ones look changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from specs import canonical
from specs import clauses as clause_shape
from specs.wording import later

_PLAIN = {"title": later("Title"), "section": later("Section"), "governs": later("What it governs")}


@dataclass(frozen=True)
class Side:
    """One place where the two differ. `name` is what a choice is made for; `both` says whether both can stand."""

    name: str
    title: str
    mine: Any
    theirs: Any
    both: bool


def sides(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Side]:
    """Every place where two texts of a clause differ, in the order of the clause; blocks as lists of blocks."""
    found = [
        Side(name, title, mine.get(name), theirs.get(name), False)
        for name, title in _PLAIN.items()
        if (mine.get(name) or "") != (theirs.get(name) or "")
    ]
    for name, same, own, other in _runs(mine, theirs):
        if not same:
            kinds = dict.fromkeys(clause_shape.BLOCK_TYPES.get(b["type"], b["type"]) for b in [*own, *other])
            found.append(Side(name, ", ".join(kinds), own, other, bool(own and other)))
    return found


def merged(mine: Mapping[str, Any], theirs: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """The clause that *choices* (by `Side.name`: mine, theirs or both) make; what no choice was made for is as in *mine*."""
    words = {
        name: (theirs if choices.get(name) == "theirs" else mine).get(name, [] if name == "governs" else "")
        for name in _PLAIN
    }
    blocks: list[dict[str, Any]] = []
    for name, same, own, other in _runs(mine, theirs):
        choice = "mine" if same else choices.get(name)
        if choice == "both":
            blocks += [*other, *(block for block in own if block not in other)]
        else:
            blocks += other if choice == "theirs" else own
    return {**words, "blocks": blocks}


def _runs(
    mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[tuple[str, bool, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Runs of blocks: name, whether they are the same, mine, theirs."""
    own, other = list(mine.get("blocks", ())), list(theirs.get("blocks", ()))
    lines = [[canonical.dumps(block) for block in blocks] for blocks in (own, other)]
    matcher = difflib.SequenceMatcher(None, lines[0], lines[1], autojunk=False)
    for number, (tag, i, j, k, m) in enumerate(matcher.get_opcodes()):
        yield f"blocks.{number}", tag == "equal", own[i:j], other[k:m]
