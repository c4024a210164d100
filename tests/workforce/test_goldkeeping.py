"""Known answers as a kept thing: brought in, proposed, decided upon, set aside when their clause changes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from annotation import nominating
from specs.models import Event
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import goldkeeping, judging
from workforce.intervals import share, wilson
from workforce.models import Item, KnownAnswer

pytestmark = pytest.mark.django_db


def bring_in(stage: cast.Stage, *rows: dict[str, Any]) -> goldkeeping.BroughtIn:
    text = "\n".join(json.dumps(row) for row in rows)
    return goldkeeping.bring_in(
        spec=stage.spec, source=io.BytesIO(text.encode()), name="gold.jsonl", by=stage.ada
    )


def test_answers_come_in_with_their_clauses_and_items_and_a_second_time_change_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    rows = (
        {"key": "item-0", "value": "yes", "clauses": "whole numbers", "explanation": "It is said."},
        {
            "key": "gold-1",
            "value": "no",
            "question": "entailed",
            "clauses": ["numbers"],
            "text": "Two is three.",
        },
    )
    done = bring_in(stage, *rows)
    assert (done.n_new, done.n_known, done.n_items) == (2, 0, 1)
    first, second = KnownAnswer.objects.order_by("pk")
    keys = goldkeeping.clause_keys([*first.clauses, *second.clauses])
    assert sorted(keys[clause] for clause in first.clauses) == ["numbers", "whole"]
    assert (first.explanation, first.state, first.meaning) == ("It is said.", "in-use", 1)
    assert Item.objects.get(key="gold-1").payload == {"text": "Two is three."}
    again = bring_in(stage, *rows)
    assert (again.n_new, again.n_known, again.n_items) == (0, 2, 0)
    assert Event.objects.filter(kind="gold.brought-in").count() == 1


def test_a_csv_file_is_read_alike() -> None:
    stage = cast.stage()
    text = "key,value,clauses,explanation,text\ng-1,yes,whole,Why not,One.\ng-2,no,,,Two.\n"
    done = goldkeeping.bring_in(
        spec=stage.spec, source=io.BytesIO(text.encode()), name="gold.csv", by=stage.ada
    )
    assert (done.n_new, done.n_items) == (2, 2)


def test_one_bad_row_refuses_the_file_and_names_its_line() -> None:
    stage = cast.stage()
    stage.load(1)
    with pytest.raises(Invalid) as refused:
        bring_in(
            stage,
            {"key": "item-0", "value": "maybe"},
            {"key": "nobody", "value": "yes"},
            {"key": "item-0", "value": "yes", "question": "other"},
            {"key": "item-0", "value": "yes", "clauses": "nowhere"},
            {"key": "item-0", "clauses": "whole"},
            {"key": "new", "value": "yes", "text": "Fine."},
        )
    assert [problem["line"] for problem in refused.value.problems] == [1, 2, 3, 4, 5]
    assert not KnownAnswer.objects.exists()
    assert not Item.objects.filter(key="new").exists()
    bring_in(stage, {"key": "item-0", "value": "yes"})
    with pytest.raises(Invalid, match="cannot be taken") as refused:
        bring_in(stage, {"key": "item-0", "value": "no"})
    assert "another answer" in refused.value.problems[0]["message"]


def _agree(stage: cast.Stage, n: int = 4) -> None:
    stage.load(n)
    for who in (stage.ben, stage.chi, stage.dov):
        for k in range(n):
            stage.answer(who, "no" if k % 2 else "yes", cite=["whole"] if k < 2 else [])


def test_unanimous_tasks_are_candidates_that_a_lead_confirms_or_declines() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    _agree(stage)
    assert nominating.from_unanimous(spec=stage.spec, by=stage.ada) == 4
    assert nominating.from_unanimous(spec=stage.spec, by=stage.ada) == 0
    ids = list(KnownAnswer.objects.filter(state="candidate").order_by("pk").values_list("pk", flat=True))
    assert len(ids) == 4
    assert goldkeeping.confirm(spec=stage.spec, ids=ids[:2], by=stage.ada) == 2
    assert goldkeeping.decline(spec=stage.spec, ids=ids[1:], by=stage.ada) == 2
    states = dict(KnownAnswer.objects.values_list("pk", "state"))
    assert [states[pk] for pk in ids] == ["in-use", "in-use", "declined", "declined"]
    assert nominating.from_unanimous(spec=stage.spec, by=stage.ada) == 0  # no is no
    with pytest.raises(Invalid):
        goldkeeping.confirm(spec=stage.spec, ids=[], by=stage.ada)


def test_too_few_or_differing_answers_make_no_candidate() -> None:
    stage = cast.stage(overlap=3, max_overlap=3, rule="majority")
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "yes"), (stage.dov, "no")):
        stage.answer(who, value)
    assert nominating.from_unanimous(spec=stage.spec, least=2, by=stage.ada) == 0
    with pytest.raises(Invalid):
        nominating.from_unanimous(spec=stage.spec, least=1, by=stage.ada)


def test_an_import_confirms_the_candidate_with_the_same_answer() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    _agree(stage, 1)
    nominating.from_unanimous(spec=stage.spec, by=stage.ada)
    assert bring_in(stage, {"key": "item-0", "value": "yes"}).n_confirmed == 1
    assert KnownAnswer.objects.get().state == "in-use"


def test_setting_aside_needs_a_reason_and_happens_once() -> None:
    stage = cast.stage()
    bring_in(stage, {"key": "g", "value": "yes", "text": "x"})
    known = KnownAnswer.objects.get()
    with pytest.raises(Invalid):
        goldkeeping.set_aside(known=known, reason=" ", by=stage.ada)
    known = goldkeeping.set_aside(known=known, reason="It is wrong.", by=stage.ada)
    assert (known.state, known.set_aside_for, known.reason) == ("set-aside", "person", "It is wrong.")
    with pytest.raises(WrongState):
        goldkeeping.set_aside(known=known, reason="Again.", by=stage.ada)
    assert bring_in(stage, {"key": "g", "value": "no"}).n_new == 1


def test_publishing_a_change_sets_aside_what_hangs_on_the_clause_in_one_event() -> None:
    stage = cast.stage()
    bring_in(
        stage,
        {"key": "bound", "value": "yes", "clauses": "knowledge", "text": "a"},
        {"key": "elsewhere", "value": "yes", "clauses": "whole", "text": "b"},
        {"key": "governed", "value": "no", "text": "c"},
    )
    version = cast.amend(stage, "knowledge")
    assert nominating.after_publication(version=version, by=stage.ada) == 2
    found = {known.item.key: known for known in KnownAnswer.objects.select_related("item")}
    assert found["elsewhere"].state == "in-use"
    for key in ("bound", "governed"):
        assert (found[key].set_aside_for, found[key].until_meaning) == ("clause-changed", version.meaning)
    assert Event.objects.filter(kind="gold.set-aside").count() == 1
    assert nominating.after_publication(version=version, by=stage.ada) == 0


def test_what_is_bound_to_a_flagged_clause_is_held_and_freed() -> None:
    stage = cast.stage()
    bring_in(
        stage,
        {"key": "a", "value": "yes", "clauses": "knowledge", "text": "a"},
        {"key": "b", "value": "yes", "clauses": "whole", "text": "b"},
    )
    clause = stage.spec.clauses.get(key="knowledge")
    for expected in ((1, 0), (0, 0)):
        assert goldkeeping.hold_flagged(project_id=stage.project.pk, clauses=[clause.pk]) == expected
    assert KnownAnswer.objects.get(held_at__isnull=False).item.key == "a"
    assert nominating.hold_flagged(project_id=stage.project.pk) == (0, 1)  # no issue is open


def test_the_interval_of_a_share_carries_the_published_numbers() -> None:
    """analytics.md, section 4: at 0.90, n = 20 gives .70 to .97, 50 .79 to .96, 100 .83 to .95, 200 .85 to .93."""
    for n, low, high in ((20, 0.70, 0.97), (50, 0.79, 0.96), (100, 0.83, 0.95), (200, 0.85, 0.93)):
        assert wilson(round(0.9 * n), n) == pytest.approx((low, high), abs=0.006)
    assert (share(0, 0).value, wilson(0, 0)) == (None, (0.0, 1.0))
    assert not share(9, 9, enough_from=judging.ENOUGH).enough
    assert share(9, 10, enough_from=judging.ENOUGH).enough
