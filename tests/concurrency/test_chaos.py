"""Clients over HTTP while web workers are killed: INV-1 to INV-5. `test_long_chaos` kills more.

What a client was told is the truth: every acknowledged answer is stored once, a replay gives the first reply, another body
under the same key is refused, no task ever holds more answers than its overlap.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import psutil
import psycopg
from django.db import connections

from tests import cast
from tests.serving import Site

ROOT = "/api/v1/projects/rte"


def furnish(n_clients: int, n_items: int, overlap: int) -> list[str]:
    """A stage with loaded tasks and short leases; returns a token per annotator."""
    from workforce import staffing
    from workforce.models import Queue

    stage = cast.stage(overlap=overlap, max_overlap=overlap)
    stage.load(n_items)
    secrets = []
    for number in range(n_clients):
        member = staffing.add_member(
            project=stage.project, user=cast.user(f"w{number}"), roles=["annotator"], by=stage.ada
        )
        staffing.enrol(queue=stage.queue, annotator=staffing.annotator_for(member=member), by=stage.ada)
        secrets.append(stage.token(member))
    Queue.objects.filter(pk=stage.queue.pk).update(lease_for="2 seconds")
    return secrets


@dataclass
class Ledger:
    """What the clients were told; they go on until *wanted* answers were acknowledged as counted."""

    wanted: int
    acknowledged: list[tuple[str, int | None]] = field(default_factory=list)
    n: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def n_counted(self) -> int:
        return sum(outcome == "counted" for outcome, _ in self.acknowledged)


class Client:
    """One annotator's program: claims, answers, asks again when it hears nothing."""

    def __init__(self, url: str, secret: str, number: int, told: Ledger, until: float) -> None:
        self.address = urlsplit(url).netloc
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.number, self.told, self.until = number, told, until
        self.draw = random.Random(number)
        self.line: HTTPConnection | None = None

    def ask(self, path: str, body: object = None, key: str = "", *, cut: bool = False) -> tuple[int, bytes]:
        """One request; 0 where no reply came."""
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        line = self.line or HTTPConnection(self.address, timeout=20)
        self.line = None
        try:
            line.request("POST", ROOT + path, json.dumps(body).encode() if body is not None else b"", headers)
            if cut:
                line.close()
                self.told.n["cut"] += 1
                return 0, b""
            reply = line.getresponse()
            content = reply.read()
        except (OSError, HTTPException):
            line.close()
            return 0, b""
        self.line = line
        return reply.status, content

    def close(self) -> None:
        if self.line is not None:
            self.line.close()

    def work(self) -> None:
        try:
            self._work()
        finally:
            self.close()

    def _work(self) -> None:
        empty = 0
        while time.monotonic() < self.until and (empty < 3 or self.told.n_counted < self.told.wanted):
            status, content = self.ask("/queues/main/claim")
            if status != 200:
                self.told.n[f"claim {status}"] += 1
                if status not in (0, 204, 503, 500):
                    self.told.wrong.append(f"claim: {status} {content[:200]!r}")
                empty += status == 204
                time.sleep(0.05)
                continue
            empty = 0
            self.answer(json.loads(content))

    def answer(self, lease: dict[str, object]) -> None:
        body = {"token": lease["token"], "values": {"entailed": "yes"}}
        path, key = f"/assignments/{lease['assignment']}/submit", f"key-{self.number}-{self.draw.random()}"
        if self.draw.random() < 0.02:
            time.sleep(2.2)  # outlives the lease
        status, content = self.ask(path, body, key, cut=self.draw.random() < 0.02)
        while status in (0, 500, 503) and time.monotonic() < self.until:
            self.told.n["retries"] += 1
            time.sleep(0.1)
            status, content = self.ask(path, body, key)
        if status != 200:
            self.told.wrong.append(f"submit: {status} {content[:200]!r}")
            return
        reply = json.loads(content)
        self.told.acknowledged.append((reply["outcome"], reply["annotation"]))
        if self.draw.random() < 0.05:
            self.replay(path, body, key, reply)

    def replay(self, path: str, body: dict[str, object], key: str, first: dict[str, object]) -> None:
        """Eight at once, each over a line of its own; then another body under the key."""
        secret = self.headers["Authorization"].removeprefix("Bearer ")

        def again(number: int) -> tuple[int, bytes]:
            other = Client("http://" + self.address, secret, number, self.told, self.until)
            status, content = other.ask(path, body, key)
            while status in (0, 500, 503) and time.monotonic() < self.until:
                status, content = other.ask(path, body, key)
            other.close()
            return status, content

        with ThreadPoolExecutor(8) as pool:
            for status, content in pool.map(again, range(8)):
                self.told.n["replays"] += 1
                if status != 200 or json.loads(content) != first:
                    self.told.wrong.append(f"replay: {status} {content[:200]!r} instead of {first}")
        status, _ = self.ask(path, {**body, "values": {"entailed": "no"}}, key)
        if status not in (0, 409, 422, 500, 503):
            self.told.wrong.append(f"another body under the key: {status}")


@contextmanager
def _every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do something again and again beside what runs inside."""
    over = threading.Event()

    def loop() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _after_every(n_answers: int, told: Ledger, act: Callable[[], None]) -> AbstractContextManager[None]:
    """Do something whenever so many more answers were acknowledged: on a slow machine too, work gets done in between."""
    goal = n_answers

    def look() -> None:
        nonlocal goal
        if len(told.acknowledged) >= goal:
            act()
            goal = len(told.acknowledged) + n_answers

    return _every(0.02, look)


def _chaos(
    site: Site,
    secrets: list[str],
    url: str,
    *,
    n_answers: int,
    kill_every: int,
    limit: float,
) -> Ledger:
    """Clients fill *n_answers* slots; a web worker is killed after every *kill_every* answers. *limit* (seconds) ends it."""
    told, above, draw = Ledger(n_answers), [], random.Random(1)

    def kill_worker() -> None:
        workers = psutil.Process(site.process.pid).children()
        if workers:
            draw.choice(workers).send_signal(signal.SIGKILL)
            told.n["workers killed"] += 1

    def sample() -> None:
        try:
            with psycopg.connect(url, connect_timeout=5) as line:
                above.extend(line.execute(_ABOVE).fetchall())
            told.n["samples"] += 1
        except psycopg.OperationalError:
            pass

    until = time.monotonic() + limit
    threads = [
        threading.Thread(target=Client(site.url, secret, number, told, until).work)
        for number, secret in enumerate([*secrets, *secrets[:2]])  # two work in two windows
    ]
    with (
        _after_every(kill_every, told, kill_worker),
        _every(0.1, sample),
    ):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with psycopg.connect(url) as line:
        above.extend(line.execute(_ABOVE).fetchall())
        stored = {row[0] for row in line.execute("SELECT id FROM annotation_annotation").fetchall()}
        late = line.execute("SELECT count(*) FROM annotation_lateanswer").fetchall()[0][0]
        twice = line.execute(
            "SELECT task_id, annotator_id FROM annotation_annotation GROUP BY 1, 2 HAVING count(*) > 1"
        ).fetchall()
    counted = [number for outcome, number in told.acknowledged if outcome == "counted"]
    told_late = sum(outcome == "late" for outcome, _ in told.acknowledged)
    print(
        f"acknowledged {len(told.acknowledged)}, of these late {told_late}; stored {len(stored)} and {late} late; "
        + ", ".join(f"{name} {n}" for name, n in sorted(told.n.items()))
    )
    assert told.wrong == []
    assert set(counted) <= stored, "an acknowledged answer was lost"
    assert len(counted) == len(set(counted)), "an answer was acknowledged as two"
    assert late >= told_late, "a late answer was lost"
    assert above == []
    assert twice == []
    assert len(stored) == n_answers, "a slot stayed stuck, or one too many was filled"
    assert told.n["workers killed"] > 2
    return told


_ABOVE = """
    SELECT t.id FROM workforce_task t JOIN annotation_annotation a ON a.task_id = t.id
    GROUP BY t.id, t.overlap HAVING count(*) > t.overlap
"""


def test_web_workers_are_killed_and_nothing_acknowledged_is_lost(committed_db: None) -> None:
    secrets = furnish(8, 40, 3)
    url = os.environ["DATABASE_URL"]
    connections.close_all()
    with Site.start(dict(os.environ)) as site:
        _chaos(site, secrets, url, n_answers=120, kill_every=9, limit=200)
