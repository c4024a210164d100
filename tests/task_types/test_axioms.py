"""Distances hold their axioms for whatever can be answered, and published values come out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import posing, schema, task_types
from specs.task_types import BadValue

LABELS = [{"value": value} for value in "abcdef"]
SCALE = {"key": "q", "kind": "rating", "settings": {"min": -3, "max": 1}}
SET = {"key": "q", "kind": "multichoice", "labels": LABELS, "settings": {"min": 0}}
ORDER = {"key": "q", "kind": "ranking", "labels": LABELS[:4]}
TEXT = {"key": "q", "kind": "text"}


@st.composite
def orders(draw: st.DrawFn) -> list[list[str]]:
    places = {thing: draw(st.integers(1, 4)) for thing in "abcd"}
    return [[thing for thing in "abcd" if places[thing] == place] for place in sorted(set(places.values()))]


sets = st.sets(st.sampled_from("abcdef")).map(sorted)
ANSWERS: list[tuple[dict[str, Any], Any, bool]] = [
    (SCALE, st.integers(-3, 1), True),
    ({**SET, "settings": {"min": 0, "distance": "jaccard"}}, sets, True),
    (SET, sets, False),
    (ORDER, orders(), True),
    (TEXT, st.text(max_size=12), False),
    ({"key": "q", "kind": "number"}, st.floats(-1e6, 1e6, allow_nan=False), False),
]


@pytest.mark.parametrize(("question", "answers", "is_a_metric"), ANSWERS)
@given(data=st.data())
def test_distances_are_distances(
    question: dict[str, Any], answers: Any, is_a_metric: bool, data: st.DataObject
) -> None:
    kind = task_types.get(question["kind"])
    a, b, c = (data.draw(answers) for _ in range(3))
    assert kind.distance(question, a, a) == 0
    assert 0 <= kind.distance(question, a, b) == kind.distance(question, b, a) <= 1
    assert (kind.distance(question, a, b) == 0) == (kind.key(question, a) == kind.key(question, b))
    if is_a_metric:
        apart = kind.distance(question, a, b) + kind.distance(question, b, c)
        assert kind.distance(question, a, c) <= apart + 1e-9


@pytest.mark.parametrize(("question", "answers", "_is_a_metric"), ANSWERS)
@given(data=st.data())
def test_groups_hold_every_answer_once_and_equal_ones_together(
    question: dict[str, Any], answers: Any, _is_a_metric: bool, data: st.DataObject
) -> None:
    kind = task_types.get(question["kind"])
    loose = {**question, "settings": {**question.get("settings", {}), "agree_within": 0.4, "agree_points": 1}}
    values = data.draw(st.lists(answers, min_size=1, max_size=6))
    for asked in (question, loose):
        groups = kind.compare(asked, values)
        assert sorted(index for group in groups for index in group["indices"]) == list(range(len(values)))
        for group in groups:
            others = [index for index in range(len(values)) if index not in group["indices"]]
            keys = {kind.key(asked, values[index]) for index in group["indices"]}
            assert not keys & {kind.key(asked, values[index]) for index in others}


@pytest.mark.parametrize(
    ("a", "b", "masi", "jaccard"),
    [("12", "1234", 0.6667, 0.5), ("12", "23", 0.8889, 0.6667), ("", "", 0, 0), ("12", "34", 1, 1)],
)
def test_sets_are_as_far_apart_as_published(a: str, b: str, masi: float, jaccard: float) -> None:
    """Source: nltk 3.10 `masi_distance`, `jaccard_distance`; two empty sets have distance 0 here."""
    kind = task_types.get("multichoice")
    assert kind.distance(SET, [*a], [*b]) == pytest.approx(masi, abs=1e-4)
    assert kind.distance({**SET, "settings": {"distance": "jaccard"}}, [*a], [*b]) == pytest.approx(
        jaccard, abs=1e-4
    )


def test_a_reversed_order_is_as_far_as_can_be_and_a_tie_counts_a_half() -> None:
    kind = task_types.get("ranking")
    best_a = [["a"], ["b"], ["c"], ["d"]]
    assert kind.distance(ORDER, best_a, best_a[::-1]) == 1
    assert kind.distance(ORDER, best_a, [["a", "b", "c", "d"]]) == 0.5


def test_answers_a_little_apart_agree_where_the_question_lets_them() -> None:
    kind = task_types.get("rating")
    loose = {**SCALE, "settings": {"min": 1, "max": 5, "agree_points": 1}}
    groups = kind.compare(loose, [1, 4, 5, 4, 2])
    assert [(group["value"], group["indices"]) for group in groups] == [(4, [1, 2, 3]), (1, [0, 4])]
    assert [group["n"] for group in kind.compare(SCALE, [1, 0, 1])] == [2, 1]


def test_what_most_chose_stands_for_a_group_of_sets() -> None:
    kind = task_types.get("multichoice")
    loose = {**SET, "settings": {"min": 0, "distance": "jaccard", "agree_within": 0.5}}
    (group,) = kind.compare(loose, [["a", "b"], ["a", "b", "c"], ["a", "b"]])
    assert group["value"] == ["a", "b"]


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "(a{1000}){1000}", "a\0", "x" * 501])
def test_a_pattern_that_is_none_is_told_when_the_question_is_written(pattern: str) -> None:
    question = {"key": "q", "kind": "text", "settings": {"must_match": [pattern]}}
    assert "cannot be read" in str(task_types.get("text").problems(question)[0].message)


def test_a_pattern_takes_time_linear_in_the_text() -> None:
    question = {"key": "q", "kind": "text", "settings": {"must_match": ["(a+)+"], "max_length": 20_000}}
    kind = task_types.get("text")
    assert kind.parse_json(question, "a" * 9_999, {}) == "a" * 9_999
    began = time.process_time()
    with pytest.raises(BadValue, match="does not fit"):
        kind.parse_json(question, "a" * 9_999 + "b", {})
    assert time.process_time() - began < 5, "a backtracking matcher would need more years than there are"


def test_a_rule_that_is_not_kept_is_told_in_the_words_of_its_author() -> None:
    question = {
        "key": "q",
        "kind": "text",
        "settings": {"must_match": [r"\d{4}"], "rule_help": "write a year"},
    }
    with pytest.raises(BadValue, match=r"^write a year$"):
        task_types.get("text").parse_json(question, "19", {})


def test_case_and_white_space_make_no_difference_where_the_question_says_so() -> None:
    kind, question = task_types.get("text"), {"key": "q", "kind": "text", "settings": {"fold": True}}
    assert kind.agrees(question, "New  York", "new york")
    assert not kind.agrees(TEXT, "New  York", "new york")
    assert [group["n"] for group in kind.compare(question, ["New York", "Rome", "new york"])] == [2, 1]


def test_the_ends_of_a_scale_are_named_below_it() -> None:
    (asked,) = schema.clean(
        [{**SCALE, "title": "?", "settings": {"low_title": "mild", "high_title": "harsh"}}]
    )
    shown = posing.pose(asked, {})
    assert shown.more["ends"] == ["mild", "harsh"]
    assert [option["title"] for option in shown.options] == ["1: mild", "2", "3", "4", "5: harsh"]
