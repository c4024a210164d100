"""Boxes: what is taken, cut and refused; the plain form; distances."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs import matching, task_types
from specs.task_types import BadValue, boxes
from tests.task_types.test_spans import _posted

ITEM = {"image": {"media": "sha256:" + "0" * 64, "type": "image/png", "width": 400, "height": 300}}
CAT = {"x": 10, "y": 20, "width": 100, "height": 50, "label": "cat"}


def _question(**settings_of: Any) -> dict[str, Any]:
    labels = [{"value": "cat"}, {"value": "dog"}]
    return {"key": "q", "kind": "boxes", "title": "Where?", "labels": labels, "settings": settings_of}


def _parsed(*given_boxes: dict[str, Any], **settings_of: Any) -> Any:
    return task_types.get("boxes").parse_json(_question(**settings_of), list(given_boxes), ITEM)


def test_a_box_is_cut_at_the_edge_of_the_image() -> None:
    (found,) = _parsed({**CAT, "x": -20, "y": 280, "height": 100})
    assert found == {"x": 0, "y": 280, "width": 80, "height": 20, "label": "cat"}


def test_whole_pixels_stay_whole_and_fractions_are_kept_to_a_hundredth() -> None:
    (found,) = _parsed({**CAT, "x": 10.0, "width": 99.12345})
    assert (found["x"], type(found["x"]), found["width"]) == (10, int, 99.12)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"width": 0}, "no length"),
        ({"height": -3}, "no length"),
        ({"x": 400}, "less than a pixel"),
        ({"width": 0.4}, "less than a pixel"),
        ({"x": float("nan")}, "numbers of pixels"),
        ({"x": "10"}, "numbers of pixels"),
        ({"label": "cow"}, "not asked for here"),
        ({"angle": 3}, "is not an object of"),
    ],
)
def test_boxes_that_cannot_be_say_why(parts: dict[str, Any], why: str) -> None:
    with pytest.raises(BadValue, match=why):
        _parsed({**CAT, **parts})


def test_more_boxes_than_the_question_takes_are_refused() -> None:
    with pytest.raises(BadValue, match="takes at most 2"):
        _parsed(*[{**CAT, "x": x} for x in range(3)], at_most=2)


def test_an_item_without_an_image_says_so() -> None:
    for image in (
        None,
        "cat.png",
        {"media": 1, "width": 4, "height": 4},
        {"media": "sha256:0", "width": 0, "height": 4},
    ):
        with pytest.raises(BadValue, match="no image in its field 'image'"):
            task_types.get("boxes").parse_json(_question(), [CAT], {"image": image})


def test_the_plain_form_takes_rows_of_numbers() -> None:
    kind, names = task_types.get("boxes"), ("x", "y", "width", "height", "label")
    rows = [("10", "20", "100.5", "50", "cat"), ("", "", "", "", "")]
    form = _posted([(f"q.q.{name}", part) for row in rows for name, part in zip(names, row, strict=True)])
    assert kind.parse(_question(), form, ITEM) == [{**CAT, "width": 100.5}]
    short = _posted(
        [("q.q.x", "10"), ("q.q.label", "cat"), ("q.q.y", ""), ("q.q.width", "3"), ("q.q.height", "3")]
    )
    with pytest.raises(BadValue, match="row 1 has no y"):
        kind.parse(_question(), short, ITEM)
    assert kind.context(_question(), ITEM, kind.entered(_question(), short))["rows"] == [
        {"label": "cat", "x": 10, "width": 3, "height": 3}
    ]


def test_matched_boxes_count_by_what_they_have_in_common() -> None:
    distance = task_types.get("boxes").distance
    half = {**CAT, "width": 80}
    assert distance(_question(), [CAT], [half]) == pytest.approx(0.2)
    assert distance(_question(), [CAT], [CAT, {**CAT, "x": 250}]) == pytest.approx(1 / 3)
    assert distance(_question(), [CAT], [{**CAT, "label": "dog"}]) == 1
    assert distance(_question(), [CAT], [{**CAT, "width": 40}]) == 1  # less than half in common
    assert task_types.get("boxes").agrees(_question(agree_within=0.2), [CAT], [half])


_BOX = st.fixed_dictionaries(
    {name: st.integers(0, 90) for name in ("x", "y")}
    | {name: st.integers(1, 60) for name in ("width", "height")}
    | {"label": st.sampled_from(["cat", "dog"])}
)


@given(st.lists(_BOX, max_size=5), st.lists(_BOX, max_size=5))
@settings(max_examples=200)
def test_a_distance_does_not_mind_the_order(a: list[Any], b: list[Any]) -> None:
    kind = task_types.get("boxes")
    assert kind.distance(_question(), a, b) == pytest.approx(kind.distance(_question(), b, a))
    assert 0 <= kind.distance(_question(), a, b) <= 1
    assert kind.distance(_question(), a, a) == pytest.approx(0)


def test_the_area_in_common_is_that_of_pixels() -> None:
    def pixels(box: dict[str, Any]) -> set[tuple[int, int]]:
        return {
            (x, y)
            for x in range(box["x"], box["x"] + box["width"])
            for y in range(box["y"], box["y"] + box["height"])
        }

    one, other = {**CAT, "width": 30, "height": 20}, {**CAT, "x": 15, "y": 25, "width": 30, "height": 20}
    share = len(pixels(one) & pixels(other)) / len(pixels(one) | pixels(other))
    assert matching.overlap_of_areas(boxes._area(one), boxes._area(other)) == pytest.approx(share)


def test_answers_laid_over_each_other_name_their_boxes_apart() -> None:
    found = task_types.get("boxes").overlay(_question(), ITEM, [("A", [CAT]), ("B, C", [{**CAT, "y": 5}])])
    assert found is not None
    assert [(mark["whose"], mark["reading"], mark["beside"]) for mark in found["marks"]] == [
        ("A", 1, 17.5),
        ("B, C", 2, 65.0),
    ]
    assert task_types.get("boxes").overlay(_question(), {}, []) is None
