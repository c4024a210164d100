"""A number with a unit. A value is the number; its unit stands in the question. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from specs.problems import Problem
from specs.task_types.base import BadValue, Column, Question, Setting, TaskType, field, given
from specs.wording import _, later

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?")
LIMIT = 2**53 - 1


class Number(TaskType):
    name = later("Number: a quantity with a unit")
    level = "ratio"
    labelled = False
    settings = (
        Setting("unit", later("Unit"), "text", hint=later("As it stands behind the number: cm, years, %.")),
        Setting("min", later("Smallest number"), "number"),
        Setting("max", later("Largest number"), "number"),
        Setting("whole", later("Whole numbers only"), "yes", False),
        Setting(
            "agree_within",
            later("Answers agree up to this distance"),
            "number",
            0,
            low=0,
            high=0.99,
            hint=later("A share of the larger of the two: 0.05 lets 95 and 100 agree."),
            change="minor",
        ),
    )

    def problems(self, question: Question) -> list[Problem]:
        low, high = self.setting(question, "min"), self.setting(question, "max")
        if low is not None and high is not None and high <= low:
            return [
                Problem(
                    f"question {question.get('key', '')}", _("the largest number is not above the smallest")
                )
            ]
        return []

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        return {
            "shown": "" if value is None else value if isinstance(value, str) else f"{value}",
            "unit": self.setting(question, "unit") or "",
        }

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        """Of a text with a point or a comma before its decimals; spaces between thousands are let pass."""
        texts = given(form, question)
        text = re.sub(r"(?<=\d)[ \u00a0\u202f](?=\d{3})", "", texts[-1].strip()) if texts else ""
        if not text:
            return None
        if not _NUMBER.fullmatch(text) or len(text) > 40:
            raise BadValue(_("%(text)r is no number") % {"text": text[:50]})
        return self.parse_json(question, float(text.replace(",", ".")), item)

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        return self.parse(question, {field(question): text}, item)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LIMIT:
            raise BadValue(_("the answer is a number"))
        low, high = self.setting(question, "min"), self.setting(question, "max")
        if self.setting(question, "whole") and value != int(value):
            raise BadValue(_("is not a whole number"))
        if low is not None and value < low:
            raise BadValue(_("is below %(low)s") % {"low": low})
        if high is not None and value > high:
            raise BadValue(_("is above %(high)s") % {"high": high})
        return int(value) if value == int(value) else value

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """The difference as a share of the larger amount; of numbers with unlike signs the whole."""
        if a == b:
            return 0.0
        return min(abs(a - b) / max(abs(a), abs(b)), 1.0)

    def columns(self, question: Question) -> dict[str, Column]:
        return {question["key"]: "whole" if self.setting(question, "whole") else "number"}

    def describe(self, question: Question, value: Any) -> str:
        return f"{value} {self.setting(question, 'unit') or ''}".strip()

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "height",
            "kind": "number",
            "title": "How high is it?",
            "required": True,
            "settings": {"unit": "cm", "min": 0, "max": 10_000},
        }
        return {
            "question": question,
            "item": {},
            "values": [0, 12, 12.5, 0.001, 10_000],
            "bad": [-1, 10_001, "12", True, None, [12], float("nan")],
        }


task_type = Number()
