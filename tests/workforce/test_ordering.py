"""Which task a claim gives: priority, the orders, begun work, random draws; and that nobody misses what comes in late."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import parsing, revising, settling, submitting
from annotation.models import Dispute
from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from workforce import cloning, leasing, loading, queues, reordering
from workforce.models import Arrival, Assignment, Enrolment, Queue, SlotState, Task

pytestmark = pytest.mark.django_db
ONE: dict[str, Any] = {"overlap": 1, "max_overlap": 1}


def _load(stage: cast.Stage, rows: Sequence[dict[str, Any]], start: int = 0) -> None:
    lines = [json.dumps({"key": f"item-{start + n}", **row}) for n, row in enumerate(rows)]
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO("\n".join(lines).encode()),
        name="rows.jsonl",
        by=stage.ada,
    )


def _change(stage: cast.Stage, **settings: Any) -> None:
    stage.queue = queues.change_settings(queue=stage.queue, by=stage.ada, **settings)


def _next(stage: cast.Stage, who: Any, n: int = 1) -> list[str]:
    """The items of her next *n* tasks, each answered before the next is claimed."""
    return [_answer(stage, who) for _ in range(n)]


def _answer(stage: cast.Stage, who: Any) -> str:
    served = stage.claim(who)
    stage.submit(who, served, {"entailed": "yes"})
    return served.item_key.removeprefix("item-")


def _order(stage: cast.Stage) -> list[str]:
    """Every open slot's item, in the order of claims."""
    rows = Assignment.objects.filter(queue=stage.queue, state=SlotState.OPEN).order_by("rank", "pk")
    return [key.removeprefix("item-") for key in rows.values_list("task__item__key", flat=True)]


def test_a_higher_priority_that_is_loaded_later_comes_first_and_passes_nothing_by() -> None:
    stage = cast.stage(overlap=3)
    stage.load(4)
    assert _next(stage, stage.ben, 2) == ["0", "1"]
    stage.load(2, start=4)
    urgent = list(Task.objects.filter(item__key__in=["item-4", "item-5"]).values_list("pk", flat=True))
    done = reordering.prioritise(queue=stage.queue, priority=7, tasks=urgent, by=stage.ada)
    assert done.n_tasks == 2
    assert _next(stage, stage.ben, 4) == ["4", "5", "2", "3"]
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None
    event = Event.objects.get(kind="tasks.prioritised")
    assert (event.data["priority"], event.data["moved"]) == (7, 2)


def test_what_she_has_answered_is_not_gone_through_again_for_one_urgent_task() -> None:
    stage = cast.stage(overlap=3)
    stage.load(20)
    _next(stage, stage.ben, 10)
    (task,) = Task.objects.filter(item__key="item-15")
    reordering.prioritise(queue=stage.queue, priority=1, tasks=[task.pk], by=stage.ada)
    before = Enrolment.objects.get(annotator=stage.ben).passed
    assert _next(stage, stage.ben) == ["15"]
    passed = Enrolment.objects.get(annotator=stage.ben).passed
    assert [r.upper for r in passed][-1] == [r.upper for r in before][
        -1
    ]  # as far as before, and one hole less
    with CaptureQueriesContext(connection) as seen:
        assert stage.claim(stage.ben).item_key == "item-10"
    assert len(seen) == 1


def test_priority_by_a_field_takes_all_that_have_the_value() -> None:
    stage = cast.stage(**ONE)
    _load(stage, [{"tier": tier} for tier in ("a", "b", "a", "b")])
    reordering.prioritise(queue=stage.queue, priority=3, field="tier", value="b", by=stage.ada)
    assert _order(stage) == ["1", "3", "0", "2"]
    for wrong in (
        {"priority": 1001, "tasks": [1]},
        {"priority": 1},
        {"priority": 1, "tasks": [1], "field": "x"},
    ):
        with pytest.raises(Invalid):
            reordering.prioritise(queue=stage.queue, by=stage.ada, **wrong)


@pytest.mark.parametrize(
    ("kind", "descending", "expected"),
    [
        ("number", False, ["4", "2", "0", "5", "1", "3", "6"]),
        ("number", True, ["1", "5", "0", "2", "4", "3", "6"]),
        ("text", False, ["4", "2", "0", "1", "5", "3", "6"]),
        ("text", True, ["3", "5", "1", "0", "2", "4", "6"]),
    ],
)
def test_a_field_orders_by_number_or_text_and_what_lacks_it_comes_last(
    kind: str, descending: bool, expected: list[str]
) -> None:
    stage = cast.stage(**ONE, order="field", order_field="x", order_kind=kind, order_descending=descending)
    _load(
        stage, [{"x": 2}, {"x": "30"}, {"x": 0.5}, {"x": "zebra and more"}, {"x": -7}, {"x": 4e0}, {"y": 1}]
    )
    assert _order(stage) == expected


def test_a_late_row_takes_its_place_in_an_order_by_field() -> None:
    stage = cast.stage(overlap=3, order="field", order_field="x")
    _load(stage, [{"x": 1}, {"x": 3}, {"x": 5}])
    assert _next(stage, stage.ben, 2) == ["0", "1"]
    _load(stage, [{"x": 2}, {"x": 9}], start=3)
    assert _next(stage, stage.ben, 3) == ["3", "2", "4"]


def test_random_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    stage = cast.stage(**ONE)
    stage.load(30)
    assert _order(stage) == [str(n) for n in range(30)]
    orders = []
    for seed in (1, 2, 1):
        _change(stage, order="random", order_seed=seed)
        orders.append(_order(stage))
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0], key=int) == [str(n) for n in range(30)] != orders[0]
    changed = Event.objects.filter(kind="queue.settings-changed").order_by("pk").first()
    assert changed is not None
    assert changed.data["order"] == ["first-in", "random"]


def test_depth_first_finishes_and_breadth_first_begins() -> None:
    stage = cast.stage(overlap=3)
    stage.load(3)
    assert [_answer(stage, who) for who in (stage.ben, stage.chi, stage.dov)] == ["0", "0", "0"]
    _change(stage, spread="breadth")
    assert [_answer(stage, who) for who in (stage.ben, stage.chi, stage.dov)] == ["1", "2", "1"]
    numbers = [slot.number for slot in Assignment.objects.filter(state="open").order_by("rank")]
    assert numbers == sorted(numbers)
    _change(stage, spread="depth")
    assert [_answer(stage, who) for who in (stage.chi, stage.ben, stage.dov)] == ["1", "2", "2"]


def test_a_task_that_was_begun_at_random_is_finished_before_others_are_begun() -> None:
    stage = cast.stage(overlap=2, random_share="1", order_seed=5)
    stage.load(30)
    drawn = _answer(stage, stage.ben)
    _change(stage, random_share="0")
    assert _next(stage, stage.chi, 2) == [drawn, "1" if drawn == "0" else "0"]


def test_a_stagger_keeps_those_who_work_side_by_side_apart_and_finishes_what_is_begun() -> None:
    stage = cast.stage(overlap=2, stagger=2)
    stage.load(5)
    assert _order(stage) == ["0", "1", "0", "2", "1", "3", "2", "4", "3", "4"]
    served = stage.claim(stage.ben), stage.claim(stage.chi)
    assert [each.item_key for each in served] == ["item-0", "item-1"]
    _change(stage, stagger=0)
    assert _order(stage)[:4] == ["0", "1", "2", "2"]


def test_what_comes_back_keeps_its_turn_breadth_first() -> None:
    stage = cast.stage(overlap=2, spread="breadth")
    stage.load(2)
    served = stage.claim(stage.ben)
    assert _next(stage, stage.chi) == ["1"]
    leasing.release(
        assignment_id=served.assignment_id, annotator=stage.ben, token=served.token, by=stage.ben.member
    )
    assert _next(stage, stage.chi) == ["0"]  # its first answer, before any second


def test_the_highest_disagreement_and_the_oldest_dispute_come_first() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    for values in (("yes", "no"),) * 3:
        stage.answer(stage.ben, values[0])
        stage.answer(stage.chi, values[1])
    disputes = Queue.objects.get(purpose="adjudication")
    work = list(Task.objects.filter(queue=disputes).order_by("pk"))
    assert [task.disagreement for task in work] == [1.0, 1.0, 1.0]
    for task, disagreement in zip(work, (0.2, 0.9, 0.5), strict=True):
        Task.objects.filter(pk=task.pk).update(disagreement=disagreement)
    queues.change_settings(queue=disputes, by=stage.ada, order="disagreement")
    stage.queue = disputes
    assert _order(stage) == ["1", "2", "0"]
    Task.objects.filter(pk=work[2].pk).update(disputed_at="2020-01-01T00:00Z")
    queues.change_settings(queue=disputes, by=stage.ada, order="oldest-dispute")
    assert _order(stage) == ["2", "0", "1"]


def test_more_answers_are_wanted_first_where_the_answers_differ_most() -> None:
    stage = cast.stage(overlap=2, max_overlap=4, order="disagreement", consensus_share="0.8")
    stage.load(3)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    assert Task.objects.get(item__key="item-0").disagreement == 1.0
    assert _order(stage)[0] == "0"


def test_an_answer_that_settles_nothing_moves_its_task_where_the_answers_differ_now() -> None:
    stage = cast.stage(overlap=3, max_overlap=4, order="disagreement")
    stage.load(2)
    stage.answer(stage.ben, "yes")
    held = stage.claim(stage.dov)
    assert _order(stage) == ["0", "1", "1", "1"]
    stage.answer(stage.chi, "no")
    first = Task.objects.get(item__key="item-0")
    assert first.disagreement == 1.0
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    assert Task.objects.get(item__key="item-1").disagreement == 0.0
    leasing.release(
        assignment_id=held.assignment_id, annotator=stage.dov, token=held.token, by=stage.dov.member
    )
    assert _order(stage) == ["0", "1"]
    given = revising.last(annotator=stage.chi, queue=stage.queue)
    for one, value in zip(given, ("no", "yes"), strict=True):
        revising.revise(
            annotator=stage.chi,
            assignment_id=one.assignment_id,
            answer=submitting.Answer({"entailed": value}, {}),
            seen=1,
            client_key=f"correction-{one.assignment_id}",
            by=stage.chi.member,
        )
    assert _order(stage) == ["1", "0"]


def test_an_answer_that_counts_after_its_dispute_opened_moves_the_dispute() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    unfit = {"entailed": [parsing.NO_CLAUSE]}
    held = stage.claim(stage.dov)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        stage.submit(who, stage.claim(who), {"entailed": value}, unfit)
    with transaction.atomic():  # a lead is asked before the last answer is in
        assert settling.settle(task_id=held.task_id) == "disputed"
    dispute = Dispute.objects.get()
    work = dispute.work
    assert work is not None
    queues.change_settings(queue=work.queue, by=stage.ada, order="disagreement")
    assert (dispute.disagreement, work.disagreement) == (1.0, 1.0)
    before = Assignment.objects.get(task=work).rank
    stage.submit(stage.dov, held, {"entailed": "yes"})
    dispute.refresh_from_db()
    work.refresh_from_db()
    assert dispute.disagreement == work.disagreement == pytest.approx(2 / 3)
    assert Assignment.objects.get(task=work).rank > before


def test_a_random_share_ignores_the_order_and_says_so() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, random_share="0.5", order_seed=7)
    stage.load(60)
    items = [int(key) for key in _next(stage, stage.ben, 40)]
    how = [event.data["order"] for event in Event.objects.filter(kind="assignment.claimed").order_by("pk")]
    assert 12 <= how.count("drawn") <= 28
    assert set(how) == {"drawn", "first-in"}
    by_order = [item for item, one in zip(items, how, strict=True) if one == "first-in"]
    assert by_order == sorted(by_order)
    drawn = [item for item, one in zip(items, how, strict=True) if one == "drawn"]
    assert sum(item >= 30 for item in drawn) >= len(drawn) / 3
    assert len(set(items)) == 40


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"order": "field"}, "order_field"),
        ({"order_field": "x"}, "order_field"),
        ({"order": "random", "random_share": "0.1"}, "random_share"),
        ({"random_share": "1.5"}, "random_share"),
        ({"order": "oldest-dispute"}, "order"),
        ({"overlap": 1, "max_overlap": 1, "spread": "breadth"}, "spread"),
        ({"overlap": 1, "max_overlap": 1, "stagger": 4}, "stagger"),
        ({"spread": "breadth", "stagger": 4}, "stagger"),
        ({"stagger": 10_001}, "stagger"),
        ({"overlap": 1, "max_overlap": 1, "order": "disagreement"}, "order"),
    ],
)
def test_what_makes_no_sense_together_is_refused(settings: dict[str, Any], where: str) -> None:
    stage = cast.stage()
    with pytest.raises(Invalid) as refusal:
        _change(stage, **settings)
    assert where in {problem["where"] for problem in refusal.value.problems}


def test_a_queue_of_many_is_put_in_order_by_a_job_in_pieces(settings: Any) -> None:
    settings.REORDERED_AT_ONCE, settings.REORDER_CHUNK = 3, 2
    stage = cast.stage(**ONE)
    _load(stage, [{"x": x} for x in (5, 4, 3, 2, 1)])
    done = None
    _change(stage, order="field", order_field="x")
    assert _order(stage) == ["0", "1", "2", "3", "4"]
    seen: list[int] = []
    done = reordering.run(asked={"queue": stage.queue.pk}, progress=lambda n: seen.append(n))
    assert (done, seen, _order(stage)) == (5, [2, 4, 5], ["4", "3", "2", "1", "0"])


def test_an_order_is_cloned_with_its_queue() -> None:
    stage = cast.stage(order="field", order_field="x", order_descending=True, random_share="0.25")
    made = cloning.clone_project(source=stage.project, key="again", name="Again", by=stage.ada)
    clone = Queue.objects.get(project=made, key=stage.queue.key)
    assert (clone.order, clone.order_field, clone.order_descending, str(clone.random_share)) == (
        "field",
        "x",
        True,
        "0.250",
    )


def test_old_arrivals_are_dropped_and_nobody_misses_them() -> None:
    stage = cast.stage(overlap=3)
    stage.load(3)
    _next(stage, stage.ben, 2)
    (task,) = Task.objects.filter(item__key="item-2")
    reordering.prioritise(queue=stage.queue, priority=1, tasks=[task.pk], by=stage.ada)
    Arrival.objects.update(at="2020-01-01T00:00Z")
    reordering.forget()
    assert not Arrival.objects.exists()
    assert _next(stage, stage.ben) == ["2"]


def test_priority_is_given_by_rest_and_by_the_page() -> None:
    stage = cast.stage(**ONE)
    _load(stage, [{"tier": tier} for tier in ("a", "b", "a")])
    rest = stage.client(stage.ada)()
    where = f"/api/v1/projects/{stage.project.key}/queues/{stage.queue.key}/prioritise"
    reply = rest.post(where, {"priority": 5, "items": ["item-2"]}, content_type="application/json")
    assert (reply.status_code, reply.json()) == (200, {"tasks": 1, "job": None})
    assert rest.post(where, {"priority": 5}, content_type="application/json").status_code == 422
    assert _order(stage) == ["2", "0", "1"]
    client = Client()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    page = f"/p/{stage.project.key}/queues/{stage.queue.key}/tasks/"
    client.post(
        f"{page}assign/",
        {"step": "prioritise", "priority": 9, "which": "field", "field": "tier", "value": "b"},
    )
    assert _order(stage) == ["1", "2", "0"]
