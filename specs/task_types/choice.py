"""One of several labels. The labels stand in the question, or come from a field of the item (`options_from`). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from specs.problems import Problem
from specs.task_types import _options
from specs.task_types.base import BadValue, Question, TaskType, given
from specs.wording import _, later


class Choice(TaskType):
    name = later("Choice: one of several labels")
    level = "nominal"
    item_options = True
    one_of_options = True

    def problems(self, question: Question) -> list[Problem]:
        return _options.problems(question)

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        return _options.of(question, item)

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        chosen = given(form, question)
        return self.parse_json(question, chosen[-1], item) if chosen else None

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        return {"labels": [{"value": text, "title": text} for text in sorted(set(texts) - set(offered))]}

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        return self.parse_json(question, text, item)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, str):
            raise BadValue(_("the answer to a choice is the value of one label, as text"))
        known = [option["value"] for option in self.options(question, item)]
        if value not in known:
            raise BadValue(
                _("%(value)r is not one of %(known)s") % {"value": value[:50], "known": ", ".join(known[:20])}
            )
        return value

    def distance(self, question: Question, a: Any, b: Any) -> float:
        return 0.0 if a == b else 1.0

    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        counts: dict[Any, int] = {}
        for value in values:
            counts[value] = counts.get(value, 0) + 1
        return max(counts, key=lambda value: (counts[value], str(value)))

    def describe(self, question: Question, value: Any) -> str:
        return _options.title(question, value)

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


task_type = Choice()
