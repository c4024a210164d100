"""What each field of an item is: declared once, in the project's settings, a line `field = kind` each. Pure.

What nobody declared is seen from the value itself: media that a load has put in, turns of a conversation, rows of a table;
else text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specs.wording import _

KINDS = (
    "text",
    "markdown",
    "conversation",
    "candidates",
    "image",
    "audio",
    "table",
    "json",
    "html",
    "detail",
    "hidden",
)
MAX_DECLARED = 200
_SAID = ("content", "text", "value")
_WHO = ("role", "speaker", "from", "name", "author")
_CALLED = ("title", "name", "model", "id")


def declared(text: str) -> dict[str, str]:
    """Kinds by field. Raises `ValueError` naming the line that is none."""
    found: dict[str, str] = {}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_DECLARED:
        raise ValueError(
            _("More than %(max_declared)s fields are declared.") % {"max_declared": MAX_DECLARED}
        )
    for line in lines:
        name, equals, kind = (part.strip() for part in line.partition("="))
        if not equals or not name or kind not in KINDS:
            raise ValueError(
                _("%(line)r is no line “field = kind”; kinds are %(kinds)s.")
                % {"line": line[:80], "kinds": ", ".join(KINDS)}
            )
        if name in found:
            raise ValueError(_("The field %(name)r is declared twice.") % {"name": name[:80]})
        found[name] = kind
    return found


def seen(value: Any) -> str:
    """The kind that a value looks like."""
    if media := media_of(value):
        return str(media["type"]).partition("/")[0]
    if turns(value):
        return "conversation"
    if rows(value):
        return "table"
    return "json" if isinstance(value, dict | list) else "text"


def media_of(value: Any) -> Mapping[str, Any] | None:
    """Media as a load puts it in: an object with a digest and a type; None for anything else."""
    if not isinstance(value, Mapping) or not isinstance(value.get("media"), str):
        return None
    known = str(value.get("type", "")).partition("/")[0] in ("image", "audio")
    return value if known and value["media"].startswith("sha256:") else None


def turns(value: Any, target: Any = None) -> list[dict[str, Any]]:
    """Turns of a conversation: `{"role", "text", "target"}`; empty where the value is none.

    A turn is an object with who speaks and what is said. The one to be judged says `"target": true`, or *target* is its place
    from 0.
    """
    if not isinstance(value, list) or not value:
        return []
    found = []
    for place, turn in enumerate(value):
        who, said = _first(turn, _WHO), _first(turn, _SAID)
        if who is None or said is None:
            return []
        found.append({"role": who, "text": said, "target": turn.get("target") is True or target == place})
    return found


def candidates(value: Any) -> list[dict[str, str]]:
    """Texts to be compared: `{"title", "text"}`; from a list of texts or of objects, or an object of texts by title."""
    if isinstance(value, Mapping):
        value = [{"title": title, "text": text} for title, text in value.items()]
    if not isinstance(value, list) or not value:
        return []
    found = []
    for place, one in enumerate(value):
        said = one if isinstance(one, str) else _first(one, _SAID)
        if said is None:
            return []
        title = "" if isinstance(one, str) else _first(one, _CALLED)
        found.append({"title": title or chr(65 + place % 26), "text": said})
    return found


def rows(value: Any) -> dict[str, Any] | None:
    """`{"columns", "rows"}` of a list of flat objects or of flat lists (the first names the columns); None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, Mapping) and row for row in value):
        columns = list(dict.fromkeys(name for row in value for name in row))
        cells = [[row.get(name) for name in columns] for row in value]
    elif all(isinstance(row, list) and len(row) == len(value[0]) > 0 for row in value) and len(value) > 1:
        columns, cells = [str(name) for name in value[0]], value[1:]
    else:
        return None
    if any(isinstance(cell, dict | list) for row in cells for cell in row):
        return None
    return {"columns": columns, "rows": [["" if cell is None else cell for cell in row] for row in cells]}


def _first(thing: Any, names: tuple[str, ...]) -> str | None:
    if not isinstance(thing, Mapping):
        return None
    return next((thing[name] for name in names if isinstance(thing.get(name), str)), None)
