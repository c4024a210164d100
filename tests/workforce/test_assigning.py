"""Work given to somebody by name: offered to her first, to nobody else until a time, and exact whatever others claim."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation import keeping
from annotation.models import AnswerDraft
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import assigning, leasing, reserving, skipping, staffing, suspending
from workforce.models import Annotator, Assignment, Recall, SlotState, Task

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def _assign(stage: cast.Stage, who: Annotator, *items: str, taking_over: bool = False) -> assigning.Assigned:
    tasks = Task.objects.filter(queue=stage.queue, item__key__in=items).values_list("pk", flat=True)
    return assigning.assign(
        queue=stage.queue,
        task_ids=list(tasks),
        annotator=who,
        keep=DAY,
        taking_over=taking_over,
        by=stage.ada,
    )


def test_what_is_kept_for_her_comes_first_and_to_nobody_else() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    assert len(_assign(stage, stage.chi, "item-0", "item-2").tasks) == 2
    assert stage.answer(stage.ben, "yes").task_id == Task.objects.get(item__key="item-1").pk
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None
    assert stage.claim(stage.chi).item_key == "item-0"
    stage.answer(stage.chi, "yes")
    assert stage.claim(stage.chi).item_key == "item-2"


def test_after_its_time_it_is_open_to_all_without_any_beat() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    _assign(stage, stage.chi, "item-0")
    Assignment.objects.update(reserved_until=leasing.database_now() - timedelta(minutes=1))
    assert stage.claim(stage.ben).item_key == "item-0"


def test_a_claim_for_which_nothing_is_kept_takes_no_more_statements() -> None:
    stage = cast.stage()
    stage.load(3)
    with CaptureQueriesContext(connection) as before:
        stage.claim(stage.ben)
    _assign(stage, stage.dov, "item-0", "item-1", "item-2")
    with CaptureQueriesContext(connection) as after:
        stage.claim(stage.chi)
    assert len(after) == len(before)


def test_nobody_is_given_what_she_answered_or_skipped_and_the_reason_is_said() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    stage.answer(stage.ben, "yes")
    held = stage.claim(stage.ben)
    skipping.skip(
        assignment_id=held.assignment_id, annotator=stage.ben, token=held.token, reason="other", by=None
    )
    done = _assign(stage, stage.ben, "item-0", "item-1", "item-2")
    assert (len(done.tasks), sorted(done.left.values())) == (1, ["barred", "has-it"])


def test_what_is_kept_for_one_is_handed_to_another_only_when_asked_to() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    _assign(stage, stage.ben, "item-0")
    assert list(_assign(stage, stage.chi, "item-0").left.values()) == ["no-free-slot"]
    assert _assign(stage, stage.chi, "item-0", taking_over=True).tasks
    assert stage.claim(stage.chi).item_key == "item-0"


def test_what_is_taken_back_is_open_to_all() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    tasks = _assign(stage, stage.ben, "item-0").tasks
    assert assigning.take_back(queue=stage.queue, task_ids=tasks, by=stage.ada) == 1
    assert stage.claim(stage.chi).item_key == "item-0"


def test_a_lease_is_taken_away_with_a_reason_and_handed_on_and_the_draft_stays() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    held = stage.claim(stage.ben)
    keeping.save_draft(
        annotator=stage.ben, task_id=held.task_id, values={"entailed": "no"}, citations={}, revision=0
    )
    slot = Assignment.objects.get(pk=held.assignment_id)
    with pytest.raises(Invalid):
        assigning.recall(assignment=slot, reason=" ", by=stage.ada)
    assigning.recall(assignment=slot, reason="Chi knows the author.", to=stage.chi, by=stage.ada)
    assert (leasing.held(annotator=stage.ben), Recall.objects.get().annotator) == ([], stage.ben)
    assert AnswerDraft.objects.get().annotator == stage.ben
    assert stage.claim(stage.chi).task_id == held.task_id
    assert stage.submit(stage.ben, held, {"entailed": "no"}).outcome == "late"


def test_what_nobody_holds_is_not_taken_away() -> None:
    stage = cast.stage()
    stage.load(1)
    with pytest.raises(WrongState):
        assigning.recall(assignment=Assignment.objects.all()[0], reason="x", by=stage.ada)


def test_who_does_not_pull_from_the_queue_is_given_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    staffing.dismiss(queue=stage.queue, annotator=stage.ben, by=stage.ada)
    with pytest.raises(Invalid, match="enrol"):
        _assign(stage, stage.ben, "item-0")


def test_nothing_is_kept_for_somebody_who_is_suspended() -> None:
    stage = cast.stage()
    stage.load(1)
    suspending.suspend(member=stage.member("ben"), reason="Shared the items.", by=stage.ada)
    with pytest.raises(Invalid, match="does not work here"):
        _assign(stage, stage.ben, "item-0")
    assert not Assignment.objects.filter(state=SlotState.RESERVED).exists()


def test_who_leaves_the_queue_keeps_nothing() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    _assign(stage, stage.ben, "item-0")
    staffing.dismiss(queue=stage.queue, annotator=stage.ben, by=stage.ada)
    assert stage.claim(stage.chi).item_key == "item-0"


def test_kept_slots_are_withdrawn_with_their_task_and_due_ones_return() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    _assign(stage, stage.ben, "item-0", "item-1")
    Assignment.objects.filter(task__item__key="item-1", state="reserved").update(
        reserved_until=leasing.database_now() - timedelta(minutes=1)
    )
    assert (reserving.return_due(), reserving.return_due()) == (1, 0)
    states = Assignment.objects.filter(task__item__key="item-1").values_list("state", flat=True)
    assert set(states) == {SlotState.OPEN}
