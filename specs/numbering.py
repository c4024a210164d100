"""The numbers of clauses: by position, nested one level. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def numbers(sections: Sequence[str]) -> list[str]:
    """The number of each clause, given the title of the section each stands in ("" for none), in order.

    A section and a clause outside any section take the next number; clauses in a section count within it.

    >>> numbers(["", "Time", "Time", "", "Place"])
    ['1', '2.1', '2.2', '3', '4.1']
    """
    found: list[str] = []
    outer, inner, current = 0, 0, ""
    for section in sections:
        if not section or section != current:
            outer, inner, current = outer + 1, 0, section
        inner += 1
        found.append(f"{outer}.{inner}" if section else str(outer))
    return found
