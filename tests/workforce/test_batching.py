"""Several tasks in one claim: as many as are allowed, each as a claim by itself would give it, and why there are not more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from workforce import batching, degrading, entering, leasing, queues, staffing
from workforce.models import Assignment, Probe

pytestmark = pytest.mark.django_db
WIDE: dict[str, Any] = {"overlap": 1, "max_overlap": 1, "max_leases": 4, "batches_for": "everybody"}


def _claim(stage: cast.Stage, n: int) -> batching.Batch:
    return batching.claim_many(queue_id=stage.queue.pk, annotator=stage.ben, n=n, by=stage.ben.member)


def test_a_batch_is_as_large_as_asked_in_the_queues_order_each_lease_its_own() -> None:
    stage = cast.stage(**WIDE)
    stage.load(5)
    batch = _claim(stage, 3)
    assert [one.item_key for one in batch.leases] == ["item-0", "item-1", "item-2"]
    assert (batch.short, len({one.token for one in batch.leases})) == ("", 3)
    assert Event.objects.filter(kind="assignment.claimed").count() == 3


def test_a_batch_says_why_it_is_smaller() -> None:
    stage = cast.stage(**WIDE)
    stage.load(6)
    assert (len(_claim(stage, 3).leases), _claim(stage, 3).short) == (3, "too-many-leases")
    assert Assignment.objects.filter(state="leased").count() == 4
    with pytest.raises(leasing.TooManyLeases):
        _claim(stage, 1)
    leasing.return_leases_of(annotator=stage.ben, by=stage.ada)
    stage.queue = queues.change_settings(queue=stage.queue, by=stage.ada, max_leases=100)
    batch = _claim(stage, 50)
    assert (len(batch.leases), batch.short) == (6, "nothing-left")
    assert (_claim(stage, 2).leases, _claim(stage, 2).short) == ([], "nothing-left")


def test_a_batch_is_refused_where_a_claim_would_be_and_to_people_where_it_is_for_programs(
    settings: Any,
) -> None:
    settings.MAX_CLAIMED_AT_ONCE = 10
    stage = cast.stage(**WIDE)
    stage.load(2)
    for wrong in (0, 11):
        with pytest.raises(Invalid):
            _claim(stage, wrong)
    for allowed in ("programs", "nobody"):
        stage.queue = queues.change_settings(queue=stage.queue, by=stage.ada, batches_for=allowed)
        with pytest.raises(batching.NoBatches):
            _claim(stage, 1)
    queues.change_settings(queue=stage.queue, by=stage.ada, batches_for="everybody")
    queues.pause(queue=stage.queue, by=stage.ada)
    with pytest.raises(entering.QueueClosed):
        _claim(stage, 1)
    assert not Assignment.objects.filter(state="leased").exists()


def test_a_batch_draws_at_random_as_often_as_single_claims_do() -> None:
    stage = cast.stage(**{**WIDE, "max_leases": 40, "random_share": "0.5", "order_seed": 3})
    stage.load(60)
    batch = _claim(stage, 40)
    how = list(Event.objects.filter(kind="assignment.claimed").values_list("data__order", flat=True))
    assert len({one.task_id for one in batch.leases}) == 40
    assert 12 <= how.count("drawn") <= 28
    assert not Probe.objects.exists()


def test_a_batch_by_rest_is_a_list_and_a_plain_claim_stays_one_lease() -> None:
    stage = cast.stage(**WIDE)
    stage.load(6)
    client = stage.client(stage.member("ben"))()
    where = f"/api/v1/projects/{stage.project.key}/queues/{stage.queue.key}/claim"
    one = client.post(where, content_type="application/json")
    assert one.json()["item"] == "item-0"
    many = client.post(where, {"n": 9}, content_type="application/json")
    assert (many.status_code, many.json()["short"]) == (200, "too-many-leases")
    assert [lease["item"] for lease in many.json()["leases"]] == ["item-1", "item-2", "item-3"]
    assert client.post(where, {"n": 0}, content_type="application/json").status_code in (400, 422)
    assert client.post(where, {"n": "many"}, content_type="application/json").status_code in (400, 422)


def test_whoever_names_no_queue_gets_the_work_that_comes_first() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    behind = queues.create_queue(
        project=stage.project,
        key="zeal",
        name="Zeal",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        overlap=1,
        max_overlap=1,
        entry="none",
        **cast.QUIET,
    )
    staffing.enrol(queue=behind, annotator=stage.ben, by=stage.ada)
    stage.load(1, start=3, queue=behind)
    client = stage.client(stage.member("ben"))()
    where = f"/api/v1/projects/{stage.project.key}/claim"
    assert client.post(where).json()["item"] == "item-0"
    degrading.begin(
        queue=behind, measure="priority", lasting=timedelta(hours=1), reason="It is behind.", by=stage.ada
    )
    urgent = client.post(where).json()
    assert urgent["item"] == "item-3"
    assert client.post(where).json()["token"] == urgent["token"]  # she holds it
    queues.pause(queue=behind, by=stage.ada)
    assert client.post(where).json()["item"] == "item-0"
    queues.pause(queue=stage.queue, by=stage.ada)
    assert client.post(where).status_code == 204
