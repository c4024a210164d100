"""What spans and boxes share: answers that are lists of labelled things, and the two forms they are posted in. Pure.

A page with its script posts `q.<key>`, the list as JSON. Without, it posts rows: `q.<key>.label`, `q.<key>.start` and so on, each
as often as there are rows. `q.<key>.none` says that there is nothing to mark; without it an empty list is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from specs import canonical
from specs.problems import Problem
from specs.task_types.base import BadValue, Question, field, given
from specs.wording import _

_WHOLE = re.compile(r"^[+-]?[0-9]{1,15}$")
_NUMBER = re.compile(r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$")
_TEXTS = ("label", "text")
_MOST_SHOWN = 1000
UNNAMED = "span"
"""The label of spans that come from elsewhere without one."""
_COLOURS = ("blue", "green", "amber", "violet", "red", "grey")


def problems(question: Question) -> list[Problem]:
    """What is wrong with where the labels come from; one is enough, since a thing can also be left unmarked."""
    where, labels = f"question {question.get('key', '')}", question.get("labels") or []
    if question.get("options_from"):
        both = _("has labels of its own and options from the item; it can have one of the two")
        return [Problem(where, both)] if labels else []
    return [] if labels else [Problem(where, _("needs at least one label"))]


def coloured(options: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The options, each with a colour: what is marked lies close together, so no two neighbours should look alike."""
    return [
        {**option, "colour": option.get("colour") or _COLOURS[place % len(_COLOURS)]}
        for place, option in enumerate(options)
    ]


def entered(question: Question, form: Mapping[str, Any], parts: Sequence[str]) -> Any:
    """What was entered: a list, a text that is no list, or None for nothing. Never raises."""
    nothing = bool(given(form, question, "none"))
    if posted := given(form, question):
        found = _loaded(posted[-1])
    else:
        found = _rows(question, form, parts)
    if found == []:
        return [] if nothing else None
    return found


def check_nothing(question: Question, form: Mapping[str, Any], found: Any) -> None:
    """Raises `BadValue` where something is marked in a form that says there is nothing to mark."""
    if found and given(form, question, "none"):
        raise BadValue(
            _("something is marked, and it is said that there is nothing to mark: take one of them back")
        )


def form(question: Question, value: Sequence[Any]) -> dict[str, list[str]]:
    """The fields that post the value."""
    found = {field(question): [canonical.dumps(value).decode()]}
    return found if value else {**found, field(question, "none"): ["1"]}


def rows(value: Any, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Whatever was entered as rows to be shown again; what is no row is left out."""
    found = value if isinstance(value, list) else []
    return [
        {part: row[part] for part in parts if isinstance(row.get(part), str | int | float)}
        for row in found[:_MOST_SHOWN]
        if isinstance(row, Mapping)
    ]


def check_list(value: Any, at_most: int, things: str) -> None:
    """Raises `BadValue` where the value is no list, or a longer one than the question takes."""
    if not isinstance(value, list):
        raise BadValue(_("the answer is a list of %(things)s") % {"things": things})
    if len(value) > at_most:
        raise BadValue(
            _("there are %(n_value)s %(things)s, and this question takes at most %(at_most)s")
            % {"n_value": len(value), "things": things, "at_most": at_most}
        )


def check_parts(number: int, thing: Any, parts: Sequence[str], name: str) -> None:
    """Raises `BadValue` where the thing has not exactly these parts."""
    if not isinstance(thing, Mapping) or set(thing) != set(parts):
        raise BadValue(
            _("%(name)s %(number)s is not an object of %(parts)s")
            % {"name": name, "number": number, "parts": ", ".join(sorted(parts))}
        )


def _loaded(text: str) -> Any:
    try:
        return canonical.loads_strict(text.encode())
    except (canonical.NotCanonical, UnicodeEncodeError):
        return text[:200]


def _rows(question: Question, form: Mapping[str, Any], parts: Sequence[str]) -> list[dict[str, Any]]:
    columns = {part: _column(form, field(question, part)) for part in parts}
    length = max(map(len, columns.values()), default=0)
    found = []
    for place in range(length):
        row = {
            part: _read(part, texts[place])
            for part, texts in columns.items()
            if place < len(texts) and texts[place]
        }
        if set(row) - {"label"}:
            found.append(row)
    return found


def _column(form: Mapping[str, Any], name: str) -> list[str]:
    found = form.getlist(name) if hasattr(form, "getlist") else form.get(name) or []
    several = found if isinstance(found, list | tuple) else [found]
    return [text if isinstance(text, str) else "" for text in several]


def _read(part: str, text: str) -> Any:
    if part in _TEXTS:
        return text
    if _WHOLE.match(text.strip()):
        return int(text)
    return float(text) if _NUMBER.match(text.strip()) else text


def pairs(text: str) -> list[tuple[int, int, str]]:
    """`(start, end, label)` of a JSON list of `[start, end]`, `[start, end, label]` or spans. Raises `BadValue`."""
    try:
        listed = canonical.loads_strict(text)
    except canonical.NotCanonical as error:
        raise BadValue(_("is no list of spans: %(error)s") % {"error": error}) from error
    found = []
    for one in listed if isinstance(listed, list) else [None]:
        parts = [one.get("start"), one.get("end"), one.get("label")] if isinstance(one, dict) else one
        if (
            not isinstance(parts, list)
            or len(parts) not in (2, 3)
            or any(type(place) is not int for place in parts[:2])
        ):
            raise BadValue(_("is no list of spans, as [start, end] each"))
        found.append((parts[0], parts[1], str(parts[2]) if len(parts) == 3 and parts[2] else UNNAMED))
    return found
