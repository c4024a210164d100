"""INV-19: what is told outside arrives, in the order of each item, and nothing arrives that did not happen.

Two workers send to a receiver that fails in three ways out of ten; half of these it took the message all the same. Its draws
hang on the message and the try alone, so a run can be repeated.
"""

from __future__ import annotations

import http.server
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as house
from django.db import IntegrityError, connections, transaction
from django.db.models.functions import Now
from redis import Redis

from specs import delivering, ledger
from specs.models import Delivery, DeliveryState, Event, Subscriber
from tests import cast
from workforce.models import Assignment, Task

FAILS, TAKES_IT_ALL_THE_SAME = 0.3, 0.15


class Receiver:
    """An address that notes what it took and what was under way at the same time, and fails as its seed says."""

    def __init__(self, seed: int) -> None:
        self.seed, self.failing = seed, True
        self.told: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.tries: Counter[tuple[str, int]] = Counter()
        self.under_way: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(outer.take(self.path, body))
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Silent."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def take(self, path: str, body: dict[str, Any]) -> int:
        line = path, str(body["about"])
        with self.lock:
            if line in self.under_way:
                self.faults.append(f"two of {line} at once")
            self.under_way.add(line)
            self.tries[path, body["event"]] += 1
            nth = self.tries[path, body["event"]]
        draw = random.Random(f"{self.seed} {path} {body['event']} {nth}").random() if self.failing else 1.0
        threading.Event().wait(0.002)  # long enough for the other worker to meet this one
        with self.lock:
            if draw >= FAILS or draw < TAKES_IT_ALL_THE_SAME:
                self.told[line].append(body["event"])
            self.under_way.discard(line)
        return 503 if draw < FAILS else 200


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    made = Receiver(seed=19)
    settings.OUTBOUND_HTTP = True
    settings.OUTBOUND_SCHEMES = ["http"]
    settings.OUTBOUND_PORTS = [made.port]
    settings.OUTBOUND_NETWORKS = ["127.0.0.1/32"]
    settings.MAX_DELIVERY_TRIES = 40
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(4)
    return made


def listen(stage: cast.Stage, receiver: Receiver, name: str) -> Subscriber:
    return Subscriber.objects.create(
        project=stage.project,
        name=name,
        url=f"http://127.0.0.1:{receiver.port}/{name}",
        topics=["alert.raised"],
        nonce=name,
        made_by=stage.ada,
    )


def happens(stage: cast.Stage, subject: tuple[str, int]) -> int:
    """Something happens to a subject and is told; returns its event."""
    with transaction.atomic():
        event = ledger.record(
            project_id=stage.project.pk, kind="test.happened", by=None, subject=subject, data={}
        )
        delivering.tell(project_id=stage.project.pk, topic="alert.raised", event_id=event, body={})
    return event


def send_all(*, workers: int = 2, rounds: int = 60) -> None:
    """What is due goes out, by so many workers at once, until nothing waits; the time between the tries is not waited for."""

    def worker(_: int) -> None:
        try:
            delivering.send_due()
        finally:
            connections.close_all()

    waiting = Delivery.objects.filter(state=DeliveryState.WAITING)
    for _ in range(rounds):
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(worker, range(workers)))
        if not waiting.update(next_at=Now()):
            return
    raise AssertionError(f"{waiting.count()} wait after {rounds} rounds")


def test_every_item_is_told_in_order_whatever_fails(stage: cast.Stage, receiver: Receiver) -> None:
    """Two subscribers, four items with what happens to their tasks and slots, two workers, Redis emptied in between."""
    for name in ("one", "two"):
        listen(stage, receiver, name)
    tasks = list(Task.objects.order_by("pk"))
    slots = dict(Assignment.objects.order_by("pk").values_list("task_id", "pk"))
    expected: dict[str, list[int]] = defaultdict(list)
    for number in range(24):
        task = tasks[number % 4]
        subject = ("task", task.pk) if number % 3 else ("assignment", slots[task.pk])
        expected[str(["item", task.item_id])].append(happens(stage, subject))
        if number == 12:
            Redis.from_url(house.REDIS_URL).flushdb()
            with transaction.atomic():
                happens(stage, subject)
                transaction.set_rollback(True)
    alert = happens(stage, ("alert", 5))
    expected[str(["alert", 5])].append(alert)
    send_all()
    assert receiver.faults == []
    first = {line: list(dict.fromkeys(told)) for line, told in receiver.told.items()}
    assert first == {
        (f"/{name}", about): events for name in ("one", "two") for about, events in expected.items()
    }
    for told in receiver.told.values():
        assert told == sorted(told), "a repeated message comes before the next one of its line"
    assert sum(map(len, receiver.told.values())) > 50, "some were told twice, under their event"
    assert set(Delivery.objects.values_list("state", "sending")) == {("delivered", False)}


def test_a_line_waits_for_its_first_and_goes_on_without_it(
    stage: cast.Stage, receiver: Receiver, settings: Any
) -> None:
    """Behind a failing message its own line waits and others go on; what is given up lets the line go on, and is recorded."""
    settings.MAX_DELIVERY_TRIES = 2
    receiver.failing = False
    webhook = listen(stage, receiver, "one")
    bad, good, other = (happens(stage, ("alert", number)) for number in (1, 1, 2))
    first = Delivery.objects.get(event_id=bad)
    Delivery.objects.filter(pk=first.pk).update(n_tries=1, next_at=Now() + timedelta(hours=1))
    assert delivering.send_due() == 1
    assert receiver.told == {("/one", "['alert', 2]"): [other]}
    receiver.take = lambda path, body: 503  # type: ignore[method-assign]
    Delivery.objects.filter(pk=first.pk).update(next_at=Now())
    assert delivering.send_due() == 0
    event = Event.objects.get(kind="delivery.given-up")
    assert event.subject_id == first.pk
    assert event.data == {"about": ["alert", 1], "event": bad, "reason": "status", "tries": 2}
    assert list(Delivery.objects.filter(state="waiting").values_list("event_id", "n_tries")) == [(good, 1)]
    delivering.unsubscribe(subscriber=webhook, by=stage.ada)
    assert Event.objects.get(kind="webhook.ended").data == {"given_up": 1, "failed": False}


def test_what_a_dead_worker_held_goes_on_before_its_line(stage: cast.Stage, receiver: Receiver) -> None:
    """The database lets one of a line be sent at a time; one that was held goes first, then what a person sends again."""
    receiver.failing = False
    listen(stage, receiver, "one")
    early, late = (happens(stage, ("alert", 1)) for _ in range(2))
    Delivery.objects.filter(event_id=early).update(state="given-up")
    Delivery.objects.filter(event_id=late).update(sending=True, n_tries=1, next_at=Now() + timedelta(hours=1))
    delivering.send_again(delivery=Delivery.objects.get(event_id=early), by=stage.ada)
    assert delivering.send_due() == 0, "another one of the line is being sent"
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(event_id=early).update(sending=True)
    Delivery.objects.filter(event_id=late).update(next_at=Now())
    assert delivering.send_due() == 2
    assert receiver.told == {("/one", "['alert', 1]"): [late, early]}


_DIES = """
import os, signal, sys
import django
django.setup()
from django.db import transaction
from specs import delivering, ledger

def end():
    os.kill(os.getpid(), signal.SIGKILL)

for moment in ("before", "after"):
    child = os.fork()
    if child == 0:
        with transaction.atomic():
            if moment == "after":
                transaction.on_commit(end)  # before anybody is woken
            event = ledger.record(
                project_id=int(sys.argv[1]), kind="test.happened", by=None, subject=("alert", 1), data={}
            )
            delivering.tell(project_id=int(sys.argv[1]), topic="alert.raised", event_id=event, body={})
            if moment == "before":
                end()
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
"""


def test_a_process_killed_around_its_commit_tells_what_was_committed(
    stage: cast.Stage, receiver: Receiver
) -> None:
    """SIGKILL before the commit: nothing is told. Right after it, before a worker was woken: it is."""
    listen(stage, receiver, "one")
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run(
        [sys.executable, "-c", _DIES, str(stage.project.pk)], env=variables, check=True, timeout=60
    )
    Redis.from_url(house.REDIS_URL).flushdb()
    event = Event.objects.get(kind="test.happened")
    send_all()
    assert {line: set(told) for line, told in receiver.told.items()} == {("/one", "['alert', 1]"): {event.pk}}
