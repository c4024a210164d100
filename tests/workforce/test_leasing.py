"""Claims, renewals and returns through their functions."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from specs.refusals import NotAllowed
from tests import cast
from workforce import entering, leasing, queues, staffing
from workforce.models import Assignment, Lease, Queue, SlotState, Task

pytestmark = pytest.mark.django_db


def _let_leases_end() -> None:
    """As if the leases had been given long ago: their end is moved, by the database's clock."""
    Assignment.objects.filter(state=SlotState.LEASED).update(
        leased_at=leasing.database_now() - timedelta(hours=2),
        lease_until=leasing.database_now() - timedelta(hours=1),
    )


def test_loading_makes_one_open_slot_per_wanted_answer() -> None:
    stage = cast.stage(overlap=2)
    stage.load(3)
    assert Task.objects.count() == 3
    assert list(Assignment.objects.order_by("task", "number").values_list("number", flat=True)) == [1, 2] * 3


def test_a_claim_leases_the_first_item_and_records_the_lease() -> None:
    stage = cast.stage()
    stage.load(2)
    served = stage.claim(stage.ben)
    assert (served.item_key, served.served_digest) == ("item-0", stage.version.digest)
    assert Lease.objects.get().token == served.token
    assert timedelta(minutes=29) < served.lease_until - leasing.database_now() <= timedelta(minutes=30)


def test_a_second_claim_shows_the_task_that_is_held() -> None:
    stage = cast.stage()
    stage.load(2)
    assert stage.claim(stage.ben) == stage.claim(stage.ben)
    assert Assignment.objects.filter(state=SlotState.LEASED).count() == 1


def test_nobody_gets_the_same_task_twice() -> None:
    stage = cast.stage(overlap=2)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None
    assert stage.claim(stage.chi).item_key == "item-0"


def test_claims_never_exceed_the_overlap() -> None:
    stage = cast.stage(overlap=2)
    stage.load(1)
    stage.claim(stage.ben)
    stage.claim(stage.chi)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None


def test_items_come_in_the_order_they_were_loaded() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(5)
    stage.load(3, start=5)
    for _ in range(8):
        stage.answer(stage.ben, "yes")
    order = Assignment.objects.order_by("submitted_at").values_list("task__item__key", flat=True)
    assert list(order) == [f"item-{k}" for k in range(8)]


def test_an_expired_lease_goes_to_the_next_claim_without_any_beat() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    lost = stage.claim(stage.ben)
    _let_leases_end()
    again = stage.claim(stage.chi)
    assert (again.assignment_id, again.token != lost.token) == (lost.assignment_id, True)


def test_work_that_came_back_is_offered_before_untouched_work() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    stage.claim(stage.ben)
    stage.answer(stage.chi, "yes")
    _let_leases_end()
    assert stage.claim(stage.chi).item_key == "item-0"


def test_a_release_under_a_strange_token_changes_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    with pytest.raises(leasing.LeaseLost):
        leasing.release(assignment_id=served.assignment_id, annotator=stage.ben, token=uuid.uuid4(), by=None)
    assert leasing.held(annotator=stage.ben) == [served]


def test_a_lease_is_renewed_a_limited_number_of_times() -> None:
    stage = cast.stage(max_renewals=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    until = leasing.renew(assignment_id=served.assignment_id, annotator=stage.ben, token=served.token)
    assert until >= served.lease_until
    with pytest.raises(leasing.NoMoreRenewals):
        leasing.renew(assignment_id=served.assignment_id, annotator=stage.ben, token=served.token)
    assert list(Lease.objects.order_by("renewal").values_list("renewal", flat=True)) == [0, 1]


def test_an_ended_lease_is_not_renewed() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    _let_leases_end()
    with pytest.raises(leasing.LeaseLost):
        leasing.renew(assignment_id=served.assignment_id, annotator=stage.ben, token=served.token)


def test_a_paused_queue_gives_nothing_and_says_so() -> None:
    stage = cast.stage()
    stage.load(1)
    queues.pause(queue=stage.queue, by=stage.ada)
    with pytest.raises(entering.QueueClosed):
        stage.claim(stage.ben)


def test_who_is_not_enrolled_cannot_claim() -> None:
    stage = cast.stage()
    stage.load(1)
    staffing.dismiss(queue=stage.queue, annotator=stage.ben, by=stage.ada)
    with pytest.raises(NotAllowed):
        stage.claim(stage.ben)


def test_a_tool_may_hold_a_batch_and_no_more() -> None:
    stage = cast.stage(max_leases=2)
    stage.load(3)
    first, second = stage.claim(stage.ben), stage.claim(stage.ben)
    assert first.assignment_id != second.assignment_id
    with pytest.raises(leasing.TooManyLeases):
        stage.claim(stage.ben)


def test_a_claim_takes_at_most_eight_statements() -> None:
    stage = cast.stage()
    stage.load(3)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        stage.claim(stage.ben)
    assert len(seen) <= 8


def test_an_annotator_finds_what_lies_behind_her_cursor() -> None:
    """A slot that was locked when she passed it is found once nothing lies ahead."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    for _ in range(3):
        stage.answer(stage.ben, "yes")
    late = Task.objects.get(item__key="item-2")
    Task.objects.filter(pk=late.pk).update(overlap=2)
    Assignment.objects.create(project=stage.project, task=late, queue=stage.queue, number=2, rank=1)
    staffing.enrol(queue=stage.queue, annotator=stage.chi, by=stage.ada)
    Queue.objects.filter(pk=stage.queue.pk).update(cursor_epoch=0)
    assert stage.claim(stage.chi).item_key == "item-2"
