"""Every kind of question that is found goes through this, whatever it is."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from django.http import QueryDict
from django.template import Context, Template

from specs import posing, schema, task_types
from specs.task_types import BadValue

pytestmark = pytest.mark.parametrize("kind", task_types.kinds())


def asked_in(kind: str) -> dict[str, Any]:
    """The sample question as it is kept: with all fields, defaults filled in."""
    (question,) = schema.clean([task_types.get(kind).sample()["question"]])
    return question


def rendered(
    question: dict[str, Any], item: dict[str, Any], value: Any, errors: list[str] | None = None
) -> str:
    posed = posing.pose(question, item, value=value, errors=errors or ())
    return Template("{% load questions %}{% question posed %}").render(Context({"posed": posed}))


def test_its_sample_question_can_be_asked(kind: str) -> None:
    assert schema.problems([asked_in(kind)]) == []


def test_values_survive_json(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for value in sample["values"]:
        again = json.loads(json.dumps(value))
        assert task_type.parse_json(question, again, sample["item"]) == value


def test_values_survive_a_form(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for value in sample["values"]:
        form = QueryDict(mutable=True)
        for name, texts in task_type.form(question, value).items():
            assert name == f"q.{question['key']}" or name.startswith(f"q.{question['key']}.")
            form.setlist(name, texts)
        assert task_type.parse(question, form, sample["item"]) == value
        kept = json.loads(json.dumps(task_type.entered(question, form)))
        assert f"q.{question['key']}" in rendered(question, sample["item"], kept)


def test_an_empty_form_is_no_answer(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    assert task_type.entered(question, QueryDict("")) is None
    assert task_type.parse({**question, "required": False}, QueryDict(""), sample["item"]) is None


def test_whatever_a_form_holds_it_is_shown_again(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    name = f"q.{question['key']}"
    for text in (
        "{",
        "[1",
        "[[]]",
        '{"a": 1}',
        "-",
        "null",
        "\x00",
        "x" * 5000,
        '[{"start": "a"}]',
        "9" * 400,
    ):
        form = QueryDict(mutable=True)
        form.setlist(name, [text, text])
        assert name in rendered(question, sample["item"], task_type.entered(question, form), ["odd"])
        with suppress(BadValue):
            task_type.parse(question, form, sample["item"])


def test_bad_values_are_refused(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for value in sample["bad"]:
        with pytest.raises(BadValue):
            task_type.parse_json(question, value, sample["item"])


def test_its_distance_is_one(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for a, b in product(sample["values"], repeat=2):
        apart = task_type.distance(question, a, b)
        assert 0 <= apart <= 1
        assert apart == pytest.approx(task_type.distance(question, b, a), abs=1e-12)
        assert (apart == 0) == (a == b)


def test_agreeing_is_mutual_and_everything_agrees_with_itself(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for a, b in product(sample["values"], repeat=2):
        assert task_type.agrees(question, a, b) == task_type.agrees(question, b, a)
        assert (task_type.key(question, a) == task_type.key(question, b)) == (a == b)
    assert all(task_type.agrees(question, value, value) for value in sample["values"])


def test_merging_equals_gives_the_equal_and_comparing_groups_them(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    for value in sample["values"]:
        assert task_type.merge(question, [value] * 3) == value
        (group,) = task_type.compare(question, [value] * 3)
        assert (group["n"], group["indices"], group["value"]) == (3, [0, 1, 2], value)


def test_what_is_merged_is_an_answer_and_every_answer_is_in_one_group(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    values = [*sample["values"], sample["values"][0], *reversed(sample["values"])]
    groups = task_type.compare(question, values)
    assert sorted(index for group in groups for index in group["indices"]) == list(range(len(values)))
    assert [group["n"] for group in groups] == sorted((group["n"] for group in groups), reverse=True)
    for group in groups:
        assert task_type.parse_json(question, group["value"], sample["item"]) == group["value"]


def test_codes_lead_back_to_values(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    values = [*sample["values"], *reversed(sample["values"])]
    codes, distinct = task_type.codes(question, values)
    assert [distinct[code] for code in codes] == values


def test_export_description_and_mapping_know_every_value(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    columns, holds = (
        task_type.columns(question),
        {"text": str, "whole": int, "number": int | float, "yes": bool},
    )
    assert next(iter(columns)) == question["key"]
    assert all(name.startswith(f"{question['key']}:") for name in columns if name != question["key"])
    for value in sample["values"]:
        row = task_type.rows(question, value)
        assert row.keys() == columns.keys()
        assert all(cell is None or isinstance(cell, holds[columns[name]]) for name, cell in row.items())
        assert task_type.describe(question, value)
    mapping = task_type.mapping(question, question)
    assert all(old == new for old, new in mapping.items())


def test_it_renders_with_names_for_everything_and_keeps_the_value(kind: str) -> None:
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    empty = rendered(question, sample["item"], None)
    for value in sample["values"]:
        html = rendered(
            question, sample["item"], task_type.entered(question, QueryDict("")) or value, ["odd"]
        )
        assert f'name="q.{question["key"]}' in html
        assert "odd" in html
        assert not re.search("style=|onclick|<script", html)
        assert value in ("", []) or html.replace("odd", "") != empty.replace("odd", "")
    assert re.search(r"data-key=|<textarea|<input", empty)


def test_it_is_posed_with_nothing_of_the_item_but_what_it_names(kind: str) -> None:
    """The labelling page keeps the form of a question that names no field for everybody."""
    task_type, sample, question = task_types.get(kind), task_types.get(kind).sample(), asked_in(kind)
    item = {"text": "It rains.", "options": ["wet", "dry"], **sample["item"]}
    asked = [question]
    if task_type.item_options:
        asked.append({**question, "labels": [], "options_from": "options"})
    if any(setting.name == "correct" for setting in task_type.settings):
        asked.append({**question, "settings": {**(question.get("settings") or {}), "correct": "text"}})
    for one in asked:
        named = {name: item[name] for name in task_type.posed_with(one) if name in item}
        assert rendered(one, item, None) == rendered(one, named, None)
    assert task_type.posed_with(asked[-1]) or len(asked) == 1
