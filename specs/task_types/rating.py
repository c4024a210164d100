"""A point of a scale of whole numbers, with names for its ends or for each point. A value is the number. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import median_low
from typing import Any

from specs.problems import Problem
from specs.task_types.base import BadValue, Column, Level, Question, Setting, TaskType, field, given
from specs.wording import _, later

MOST_POINTS = 21
LEVELS = (
    ("ordinal", later("Ordinal: only the order counts")),
    ("interval", later("Interval: equal steps are equally far")),
)


class Rating(TaskType):
    name = later("Rating: a point of a scale")
    level = "ordinal"
    labelled = False
    one_of_options = True
    settings = (
        Setting("min", later("Lowest point"), "whole", 1, low=-100, high=100),
        Setting("max", later("Highest point"), "whole", 5, low=-100, high=100),
        Setting("low_title", later("What the lowest point means"), "text", change="minor"),
        Setting("high_title", later("What the highest point means"), "text", change="minor"),
        Setting(
            "points",
            later("A name for each point"),
            "lines",
            hint=later("One a line, from the lowest on; empty for none."),
            change="minor",
        ),
        Setting("level", later("Level of measurement"), "choice", "ordinal", LEVELS, change="minor"),
        Setting(
            "agree_points",
            later("Answers agree up to this many points apart"),
            "whole",
            0,
            low=0,
            high=20,
            change="minor",
        ),
    )

    def problems(self, question: Question) -> list[Problem]:
        where, (low, high) = f"question {question.get('key', '')}", self._ends(question)
        names = self.setting(question, "points") or ()
        if high <= low:
            return [Problem(where, _("the highest point is not above the lowest"))]
        if high - low >= MOST_POINTS:
            return [
                Problem(
                    where,
                    _("has more than %(most_points)s points; take the kind number")
                    % {"most_points": MOST_POINTS},
                )
            ]
        if names and len(names) != high - low + 1:
            return [
                Problem(
                    where,
                    _("names %(n_names)s points of %(high)s")
                    % {"n_names": len(names), "high": high - low + 1},
                )
            ]
        if self.setting(question, "agree_points") >= high - low:
            return [Problem(where, _("would let its two ends agree"))]
        return []

    def _ends(self, question: Question) -> tuple[int, int]:
        return self.setting(question, "min"), self.setting(question, "max")

    def level_of(self, question: Question) -> Level:
        return "interval" if self.setting(question, "level") == "interval" else "ordinal"

    def known_values(self, question: Question) -> list[Any]:
        low, high = self._ends(question)
        return list(range(low, high + 1))

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        """The points; a digit chooses its own point where all points are digits above 0, else the place of the point."""
        low, high = self._ends(question)
        digits = low >= 1 and high <= 9
        return [
            {
                "value": str(point),
                "title": self.describe(question, point),
                "name": self._name(question, point),
                "shortcut": str(point if digits else place) if place <= 9 else "",
            }
            for place, point in enumerate(self.known_values(question), 1)
        ]

    def _name(self, question: Question, point: int) -> str:
        names, (low, high) = self.setting(question, "points"), self._ends(question)
        if names and 0 <= point - low < len(names):
            return str(names[point - low])
        ends = {low: self.setting(question, "low_title"), high: self.setting(question, "high_title")}
        return ends.get(point) or ""

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        named = bool(self.setting(question, "points"))
        low, high = (self._name(question, end) for end in self._ends(question))
        return {
            "chosen": "" if value is None else str(value),
            "named": named,
            "ends": [] if named or not (low or high) else [low, high],
        }

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        chosen = given(form, question)
        if not chosen:
            return None
        text = chosen[-1].strip()
        if not _is_whole(text):
            raise BadValue(_("%(text)r is no point of the scale") % {"text": text[:50]})
        return self.parse_json(question, int(text), item)

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        points = [int(text) for text in texts if _is_whole(text)]
        return {"settings": {"min": min(points), "max": max(points)}} if points else {}

    def from_text(self, question: Question, text: str, item: Mapping[str, Any]) -> Any:
        return self.parse(question, {field(question): text}, item)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        low, high = self._ends(question)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadValue(_("the answer to a rating is a whole number"))
        if not low <= value <= high:
            raise BadValue(_("lies outside of %(low)s to %(high)s") % {"low": low, "high": high})
        return value

    def distance(self, question: Question, a: Any, b: Any) -> float:
        low, high = self._ends(question)
        return abs(a - b) / (high - low)

    def tolerance(self, question: Question) -> float:
        low, high = self._ends(question)
        return float(self.setting(question, "agree_points")) / (high - low)

    def merge(self, question: Question, values: Sequence[Any]) -> Any:
        return median_low(values)

    def columns(self, question: Question) -> dict[str, Column]:
        return {question["key"]: "whole"}

    def describe(self, question: Question, value: Any) -> str:
        name = self._name(question, value)
        return f"{value}: {name}" if name else str(value)

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "severity",
            "kind": "rating",
            "title": "How severe is it?",
            "required": True,
            "settings": {"min": -3, "max": 1, "low_title": "very strong", "high_title": "not at all"},
        }
        return {
            "question": question,
            "item": {},
            "values": [-3, -1, 0, 1],
            "bad": [-4, 2, "1", 0.5, True, None, [1], 10**30],
        }


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 3


task_type = Rating()
