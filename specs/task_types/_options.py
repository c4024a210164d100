"""What can be chosen: labels of the question, or options that a field of the item brings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specs.problems import Problem
from specs.task_types.base import BadValue, Question
from specs.wording import _

MAX_VALUE = 200


def problems(question: Question) -> list[Problem]:
    """What is wrong with where a question's options come from."""
    where = f"question {question.get('key', '')}"
    labels, source = question.get("labels") or [], question.get("options_from")
    found: list[Problem] = []
    if source and labels:
        found.append(
            Problem(where, _("has labels of its own and options from the item; it can have one of the two"))
        )
    if not source and len(labels) < 2:
        found.append(Problem(where, _("needs at least two labels")))
    return found


def of(question: Question, item: Mapping[str, Any], *, and_labels: bool = False) -> list[dict[str, str]]:
    """The options for an item, with the key that chooses each. Raises `BadValue` where the item brings none.

    With *and_labels* those of the question stand behind those of the item.
    """
    source, own = question.get("options_from"), question.get("labels") or []
    labels = _from_item(item.get(source)) if source else []
    if not source or and_labels:
        there = {str(label["value"]) for label in labels}
        labels = [*labels, *(label for label in own if label["value"] not in there)]
    return [
        {
            "value": str(label["value"]),
            "title": str(label.get("title") or label["value"]),
            "shortcut": str(label.get("shortcut") or (number if number <= 9 else "")),
            "colour": str(label.get("colour") or ""),
        }
        for number, label in enumerate(labels, 1)
    ]


def columns(question: Question) -> list[tuple[str, str]]:
    """A column of a flat export for each label of the question: `(name, value)`."""
    return [(f"{question['key']}:{label['value']}", label["value"]) for label in question.get("labels") or ()]


def title(question: Question, value: Any) -> str:
    """A label in words; an option of an item is its own words."""
    for label in question.get("labels") or ():
        if label["value"] == value:
            return str(label.get("title") or value)
    return str(value)


def _from_item(field: Any) -> list[dict[str, Any]]:
    """Options as items bring them: a list of texts, a list of `{"value", "title"}`, or one text with `|` between.

    In one text an option may stand twice; it is one option.
    """
    if isinstance(field, str):
        field = list(dict.fromkeys(field.split("|")))
    if not isinstance(field, list):
        raise BadValue(_("the item brings no options for this question"))
    options = [entry if isinstance(entry, dict) else {"value": entry} for entry in field]
    values = [str(option.get("value", "")) for option in options]
    if not all(values) or len(set(values)) != len(values) or max(map(len, values), default=0) > MAX_VALUE:
        raise BadValue(_("the item's options are empty, doubled or too long"))
    return options
