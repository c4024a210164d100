"""Limits that are counted: many at once pass them together no further than one after the other."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from annotation.models import Annotation
from tests import cast
from workforce import excluding, leasing, loading, queues, skipping, staffing
from workforce.models import Exposure


def test_sixteen_skips_at_once_pass_the_limit_together_no_further(committed_db: None) -> None:
    stage = cast.stage(max_leases=16, skips_per_hour=5)
    stage.load(16)
    leases = [stage.claim(stage.ben) for _ in range(16)]

    def skip(served: leasing.Served) -> bool:
        try:
            skipping.skip(
                assignment_id=served.assignment_id,
                annotator=stage.ben,
                token=served.token,
                reason="other",
                by=None,
            )
        except skipping.TooManySkips:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(skip, leases)) == 5


def test_two_tabs_that_claim_in_the_same_moment_get_the_same_task(committed_db: None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(60)

    def claim(_: int) -> int:
        try:
            served = leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None)
            assert served is not None
            return served.task_id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(15):
            tasks = set(pool.map(claim, range(4)))
            assert len(tasks) == 1
            (held,) = leasing.held(annotator=stage.ben)
            stage.submit(stage.ben, held, {"entailed": "yes"})


def test_one_submission_sent_eight_times_at_once_is_one_answer_with_one_reply(committed_db: None) -> None:
    stage = cast.stage(overlap=2)
    stage.load(5)
    served = stage.claim(stage.ben)
    client = stage.client(stage.member("ben"))
    body = {
        "token": str(served.token),
        "values": {"entailed": "yes"},
        "citations": {"entailed": ["whole"]},
        "claim_next": True,
    }

    def send(_: int) -> str:
        try:
            reply = client().post(
                f"/api/v1/projects/rte/assignments/{served.assignment_id}/submit",
                body,
                content_type="application/json",
                headers={"idempotency-key": "one-of-eight"},
            )
            assert reply.status_code == 200, reply.content
            return reply.content.decode()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        replies = {json.dumps(json.loads(text)) for text in pool.map(send, range(8))}
    assert len(replies) == 1
    assert json.loads(replies.pop())["next"]["item"] == "item-1"
    assert Annotation.objects.count() == 1


def test_of_sixty_four_claims_at_once_in_two_queues_no_more_than_the_cap_is_served(
    committed_db: None, settings: object
) -> None:
    settings.SENSITIVE_PER_HOUR = 5  # type: ignore[attr-defined]
    stage = cast.stage(overlap=1, max_overlap=1, max_leases=64)
    second = queues.create_queue(
        project=stage.project,
        key="second",
        name="Second",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        overlap=1,
        max_overlap=1,
        max_leases=64,
        entry="none",
    )
    staffing.enrol(queue=second, annotator=stage.ben, by=stage.ada)
    rows = "\n".join(json.dumps({"key": f"k{n}", "text": "x", "sensitive": True}) for n in range(64))
    for queue in (stage.queue, second):
        loading.load(
            project=stage.project,
            queue=queue,
            source=io.BytesIO(rows.encode()),
            name="items.jsonl",
            by=stage.ada,
        )

    def claim(number: int) -> bool:
        try:
            queue = (stage.queue, second)[number % 2]
            return leasing.claim(queue_id=queue.pk, annotator=stage.ben, by=None) is not None
        except excluding.ExposureCap:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(64))) == 5
    assert Exposure.objects.count() == 5
