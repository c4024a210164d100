"""Questions as written, and answers against them."""

from __future__ import annotations

from typing import Any

import pytest

from specs import schema
from specs.schema import BadAnswer

LABELS = [{"value": "yes", "title": "Yes"}, {"value": "no", "title": "No"}]
FIRST: dict[str, Any] = {"key": "first", "kind": "choice", "title": "First?", "labels": LABELS}
THEN: dict[str, Any] = {**FIRST, "key": "then", "shown_when": {"question": "first", "values": ["yes"]}}


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ([], "no question"),
        ([{**FIRST, "key": "First!"}], "begins with a letter"),
        ([FIRST, FIRST], "stands twice"),
        ([{**FIRST, "title": " "}], "no title"),
        ([{**FIRST, "kind": "hologram"}], "no kind"),
        ([{**FIRST, "labels": LABELS[:1]}], "two labels"),
        ([{**FIRST, "labels": [{"value": "a"}, {"value": "A"}]}], "look the same"),
        ([{**FIRST, "labels": [{"value": "a"}, {"value": "\u0430"}]}], "look the same"),
        ([{**FIRST, "labels": [{"value": "ab"}, {"value": "a\u200db"}]}], "look the same"),
        (
            [{**FIRST, "labels": [{"value": "a", "shortcut": "x"}, {"value": "b", "shortcut": "x"}]}],
            "shortcut",
        ),
        ([THEN, FIRST], "stand before"),
        ([FIRST, {**THEN, "shown_when": {"question": "first", "values": ["maybe"]}}], "does not have"),
        ([{**FIRST, "colour": "red"}], "unknown fields"),
        ([{**FIRST, "options_from": "options"}], "one of the two"),
    ],
)
def test_what_cannot_be_asked_is_named(questions: list[dict[str, Any]], why: str) -> None:
    assert any(why in problem.message for problem in schema.problems(questions))


def test_good_questions_have_no_problem() -> None:
    assert schema.problems([FIRST, THEN]) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "has no answer"),
        ({"first": "maybe"}, "not one of"),
        ({"first": 1}, "as text"),
        ({"first": "no", "then": "yes"}, "not asked on this branch"),
        ({"first": "yes"}, "has no answer"),
        ({"first": "yes", "then": "no", "other": "x"}, "not asked here"),
        ([], "must be an object"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(answer: Any, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        schema.parse_answer(schema.clean([FIRST, THEN]), answer, {})


def test_a_form_and_its_json_give_the_same_values_and_hidden_fields_are_left_out() -> None:
    questions = schema.clean([FIRST, THEN])
    assert schema.parse_form(questions, {"q.first": "no", "q.then": "yes"}, {}) == {"first": "no"}
    assert schema.parse_form(questions, {"q.first": "yes", "q.then": "no"}, {}) == {
        "first": "yes",
        "then": "no",
    }


def test_options_can_come_from_the_item() -> None:
    question = schema.clean([{"key": "which", "kind": "choice", "title": "Which?", "options_from": "words"}])
    assert schema.problems(question) == []
    good: list[Any] = ["run|walk", ["run", "walk"], [{"value": "run", "title": "Run"}, {"value": "walk"}]]
    for words in good:
        assert schema.parse_answer(question, {"which": "walk"}, {"words": words}) == {"which": "walk"}
    bad: list[Any] = [None, 3, ["", "x"], ["x", "x"]]
    for words in bad:
        with pytest.raises(BadAnswer):
            schema.parse_answer(question, {"which": "x"}, {"words": words})
