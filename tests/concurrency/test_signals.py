"""What expires and what is claimed at the same moment: a task is either somebody's, or gone as a whole."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.db import connection, transaction

from tests import cast
from tests.workforce.test_signalling import row, signals
from workforce import leasing, signalling
from workforce.models import Assignment, Signal, Task


def test_a_claim_under_way_keeps_its_task_and_its_other_slot(committed_db: None) -> None:
    stage = cast.stage(overlap=2)
    signals(stage, row("a", left=1), row("b", left=1))
    later = leasing.database_now() + timedelta(hours=2)
    claimed, ended = threading.Event(), threading.Event()

    def claim() -> None:
        with transaction.atomic():
            leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None)
            claimed.set()
            ended.wait(20)
        connection.close()

    thread = threading.Thread(target=claim)
    thread.start()
    assert claimed.wait(20)
    assert signalling.end_over(at=later) == 1
    ended.set()
    thread.join()
    assert Task.objects.get(item__key="a").state == "open"
    assert Task.objects.get(item__key="b").state == "withdrawn"
    slots = Assignment.objects.filter(task__item__key="a").order_by("number")
    assert [slot.state for slot in slots] == ["leased", "open"]
    assert Signal.objects.get(item__key="a").state == "live"
