"""Several tasks in one claim: as many as are allowed, each as a claim by itself would give it, and why there are not more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from specs import tokens
from specs.models import ApiToken, Event
from specs.refusals import Invalid
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import batching, degrading, entering, excluding, leasing, limiting, queues, staffing
from workforce.models import Assignment, Probe, Queue

pytestmark = pytest.mark.django_db
WIDE: dict[str, Any] = {"overlap": 1, "max_overlap": 1, "max_leases": 4, "batches_for": "everybody"}


def _bearer(stage: cast.Stage, max_leases: int | None = None) -> tokens.Bearer:
    member = stage.member("ben")
    made, _ = tokens.create(
        member=member, name="bot", permissions=["work.label"], max_leases=max_leases, by=member
    )
    return tokens.Bearer(made.pk, member, frozenset(made.permissions), made.max_leases)


def _claim(stage: cast.Stage, n: int, bearer: tokens.Bearer | None = None) -> batching.Batch:
    return batching.claim_many(
        queue_id=stage.queue.pk, annotator=stage.ben, n=n, bearer=bearer or _bearer(stage)
    )


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


def test_gold_is_minted_into_a_batch_as_into_single_claims() -> None:
    stage = cast.stage(**WIDE)
    Queue.objects.update(gold_first=2, gold_first_of=4)
    bring_in(stage, *({"key": f"gold-{k}", "value": "yes", "text": f"gold {k}"} for k in range(3)))
    stage.load(4)
    batch = _claim(stage, 4)
    gold = set(Probe.objects.values_list("task", flat=True))
    assert ([one.task_id in gold for one in batch.leases].count(True), len(gold)) == (2, 2)
    assert len({one.item_id for one in batch.leases}) == 4


def test_a_batch_ends_where_she_has_seen_enough_of_what_is_upsetting(settings: Any) -> None:
    settings.SENSITIVE_PER_HOUR = 2
    stage = cast.stage(**WIDE)
    stage.load(4)
    category = excluding.add_category(
        project=stage.project, key="violence", name="Violence", warning="Wounds.", by=stage.ada
    )
    excluding.mark(category=category, items=["item-0", "item-1", "item-2"], by=stage.ada)
    excluding.agree(annotator=stage.ben, category=category, by=stage.member("ben"))
    batch = _claim(stage, 4)
    assert [one.item_key for one in batch.leases] == ["item-0", "item-1", "item-3"]
    assert batch.short == "exposure-cap"
    with pytest.raises(excluding.ExposureCap):
        _claim(stage, 1)


def test_a_token_gives_no_more_tasks_than_it_lets_one_hold() -> None:
    stage = cast.stage(**WIDE)
    stage.load(6)
    bearer = _bearer(stage, max_leases=3)
    asked: dict[str, Any] = {"queue_id": stage.queue.pk, "annotator": stage.ben, "bearer": bearer}
    assert batching.claim_one(**asked)
    batch = _claim(stage, 4, bearer)
    assert (len(batch.leases), batch.short) == (2, "token-leases")
    claims = Event.objects.filter(kind="assignment.claimed").count()
    for refused in (
        lambda: batching.claim_one(**asked),
        lambda: batching.claim_first(annotator=stage.ben, bearer=bearer),
        lambda: _claim(stage, 1, bearer),
    ):
        with pytest.raises(limiting.TokenFull):
            refused()
    assert Event.objects.filter(kind="assignment.claimed").count() == claims
    assert _claim(stage, 1).leases  # by a token without a limit, as many as the queue allows
    queues.change_settings(queue=stage.queue, by=stage.ada, max_leases=1)
    leasing.return_leases_of(annotator=stage.ben, by=stage.ada)
    again = {batching.claim_one(**{**asked, "bearer": _bearer(stage, 1)}).task_id for _ in range(2)}  # type: ignore[union-attr]
    assert len(again) == 1  # what is held is served again


def test_a_token_makes_no_token_that_may_more_and_its_limit_holds_for_the_next_task() -> None:
    stage = cast.stage(**WIDE)
    stage.load(6)
    member = stage.member("ben")
    _, secret = tokens.create(
        member=member, name="bot", permissions=["work.label", "token.manage"], max_leases=2, by=member
    )
    root, json = f"/api/v1/projects/{stage.project.key}", "application/json"
    limited = Client(headers={"authorization": f"Bearer {secret}"})
    asked = {"name": "second", "permissions": ["work.label"], "max_leases": 50}
    made = limited.post(f"{root}/tokens", asked, content_type=json)
    assert (made.status_code, made.json()["max_leases"]) == (201, 2)
    wider = {"name": "third", "permissions": ["spec.read"]}
    assert limited.post(f"{root}/tokens", wider, content_type=json).status_code == 403
    assert [one["max_leases"] for one in limited.get(f"{root}/tokens").json()["tokens"]] == [2, 2]
    second = Client(headers={"authorization": f"Bearer {made.json()['secret']}"})
    _claim(stage, 3)  # however she took them
    mine = leasing.held(annotator=stage.ben)
    for served, follows in ((mine[0], False), (mine[1], True)):
        answer = {"token": str(served.token), "values": {"entailed": "yes"}, "claim_next": True}
        reply = second.post(
            f"{root}/assignments/{served.assignment_id}/submit", answer, content_type=json,
            headers={"idempotency-key": f"answer-{served.assignment_id}"},
        )  # fmt: skip
        assert (reply.status_code, reply.json()["next"] is not None) == (200, follows), reply.content
    assert second.post(f"{root}/queues/main/claim").json()["title"] == "token-leases"
    assert limited.delete(f"{root}/tokens/{made.json()['id']}").status_code == 204
    assert ApiToken.objects.get(pk=made.json()["id"]).revoked_at


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
