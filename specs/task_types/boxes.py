"""Labelled rectangles on an image of the item. Pure.

A value is a list of `{"x", "y", "width", "height", "label"}`, from top left to bottom right. Lengths are pixels of the image as
it is stored (upright, whatever zoom it was looked at with), from its top left corner; whole numbers, or fractions to a hundredth.
What reaches beyond the image is cut off at its edge; a box that then has less than a pixel left is refused. An empty list
says that there is nothing to mark, which is an answer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from specs import canonical, matching
from specs.task_types import _marked, _options
from specs.task_types._settings import Setting
from specs.task_types.base import BadValue, Question
from specs.wording import _, later

MOST = 1000
"""Boxes of one answer, whatever its question says."""
SMALLEST = 1
"""Pixels of the shorter side."""
_FURTHEST = 10**7
_SIDES = ("x", "y", "width", "height")


class Boxes(_marked.Marks):
    name = later("Boxes: labelled rectangles on an image")
    level = "boxes"
    parts = ("label", *_SIDES)
    mark, marks = "box", "boxes"
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

    def context(self, question: Question, item: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """`image` (None where the item has none), the `marks` that stand, the `rows` of the plain form."""
        rows = _marked.rows(value, self.parts)
        image = item.get(self.setting(question, "field"))
        return {
            "image": image if size_of(image) else None,
            "marks": [row for row in rows if all(_is_number(row.get(side)) for side in _SIDES)],
            "rows": rows,
            "nothing": value == [],
            "at_most": self.setting(question, "at_most"),
        }

    def completed(self, question: Question, rows: list[Any], item: Mapping[str, Any]) -> list[Any]:
        for number, row in enumerate(rows, 1):
            if missing := [part for part in self.parts if part not in row]:
                raise BadValue(
                    _("row %(number)s has no %(missing)s") % {"number": number, "missing": missing[0]}
                )
        return rows

    def whole(self, question: Question, item: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height of the image that is marked, in pixels. Raises `BadValue` where the item has none."""
        name = self.setting(question, "field")
        found = size_of(item.get(name))
        if found is None:
            raise BadValue(
                _("the item has no image in its field %(name)r, so nothing of it can be marked")
                % {"name": name}
            )
        return found

    def checked(self, number: int, mark: Mapping[str, Any], whole: tuple[int, int]) -> dict[str, Any]:
        """A box is cut to the image."""
        if not all(_is_number(mark[side]) for side in _SIDES):
            raise BadValue(
                _("box %(number)s: %(sides)s are numbers of pixels")
                % {"number": number, "sides": ", ".join(_SIDES)}
            )
        if mark["width"] <= 0 or mark["height"] <= 0:
            raise BadValue(
                _("box %(number)s has a side of no length: %(words)s")
                % {"number": number, "words": self.words(mark)}
            )
        left, right = _cut(mark["x"], mark["width"], whole[0])
        top, bottom = _cut(mark["y"], mark["height"], whole[1])
        if right - left < SMALLEST or bottom - top < SMALLEST:
            raise BadValue(
                _(
                    "box %(number)s (%(words)s) has less than a pixel within the image of %(width)s × %(height)s "
                    "pixels"
                )
                % {"number": number, "words": self.words(mark), "width": whole[0], "height": whole[1]}
            )
        sides = (left, top, _even(right - left), _even(bottom - top))
        return {"label": mark["label"], **dict(zip(_SIDES, sides, strict=True))}

    def drafted(self, texts: Collection[str], offered: Collection[str]) -> dict[str, Any]:
        """With the labels that are named."""
        boxes = [box for text in texts for box in _listed(text) if isinstance(box, dict)]
        labels = sorted({str(box["label"]) for box in boxes if box.get("label")})
        return {"labels": [{"value": one, "title": one.capitalize()} for one in labels]}

    def from_elsewhere(self, question: Question, value: Any, item: Mapping[str, Any]) -> Any:
        """A box may name the size of the image that its pixels are `of`: a copy in another size, of the same shape."""
        if not isinstance(value, list):
            return value
        size = self.whole(question, item)
        return [_scaled(number, box, size) for number, box in enumerate(value, 1)]

    def place(self, mark: Mapping[str, Any]) -> tuple[Any, ...]:
        return mark["y"], mark["x"], mark["height"], mark["width"], mark["label"]

    def words(self, mark: Mapping[str, Any]) -> str:
        return f"{mark['width']} × {mark['height']} at {mark['x']}, {mark['y']}"

    def distance(self, question: Question, a: Any, b: Any) -> float:
        """`1 - 2 IoU / (n_a + n_b)`, IoU summed over the boxes of one label that are matched one to one (`matching.shared`).

        F1 in which a match counts as much as its two boxes have in common, so nothing but the same boxes is at 0.
        """
        return 1.0 - matching.shared([*map(_area, a)], [*map(_area, b)], matching.overlap_of_areas)

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


def _listed(text: str) -> list[Any]:
    try:
        found = canonical.loads_strict(text)
    except canonical.NotCanonical as error:
        raise BadValue(_("is no list of boxes: %(error)s") % {"error": error}) from error
    return found if isinstance(found, list) else []


def _scaled(number: int, box: Any, size: tuple[int, int]) -> Any:
    if not isinstance(box, Mapping) or "of" not in box:
        return box
    of = box["of"]
    if not isinstance(of, list) or len(of) != 2 or any(type(side) is not int or side < 1 for side in of):
        raise BadValue(
            _("box %(number)s does not say as [width, height] how large the image is that it is of")
            % {"number": number}
        )
    if abs(of[0] * size[1] - of[1] * size[0]) > max(*of, *size):
        raise BadValue(
            _(
                "box %(number)s is of an image of %(of)s pixels, and that of the item has another shape: %(size)s"
            )
            % {"number": number, "of": f"{of[0]} × {of[1]}", "size": f"{size[0]} × {size[1]}"}
        )
    scale = size[0] / of[0]
    sides = {name: box[name] * scale if _is_number(box.get(name)) else box.get(name) for name in _SIDES}
    return {"label": box.get("label"), **sides}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= _FURTHEST


def _cut(start: float, length: float, size: int) -> tuple[float, float]:
    return _even(min(max(start, 0), size)), _even(min(max(start + length, 0), size))


def _even(value: float) -> float:
    """To a hundredth of a pixel; a whole number as one, as canonical JSON writes it."""
    found = round(float(value), 2)
    return int(found) if found.is_integer() else found


def _area(box: Mapping[str, Any]) -> tuple[float, float, float, float, str]:
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"], box["label"]


def _beside(box: Mapping[str, Any], reading: int, letters: int, height: int) -> float:
    """The line that a box's name is written on: above it for one reading, below it for the next, so that names lie apart."""
    above, below = box["y"] - letters / 4, box["y"] + box["height"] + letters
    if reading % 2:
        return float(above if above >= letters else box["y"] + letters)
    return float(below if below <= height else box["y"] + box["height"] - letters / 4)


task_type = Boxes()
