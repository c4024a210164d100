"""A task that waits for an answer about a clause: claimed by nobody, then offered first to who asked."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from annotation import asking, keeping
from annotation.models import Inquiry
from specs.models import Event
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import goldkeeping, holding, leasing, queues, reserving, routing
from workforce.models import Annotator, Assignment, Hold, HoldOutcome, SlotState, Task, TaskState

pytestmark = pytest.mark.django_db


def _ask(stage: cast.Stage, who: Annotator, clause: str = "whole") -> Inquiry:
    served = stage.claim(who)
    assert who.member is not None
    return asking.ask_and_hold(
        assignment_id=served.assignment_id,
        annotator=who,
        token=served.token,
        clause_key=clause,
        text="Does a title count?",
        by=who.member,
    )


def test_a_held_task_is_claimed_by_nobody_and_comes_first_to_who_asked_when_the_answer_came() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    inquiry = _ask(stage, stage.ben)
    assert stage.claim(stage.chi).item_key == "item-1"
    assert stage.answer(stage.ben, "yes").task_id != inquiry.task_id
    asking.answer(inquiry=inquiry, text="It does.", by=stage.ada)
    held = Hold.objects.get()
    assert (held.outcome, Event.objects.filter(kind="task.hold-released").count()) == (
        HoldOutcome.ANSWERED,
        1,
    )
    assert stage.claim(stage.ben).task_id == inquiry.task_id
    assert stage.claim(stage.dov).task_id == inquiry.task_id


def test_the_draft_is_there_when_it_comes_back() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    keeping.save_draft(
        annotator=stage.ben, task_id=served.task_id, values={"entailed": "no"}, citations={}, revision=0
    )
    _ask(stage, stage.ben)
    holding.release(hold=Hold.objects.get(), by=stage.ada)
    again = stage.claim(stage.ben)
    draft = keeping.draft_of(annotator=stage.ben, task_id=again.task_id)
    assert draft is not None
    assert draft.values == {"entailed": "no"}


def test_a_hold_ends_with_its_time_and_only_once() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    _ask(stage, stage.ben)
    assert holding.release_due() == 0
    Hold.objects.update(until=leasing.database_now() + timedelta(microseconds=1))
    assert (holding.release_due(), holding.release_due()) == (1, 0)
    assert Hold.objects.get().outcome == HoldOutcome.OVERDUE
    with pytest.raises(WrongState):
        holding.release(hold=Hold.objects.get(), by=stage.ada)
    assert stage.claim(stage.ben).item_key == "item-0"


def test_two_who_ask_about_one_task_are_waited_for_both() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    first_lease, second_lease = stage.claim(stage.ben), stage.claim(stage.chi)
    assert first_lease.task_id == second_lease.task_id
    first, second = _ask(stage, stage.ben), _ask(stage, stage.chi)
    asking.answer(inquiry=first, text="Yes.", by=stage.ada)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None
    assert stage.claim(stage.ben).task_id == first.task_id
    asking.answer(inquiry=second, text="Yes.", by=stage.ada)
    assert stage.claim(stage.dov).task_id == first.task_id
    assert stage.claim(stage.chi).task_id == first.task_id


@pytest.mark.parametrize("how", ["released", "expired", "wanted", "unreserved"])
def test_a_slot_that_comes_back_to_a_held_task_waits_with_it(how: str) -> None:
    stage = cast.stage(overlap=3, max_overlap=5)
    stage.load(1)
    stage.claim(stage.ben)
    other = stage.claim(stage.chi)
    if how == "unreserved":
        leasing.return_leases_of(annotator=stage.chi, by=stage.ada)
        Assignment.objects.filter(pk=other.assignment_id).update(
            state="reserved", annotator=stage.chi, reserved_until=leasing.database_now()
        )
    inquiry = _ask(stage, stage.ben)
    if how == "released":
        leasing.release(
            assignment_id=other.assignment_id, annotator=stage.chi, token=other.token, by=stage.chi.member
        )
    elif how == "expired":
        now = leasing.database_now()
        Assignment.objects.filter(pk=other.assignment_id).update(
            leased_at=now - timedelta(hours=2), lease_until=now - timedelta(hours=1)
        )
        assert leasing.return_expired() == 1
    elif how == "wanted":
        routing.add_slot(task_id=other.task_id)
    else:
        assert reserving.return_due(queue_id=stage.queue.pk) == 1
    states = Assignment.objects.exclude(state="leased").values_list("state", flat=True)
    assert set(states) == {"held"}
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None
    asking.answer(inquiry=inquiry, text="It does.", by=stage.ada)
    assert stage.claim(stage.dov).task_id == inquiry.task_id


def test_nobody_has_more_waiting_than_the_queue_allows_and_a_refusal_keeps_the_task() -> None:
    stage = cast.stage(max_holds=1)
    stage.load(2)
    _ask(stage, stage.ben)
    with pytest.raises(holding.NoHolds):
        _ask(stage, stage.ben)
    assert (len(leasing.held(annotator=stage.ben)), Inquiry.objects.count()) == (1, 1)


def test_a_queue_may_hold_nothing_and_an_unknown_clause_holds_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    with pytest.raises(Invalid):
        _ask(stage, stage.ben, "nonsense")
    queues.change_settings(queue=stage.queue, by=stage.ada, hold_for=timedelta(0))
    with pytest.raises(holding.NoHolds):
        _ask(stage, stage.ben)
    assert not Hold.objects.exists()


def test_what_waits_is_counted_and_ends_with_its_task() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(1)
    _ask(stage, stage.ben)
    assert queues.counts(project=stage.project)[stage.queue.pk]["slots_held"] == 2
    task = Task.objects.get()
    routing.withdraw_open_slots(task_id=task.pk)
    routing.mark(task_id=task.pk, state=TaskState.WITHDRAWN)
    holding.release(hold=Hold.objects.get(), by=stage.ada)
    assert set(Assignment.objects.values_list("state", flat=True)) == {SlotState.WITHDRAWN}


def test_gold_is_held_like_any_other_task_and_comes_back_to_who_asked() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    rows = b'{"key": "known", "value": "yes", "clauses": "whole", "text": "t"}'
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows), name="gold", by=stage.ada)
    gold = cast.mint(stage, stage.ben, "gold")
    assert gold is not None
    inquiry = asking.ask_and_hold(
        assignment_id=gold.assignment_id,
        annotator=stage.ben,
        token=gold.token,
        clause_key="whole",
        text="Does a title count?",
        by=stage.member("ben"),
    )
    asking.answer(inquiry=inquiry, text="It does.", by=stage.ada)
    assert stage.claim(stage.ben).task_id == gold.task_id


def test_gold_that_was_held_and_not_taken_again_is_offered_to_nobody_else() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, gold_share=0, gold_first=0)
    rows = b'{"key": "known", "value": "yes", "clauses": "whole", "text": "t"}'
    goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(rows), name="gold", by=stage.ada)
    gold = cast.mint(stage, stage.ben, "gold")
    assert gold is not None
    held = holding.hold(assignment_id=gold.assignment_id, annotator=stage.ben, token=gold.token, by=None)
    holding.release(hold=held, by=stage.ada)
    Assignment.objects.filter(pk=gold.assignment_id).update(
        reserved_until=leasing.database_now() - timedelta(minutes=1)
    )
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None) is None
    assert Assignment.objects.get(pk=gold.assignment_id).state == SlotState.WITHDRAWN
