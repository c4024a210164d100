"""Values as tools write them that do not say what they are: a text, a number, a list. Which value of a kind they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specs.wording import _
from workforce.label_studio import NotCarried

TYPES: dict[str, tuple[str, ...]] = {
    "text": ("choice", "text", "multichoice", "number", "rating"),
    "number": ("rating", "number", "choice"),
    "list": ("multichoice", "choice", "text", "ranking"),
    "spans": ("spans",),
    "order": ("ranking",),
}
"""What values look like, and the kinds of question whose value they can be; the first is the likeliest."""


def type_of(value: Any) -> str:
    """What a value looks like; empty for what has no place here."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    if isinstance(value, list):
        if value and all(isinstance(one, dict) and "rank" in one for one in value):
            return "order"
        if value and all(_is_span(one) for one in value):
            return "spans"
        if all(isinstance(one, str) for one in value):
            return "list"
    return ""


def _is_span(one: Any) -> bool:
    if isinstance(one, list):
        return len(one) == 3 and all(type(part) is int for part in one[:2]) and isinstance(one[2], str)
    return isinstance(one, dict) and {"start", "end", "label"} <= set(one)


def value_of(kind: str, value: Any, data: Mapping[str, Any]) -> Any:
    """The value to a question of the kind. Raises `NotCarried`."""
    looks = type_of(value)
    if kind not in TYPES.get(looks, ()) and not (kind == "spans" and value == []):
        raise NotCarried(_("are no answer to a question of the kind %(kind)s") % {"kind": kind})
    match kind:
        case "choice" | "text":
            return _one(kind, value)
        case "multichoice":
            found = [value] if isinstance(value, str) else list(dict.fromkeys(value))
            return [one.strip() for one in found]
        case "number" | "rating":
            return _number(kind, value)
        case "spans":
            return [_span(one, data) for one in value]
        case _:
            return _order(value)


def _one(kind: str, value: Any) -> str:
    if isinstance(value, list):
        if len(value) != 1:
            raise NotCarried(_("choose several values") if value else _("choose nothing"))
        value = value[0]
    if isinstance(value, float) and value == int(value):
        value = int(value)
    found = str(value)
    if not found.strip():
        raise NotCarried(_("hold no text"))
    return found if kind == "text" else found.strip()


def _number(kind: str, value: Any) -> int | float:
    try:
        found = float(value)
    except ValueError as error:
        raise NotCarried(_("hold no number")) from error
    if found != found or abs(found) == float("inf"):
        raise NotCarried(_("hold no number"))
    if found == int(found):
        return int(found)
    if kind == "rating":
        raise NotCarried(_("are no whole numbers"))
    return found


def _span(one: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """A span in code points; where the record has several texts, of the first that is long enough."""
    start, end, label = one if isinstance(one, list) else (one["start"], one["end"], one["label"])
    texts = [data["text"]] if isinstance(data.get("text"), str) else []
    texts += [text for name, text in data.items() if isinstance(text, str) and name != "text"]
    surface = next(
        (text[start:end] for text in texts if type(start) is int and 0 <= start < end <= len(text)), None
    )
    if surface is None:
        raise NotCarried(_("name places where no text of the task has what they say"))
    said = one.get("text") if isinstance(one, dict) else None
    if isinstance(said, str) and said.split() != surface.split():
        raise NotCarried(_("name places where no text of the task has what they say"))
    return {"start": start, "end": end, "label": str(label), "text": surface}


def _order(value: Sequence[Any]) -> list[list[str]]:
    """Places, best first: a list, or things with their rank, of which several may share one."""
    if not value:
        raise NotCarried(_("put nothing in order"))
    if isinstance(value[0], str):
        return [[one] for one in value]
    places: dict[int, list[str]] = {}
    for one in value:
        if type(one["rank"]) is not int:
            raise NotCarried(_("leave things without a place"))
        places.setdefault(one["rank"], []).append(str(one.get("value")))
    return [places[rank] for rank in sorted(places)]
