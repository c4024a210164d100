"""Labelled rectangles on an image of the item. Pure.

A value is a list of `{"x", "y", "width", "height", "label"}`, from top left to bottom right. Lengths are pixels of the image as
it is stored (upright, whatever zoom it was looked at with), from its top left corner; whole numbers, or fractions to a hundredth.
What reaches beyond the image is cut off at its edge; a box that then has less than a pixel left is refused. An empty list
says that there is nothing to mark, which is an answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from specs import matching
from specs.problems import Problem
from specs.task_types import _marked, _options
from specs.task_types._settings import Setting
from specs.task_types.base import BadValue, Column, Question, TaskType, given
from specs.wording import _, later

MOST = 1000
"""Boxes of one answer, whatever its question says."""
SMALLEST = 1
"""Pixels of the shorter side."""
_FURTHEST = 10**7
_SIDES = ("x", "y", "width", "height")
_PARTS = ("label", *_SIDES)
_DESCRIBED = 8
Sides = tuple[float, float, float, float]


class Boxes(TaskType):
    name = later("Boxes: labelled rectangles on an image")
    level = "boxes"
    item_options = True
    settings = (
        Setting("field", later("Field of the item that holds the image"), "text", default="image"),
        Setting(
            "agree_within",
            later("Answers agree up to this distance (1 - F1)"),
            "number",
            default=0,
            low=0,
            high=1,
            hint=later(
                "Boxes of one label match where they share at least half of what they cover together."
            ),
            change="minor",
        ),
        Setting("at_most", later("Boxes at most"), "whole", default=100, low=1, high=MOST, change="minor"),
    )

    def problems(self, question: Question) -> list[Problem]:
        return _marked.problems(question)

    def options(self, question: Question, item: Mapping[str, Any]) -> list[dict[str, str]]:
        return _marked.coloured(_options.of(question, item))

    def shows(self, question: Question) -> tuple[str, ...]:
        return (self.setting(question, "field"),)

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """`image` (None where the item has none), the `marks` that stand, the `rows` of the plain form."""
        rows = _marked.rows(value, _PARTS)
        image = item.get(self.setting(question, "field"))
        return {
            "image": image if size_of(image) else None,
            "marks": [row for row in rows if all(_is_number(row.get(side)) for side in _SIDES)],
            "rows": rows,
            "nothing": value == [],
            "at_most": self.setting(question, "at_most"),
        }

    def parse(self, question: Question, form: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        found = self.entered(question, form)
        if found is None:
            return None
        _marked.check_nothing(question, form, found)
        if not given(form, question) and isinstance(found, list):
            for number, row in enumerate(found, 1):
                if missing := [part for part in _PARTS if part not in row]:
                    raise BadValue(
                        _("row %(number)s has no %(missing)s") % {"number": number, "missing": missing[0]}
                    )
        return self.parse_json(question, found, item)

    def entered(self, question: Question, form: Mapping[str, Any]) -> Any:
        return _marked.entered(question, form, _PARTS)

    def form(self, question: Question, value: Any) -> dict[str, list[str]]:
        return _marked.form(question, value)

    def parse_json(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        _marked.check_list(value, self.setting(question, "at_most"), "boxes")
        size = self.size(question, item)
        labels = {option["value"] for option in self.options(question, item)}
        found = sorted(
            (_checked(number, box, size, labels) for number, box in enumerate(value, 1)), key=_order
        )
        for one, other in itertools.pairwise(found):
            if one == other:
                raise BadValue(_("the box %(words)s stands twice") % {"words": _words(one)})
        return found

    def size(self, question: Question, item: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height of the image that is marked, in pixels. Raises `BadValue` where the item has none."""
        name = self.setting(question, "field")
        found = size_of(item.get(name))
        if found is None:
            raise BadValue(
                _("the item has no image in its field %(name)r, so nothing of it can be marked")
                % {"name": name}
            )
        return found

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """`1 - 2 IoU / (n_a + n_b)`, IoU summed over the boxes of one label that are matched one to one (`matching.one_to_one`).

        F1 in which a match counts as much as its two boxes have in common, so nothing but the same boxes is at 0.
        """
        first, second = [*map(_order, a)], [*map(_order, b)]
        pairs = matching.one_to_one(first, second, _overlap)
        return 1.0 - matching.dice(
            sum(_overlap(first[i], second[j]) for i, j in pairs), len(first), len(second)
        )

    def overlay(
        self, question: Question, item: Mapping[str, Any], readings: Sequence[tuple[str, Any]]
    ) -> dict[str, Any] | None:
        """`image`, `letters` (the height of writing, in its pixels), and the `marks` of all readings.

        A mark is a box with `whose`, `title`, the place of its reading from 1, and the line `beside` it for its name.
        """
        image = item.get(self.setting(question, "field"))
        size = size_of(image)
        if size is None:
            return None
        letters = max(8, size[0] // 40)
        marks = [
            {**box, "whose": whose, "reading": place, "title": _options.title(question, box["label"])}
            | {"beside": _beside(box, place, letters, size[1])}
            for place, (whose, value) in enumerate(readings, 1)
            for box in value
        ]
        return {"image": image, "letters": letters, "marks": marks}

    def columns(self, question: Question) -> dict[str, Column]:
        return {question["key"]: "text", f"{question['key']}:n": "whole"}

    def rows(self, question: Question, value: Any) -> dict[str, Any]:
        """The list as canonical JSON, and how long it is."""
        return {question["key"]: self.key(question, value), f"{question['key']}:n": len(value)}

    def describe(self, question: Question, value: Any) -> str:
        if not value:
            return _("nothing marked")
        named = [f"{_options.title(question, box['label'])}: {_words(box)}" for box in value[:_DESCRIBED]]
        return "; ".join(named) + (
            _("; and %(n_value)s more") % {"n_value": len(value) - _DESCRIBED}
            if len(value) > _DESCRIBED
            else ""
        )

    def sample(self) -> dict[str, Any]:
        question = {
            "key": "animals",
            "kind": "boxes",
            "title": "Where are the animals?",
            "required": True,
            "labels": [{"value": "cat", "title": "Cat"}, {"value": "dog", "title": "Dog"}],
        }
        cat = {"x": 10, "y": 20, "width": 100, "height": 50, "label": "cat"}
        dog = {"x": 200.5, "y": 20, "width": 99.25, "height": 50, "label": "dog"}
        return {
            "question": question,
            "item": {
                "image": {"media": f"sha256:{'0' * 64}", "type": "image/png", "width": 400, "height": 300}
            },
            "values": [[cat, dog], [cat], [{**cat, "width": 90}], []],
            "bad": [
                *(None, 1, "cat", {}, [1], [None], [[]], [{}], [cat, cat], [{**cat, "label": "cow"}]),
                *([{**cat, "width": 0}], [{**cat, "height": -5}], [{**cat, "x": 400}], [{**cat, "y": -60}]),
                *(
                    [{**cat, "x": math.nan}],
                    [{**cat, "x": math.inf}],
                    [{**cat, "x": "10"}],
                    [{**cat, "x": True}],
                ),
                *([{**cat, "x": 10**9}], [{**cat, "angle": 4}], [cat] * (MOST + 1)),
            ],
        }


def size_of(image: Any) -> tuple[int, int] | None:
    """Width and height that an image field of an item names, or None where it is none."""
    if not isinstance(image, Mapping) or not isinstance(image.get("media"), str):
        return None
    width, height = image.get("width"), image.get("height")
    if type(width) is not int or type(height) is not int or width < 1 or height < 1:
        return None
    return width, height


def _checked(number: int, box: Any, size: tuple[int, int], labels: set[str]) -> dict[str, Any]:
    """One box of an answer, cut to the image, or why it is none."""
    _marked.check_parts(number, box, _PARTS, "box")
    if not all(_is_number(box[side]) for side in _SIDES):
        raise BadValue(
            _("box %(number)s: %(sides)s are numbers of pixels")
            % {"number": number, "sides": ", ".join(_SIDES)}
        )
    if box["width"] <= 0 or box["height"] <= 0:
        raise BadValue(
            _("box %(number)s has a side of no length: %(words)s") % {"number": number, "words": _words(box)}
        )
    if box["label"] not in labels:
        raise BadValue(
            _("box %(number)s has the label %(label)r, which is not asked for here")
            % {"number": number, "label": str(box["label"])[:50]}
        )
    left, right = _cut(box["x"], box["width"], size[0])
    top, bottom = _cut(box["y"], box["height"], size[1])
    if right - left < SMALLEST or bottom - top < SMALLEST:
        raise BadValue(
            _(
                "box %(number)s (%(words)s) has less than a pixel within the image of %(width)s × %(height)s "
                "pixels"
            )
            % {"number": number, "words": _words(box), "width": size[0], "height": size[1]}
        )
    sides = (left, top, _even(right - left), _even(bottom - top))
    return {"label": box["label"], **dict(zip(_SIDES, sides, strict=True))}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= _FURTHEST


def _cut(start: float, length: float, size: int) -> tuple[float, float]:
    return _even(min(max(start, 0), size)), _even(min(max(start + length, 0), size))


def _even(value: float) -> float:
    """To a hundredth of a pixel; a whole number as one, as canonical JSON writes it."""
    found = round(float(value), 2)
    return int(found) if found.is_integer() else found


def _order(box: Mapping[str, Any]) -> tuple[Any, ...]:
    return box["y"], box["x"], box["height"], box["width"], box["label"]


def _beside(box: Mapping[str, Any], reading: int, letters: int, height: int) -> float:
    """The line that a box's name is written on: above it for one reading, below it for the next, so that names lie apart."""
    above, below = box["y"] - letters / 4, box["y"] + box["height"] + letters
    if reading % 2:
        return float(above if above >= letters else box["y"] + letters)
    return float(below if below <= height else box["y"] + box["height"] - letters / 4)


def _overlap(one: tuple[Any, ...], other: tuple[Any, ...]) -> float:
    """Intersection over union of two boxes of one label; 0 for two labels."""
    if one == other:
        return 1.0
    if one[4] != other[4]:
        return 0.0
    high = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    wide = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if high <= 0 or wide <= 0:
        return 0.0
    return float(high * wide / (one[2] * one[3] + other[2] * other[3] - high * wide))


def _words(box: Mapping[str, Any]) -> str:
    return f"{box['width']} × {box['height']} at {box['x']}, {box['y']}"


task_type = Boxes()
