"""Every kind of question that is found goes through this, whatever it is."""

from __future__ import annotations

import json
from itertools import product

import pytest
from django.template.loader import render_to_string

from specs import schema, task_types
from specs.task_types import BadValue

pytestmark = pytest.mark.parametrize("kind", task_types.kinds())


def test_its_sample_question_can_be_asked(kind: str) -> None:
    assert schema.problems(schema.clean([task_types.get(kind).sample()["question"]])) == []


def test_values_survive_json(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    for value in sample["values"]:
        again = json.loads(json.dumps(value))
        assert task_type.parse_json(sample["question"], again, sample["item"]) == value


def test_bad_values_are_refused(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    for value in sample["bad"]:
        with pytest.raises(BadValue):
            task_type.parse_json(sample["question"], value, sample["item"])


def test_its_distance_is_one(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    for a, b in product(sample["values"], repeat=2):
        apart = task_type.distance(sample["question"], a, b)
        assert 0 <= apart <= 1
        assert apart == task_type.distance(sample["question"], b, a)
        assert (apart == 0) == (a == b)


def test_merging_equals_gives_the_equal_and_comparing_groups_them(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    for value in sample["values"]:
        assert task_type.merge(sample["question"], [value] * 3) == value
        (group,) = task_type.compare(sample["question"], [value] * 3)
        assert (group["n"], group["indices"], group["value"]) == (3, [0, 1, 2], value)


def test_codes_lead_back_to_values(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    values = [*sample["values"], *reversed(sample["values"])]
    codes, distinct = task_type.codes(sample["question"], values)
    assert [distinct[code] for code in codes] == values


def test_export_description_and_mapping_know_every_value(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    question = sample["question"]
    for value in sample["values"]:
        assert task_type.rows(question, value)
        assert task_type.describe(question, value)
    mapping = task_type.mapping(question, question)
    assert all(old == new for old, new in mapping.items())


def test_it_renders_with_keys_and_keeps_the_chosen_value(kind: str) -> None:
    task_type, sample = task_types.get(kind), task_types.get(kind).sample()
    question, chosen = sample["question"], sample["values"][0]
    html = render_to_string(
        f"task_types/{kind}.html",
        {
            "question": question,
            "options": task_type.options(question, sample["item"]),
            "value": chosen,
            "errors": ["odd"],
            "first_question": True,
        },
    )
    assert f'name="q.{question["key"]}"' in html
    assert "data-key=" in html
    assert "odd" in html
    assert "checked" in html
