"""The competing answers as a lead sees them: a fix beside what it fixed, haste as a flag, each kind compared its own way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from annotation import sides
from annotation.models import Dispute
from specs import task_types, versions
from tests import cast
from tests.annotation.test_reviewing import _review, _stage
from workforce.models import Assignment


def _sides(stage: cast.Stage) -> list[sides.Side]:
    return sides.of(Dispute.objects.get(), versions.read(stage.version.pk))["entailed"]


@pytest.mark.django_db
def test_a_reviewers_fix_is_a_side_beside_what_it_fixed() -> None:
    stage, where = _stage(overlap=2, max_overlap=2)
    for who in (stage.ben, stage.chi):
        stage.answer(who, "yes")
    _review(stage, where, "fix", values={"entailed": "no"}, citations={"entailed": ["numbers"]})
    _review(stage, where, "accept")
    there = {side.value: side for side in _sides(stage)}
    assert (there["yes"].n, there["no"].n) == (2, 1)
    assert there["no"].fixes == there["no"].letters
    assert list(there["no"].citations.values()) == [["§3"]]
    assert there["yes"].fixes == []
    assert Dispute.objects.get().confidence == 0.5  # the fix stands for what it fixed


@pytest.mark.django_db
def test_who_took_far_less_time_than_the_others_is_flagged_and_no_time_is_told() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no"), (stage.dov, "yes")):
        stage.answer(who, value)
    for who, seconds in ((stage.ben, 60), (stage.chi, 5), (stage.dov, 40)):
        slots = Assignment.objects.filter(annotator=who)
        slots.update(leased_at=F("submitted_at") - timedelta(seconds=seconds))
    there = {side.value: side for side in _sides(stage)}
    assert there["no"].quick == there["no"].letters
    assert there["yes"].quick == []


def test_orders_are_aligned_and_texts_held_against_the_first() -> None:
    order: dict[str, Any] = {"key": "o", "kind": "ranking", "labels": [{"value": "a"}, {"value": "b"}]}
    found = task_types.get("ranking").overlay(order, {}, [("A", [["a"], ["b"]]), ("B", [["a", "b"]])])
    assert found is not None
    assert found["whose"] == ["A", "B"]
    assert found["rows"] == [
        {"title": "a", "places": [1, 1], "differs": False},
        {"title": "b", "places": [2, 1], "differs": True},
    ]
    text = task_types.get("text")
    told = text.overlay({"key": "t", "kind": "text"}, {}, [("A", "a cat sleeps"), ("B", "a dog sleeps")])
    assert told is not None
    assert told["others"][0]["runs"] == [
        ("same", "a "),
        ("removed", "cat"),
        ("added", "dog"),
        ("same", " sleeps"),
    ]
    assert text.overlay({"key": "t", "kind": "text"}, {}, [("A", "alone")]) is None
