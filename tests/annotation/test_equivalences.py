"""Two meanings that somebody declares to be one: measured together while it stands, apart otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from annotation import health, measuring
from specs import drafting, equating, publishing
from specs.models import Equivalence, Event, SpecVersion
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import queues

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    """Two items answered under meaning 1, two others under meaning 2, each twice."""
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(2)
    for value in ("yes", "no"):
        made.answer(made.ben, value)
        made.answer(made.chi, "yes")
    second = cast.amend(made)
    queues.put_in_force(queue=made.queue, version=second, by=made.ada)
    made.load(2, start=2)
    for value in ("yes", "no"):
        made.answer(made.ben, value)
        made.answer(made.chi, value)
    return made


def _measured(stage: cast.Stage, **options: Any) -> measuring.Measurement:
    return measuring.compute(spec=stage.spec, **options)[0]


def test_declared_to_be_one_they_are_measured_together_until_it_is_withdrawn(stage: cast.Stage) -> None:
    apart = _measured(stage)
    assert (apart.meanings, apart.summary.n_answers) == ([2], 4)
    found = equating.declare(spec=stage.spec, meanings=[2, 1], reason="Only a word.", by=stage.ada)
    assert (found.earlier, found.later) == (1, 2)
    for meaning in (None, 1, 2):
        one = _measured(stage, meaning=meaning)
        assert (one.meanings, one.summary.n_answers, one.summary.n_items) == ([1, 2], 8, 4)
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    assert (report.meaning, report.numbers["meanings"]) == (2, [1, 2])
    equating.withdraw(spec=stage.spec, meanings=[1, 2], by=stage.ada)
    assert _measured(stage).summary.n_answers == 4
    kinds = [f"equivalence.{word}" for word in ("declared", "withdrawn")]
    assert [event.kind for event in Event.objects.filter(kind__in=kinds).order_by("pk")] == kinds
    with pytest.raises(WrongState, match="Nobody has declared"):
        equating.withdraw(spec=stage.spec, meanings=[1, 2], by=stage.ada)


def test_what_a_rewording_did_is_read_from_each_meaning_alone(stage: cast.Stage) -> None:
    (alone,) = measuring.measure(spec=stage.spec, by=stage.ada)
    equating.declare(spec=stage.spec, meanings=[2, 1], reason="Only a word.", by=stage.ada)
    measuring.measure(spec=stage.spec, by=stage.ada)
    clause = stage.spec.clauses.get(key="whole")
    course = health.effects(spec=stage.spec, question="entailed", clauses=[clause.pk])[clause.pk]
    assert [one.reading.report_id for one in course] == [alone.pk]


def test_what_a_place_in_the_ledger_holds_stays_what_it_was(stage: cast.Stage) -> None:
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="Only a word.", by=stage.ada)
    assert _measured(stage, position=0).meanings == [2]


def test_an_item_answered_by_somebody_under_both_counts_once(stage: cast.Stage) -> None:
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="Only a word.", by=stage.ada)
    stage.load(1, start=0)  # the same items again, now tasks of the second meaning
    before = _measured(stage).summary.n_answers
    served = stage.claim(stage.ben)
    stage.submit(stage.ben, served, {"entailed": "no"})
    assert Equivalence.objects.count() == 1
    assert _measured(stage).summary.n_answers == before


def test_what_is_one_with_the_same_is_one(stage: cast.Stage) -> None:
    third = cast.amend(stage, "numbers")
    assert third.meaning == 3
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="a", by=stage.ada)
    equating.declare(spec=stage.spec, meanings=[2, 3], reason="b", by=stage.ada)
    assert equating.together(spec_id=stage.spec.pk, meaning=1) == [1, 2, 3]
    assert equating.together(spec_id=stage.spec.pk, meaning=-5) == [-5]
    with pytest.raises(WrongState, match="already"):
        equating.declare(spec=stage.spec, meanings=[1, 3], reason="c", by=stage.ada)


@pytest.mark.parametrize(
    ("meanings", "reason", "said"),
    [([1, 1], "x", "two different"), ([1, 9], "x", "no published version"), ([1, 2], " ", "Say why")],
)
def test_what_cannot_be_declared_is_refused(
    stage: cast.Stage, meanings: list[int], reason: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        equating.declare(spec=stage.spec, meanings=meanings, reason=reason, by=stage.ada)
    assert not Equivalence.objects.exists()


def test_other_labels_are_never_one_with_these(stage: cast.Stage) -> None:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    maybe = {**cast.QUESTION, "labels": [*cast.QUESTION["labels"], {"value": "maybe", "title": "Maybe"}]}  # type: ignore[misc]
    drafting.set_questions(draft=draft, questions=[maybe], by=stage.ada)
    published: SpecVersion = publishing.publish(
        draft=draft, notes="A label.", rationale="Asked for.", by=stage.ada
    )
    with pytest.raises(Invalid) as refused:
        equating.declare(spec=stage.spec, meanings=[2, published.meaning or 0], reason="x", by=stage.ada)
    assert "the labels maybe are new" in refused.value.problems[0]["message"]


def test_the_database_keeps_it(stage: cast.Stage) -> None:
    equating.declare(spec=stage.spec, meanings=[1, 2], reason="x", by=stage.ada)
    known = {"project": stage.project, "spec": stage.spec, "declared_by": stage.ada, "event_id": 1}
    for name, wrong in (
        ("equivalence_declared_once", {"earlier": 1, "later": 2, "reason": "x"}),
        ("equivalence_of_two_published_meanings", {"earlier": 2, "later": 2, "reason": "x"}),
        ("equivalence_has_a_reason", {"earlier": 1, "later": 3, "reason": " "}),
        ("equivalence_is_withdrawn", {"earlier": 1, "later": 3, "reason": "x", "state": "withdrawn"}),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Equivalence.objects.create(**known, **wrong)


def test_by_page_and_by_rest(stage: cast.Stage, client: Client) -> None:
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    address = "/p/rte/specs/rte/equivalences/"
    assert b"Declare two meanings" in client.get(address).content
    assert client.post(f"{address}declare/", {"earlier": 1, "later": 2}).status_code == 422
    refused = client.post(f"{address}declare/", {"earlier": 2, "later": 2, "reason": "x"})
    assert (refused.status_code, b"two different" in refused.content) == (422, True)
    sent = client.post(f"{address}declare/", {"earlier": 1, "later": 2, "reason": "Only a word."})
    assert sent.status_code == 302
    page = client.get(address).content.decode()
    assert "1 = 2" in page
    assert client.post(f"{address}withdraw/", {"earlier": 1, "later": 2}).status_code == 302
    rest = stage.client(stage.ada)()
    api = "/api/v1/projects/rte/specs/rte/equivalences"
    body = {"meanings": [1, 2], "reason": "Again."}
    made = rest.post(api, body, content_type="application/json")
    assert (made.status_code, made.json()["later"]) == (201, 2)
    assert [one["withdrawn_at"] is None for one in rest.get(api).json()["equivalences"]] == [True, False]
    ended = rest.post(f"{api}/withdraw", {"meanings": [2, 1]}, content_type="application/json")
    assert ended.json()["withdrawn_at"]
