"""One of several labels. The labels stand in the question, or come from a field of the item (`options_from`). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specs.problems import Problem
from specs.task_types.base import BadValue, Question, TaskType

MAX_VALUE = 200


class Choice(TaskType):
    name = "Choice: one of several labels"
    level = "nominal"

    def problems(self, question: Question) -> list[Problem]:
        where = f"question {question.get('key', '')}"
        labels, source = question.get("labels") or [], question.get("options_from")
        found: list[Problem] = []
        if source and labels:
            found.append(
                Problem(where, "has labels of its own and options from the item; it can have one of the two")
            )
        if not source and len(labels) < 2:
            found.append(Problem(where, "needs at least two labels"))
        return found

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        source = question.get("options_from")
        labels = _from_item(item.get(source)) if source else question.get("labels") or []
        return [
            {
                "value": str(label["value"]),
                "title": str(label.get("title") or label["value"]),
                "shortcut": str(label.get("shortcut") or (number if number <= 9 else "")),
            }
            for number, label in enumerate(labels, 1)
        ]

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        given = form.get(f"q.{question['key']}")
        return None if given in (None, "") else self.parse_json(question, given, item)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, str):
            raise BadValue("the answer to a choice is the value of one label, as text")
        known = [option["value"] for option in self.options(question, item)]
        if value not in known:
            raise BadValue(f"{value[:50]!r} is not one of {', '.join(known[:20])}")
        return value

    def codes(self, question: Question, values: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
        distinct: dict[Any, int] = {
            label["value"]: code for code, label in enumerate(question.get("labels") or ())
        }
        codes = np.fromiter((distinct.setdefault(value, len(distinct)) for value in values), dtype=np.int64)
        return codes, list(distinct)

    def distance(self, question: Question, a: Any, b: Any) -> float:
        return 0.0 if a == b else 1.0

    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        counts: dict[Any, int] = {}
        for value in values:
            counts[value] = counts.get(value, 0) + 1
        return max(counts, key=lambda value: (counts[value], str(value)))

    def compare(self, question: Question, values: Sequence[Any]) -> list[dict[str, Any]]:
        groups: dict[Any, list[int]] = {}
        for index, value in enumerate(values):
            groups.setdefault(value, []).append(index)
        ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), str(group[0])))
        return [
            {
                "value": value,
                "describe": self.describe(question, value),
                "indices": indices,
                "n": len(indices),
            }
            for value, indices in ordered
        ]

    def mapping(self, old: Question, new: Question) -> dict[str, str | None]:
        kept = {label["value"] for label in new.get("labels") or ()}
        return {
            label["value"]: label["value"] if label["value"] in kept else None
            for label in old.get("labels") or ()
        }

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        return {question["key"]: value}

    def describe(self, question: Question, value: Any) -> str:
        for label in question.get("labels") or ():
            if label["value"] == value:
                return str(label.get("title") or value)
        return str(value)

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "colour",
            "kind": "choice",
            "title": "Which colour?",
            "required": True,
            "labels": [{"value": "red", "title": "Red"}, {"value": "green", "title": "Green"}],
        }
        return {
            "question": question,
            "item": {},
            "values": ["red", "green"],
            "bad": ["blue", "", 1, None, ["red"], {}],
        }


def _from_item(field: Any) -> list[dict[str, Any]]:
    """Options as items bring them: a list of texts, a list of `{"value", "title"}`, or one text with `|` between."""
    if isinstance(field, str):
        field = field.split("|")
    if not isinstance(field, list):
        raise BadValue("the item brings no options for this question")
    options = [entry if isinstance(entry, dict) else {"value": entry} for entry in field]
    values = [str(option.get("value", "")) for option in options]
    if not all(values) or len(set(values)) != len(values) or max(map(len, values), default=0) > MAX_VALUE:
        raise BadValue("the item's options are empty, doubled or too long")
    return options


task_type = Choice()
