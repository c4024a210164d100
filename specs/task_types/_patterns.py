"""Patterns that a person wrote, matched in time linear in the text: RE2, as it comes with Arrow. Pure.

Python's own expressions take for ever on some patterns; a spec's author must not be able to stop a server with one.
"""

from __future__ import annotations

from typing import Any

from specs.wording import _

MOST = 500


def problem(pattern: str) -> str | None:
    """Why the pattern cannot be used, in RE2's words; None where it can."""
    if len(pattern) > MOST:
        return _("it is longer than %(most)s characters") % {"most": MOST}
    if "\0" in pattern:
        return _("it holds a NUL")
    try:
        _search(pattern, "")
    except ValueError as error:
        return str(error).removeprefix("Invalid regular expression: ")[:200]
    return None


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern."""
    return _search(rf"\A(?:{pattern})\z", text)


def occurs(pattern: str, text: str) -> bool:
    """Whether the pattern fits a part of the text."""
    return _search(pattern, text)


def _search(pattern: str, text: str) -> bool:
    import pyarrow as pa  # half a second, and few questions have a pattern
    import pyarrow.compute as pc

    matched: Any = pc
    return bool(matched.match_substring_regex(pa.array([text], pa.string()), pattern=pattern)[0].as_py())
