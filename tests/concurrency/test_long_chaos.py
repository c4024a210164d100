"""64 annotators while web workers, the database and Redis are killed and no clock is right: INV-1 to INV-6, INV-20, INV-22.

The faults come by progress, at shares of the answers that are wanted, so that the run is the same on any machine. What a client
was told is the truth; afterwards the invariants are counted in plain SQL.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from tests import staging
from tests.concurrency.test_chaos import Client, Ledger
from tests.invariants import checking
from tests.serving import Site

_STAGE = """
import json, sys
import django
django.setup()
from tests.concurrency.test_chaos import furnish
print(json.dumps(furnish(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
"""
N_ANNOTATORS, N_ITEMS, OVERLAP = 64, 1000, 3
WANTED = N_ITEMS * OVERLAP
LIMIT = 600


@dataclass
class Times:
    """How long each reply took, in seconds, by what was asked."""

    of: dict[str, list[float]] = field(default_factory=lambda: {"claim": [], "submit": []})

    def __str__(self) -> str:
        parts = []
        for name, seconds in self.of.items():
            at = statistics.quantiles(seconds, n=100)
            parts.append(
                f"{name} p50 {at[49] * 1000:.0f} ms, p95 {at[94] * 1000:.0f} ms, p99 {at[98] * 1000:.0f} ms"
            )
        return "; ".join(parts)


class Timed(Client):
    """A client that looks at the watch."""

    times: Times

    def ask(self, path: str, body: object = None, key: str = "", *, cut: bool = False) -> tuple[int, bytes]:
        began = time.monotonic()
        status, content = super().ask(path, body, key, cut=cut)
        if status == 200:
            self.times.of["claim" if path.endswith("claim") else "submit"].append(time.monotonic() - began)
        return status, content


@dataclass
class Faults:
    """What goes wrong, and how often it did."""

    site: Site
    told: Ledger
    owner_url: str
    redis_url: str
    home: Path
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    command: list[str] = field(default_factory=list)
    redis: subprocess.Popen[bytes] | None = None

    def kill_a_web_worker(self) -> None:
        workers = psutil.Process(self.site.process.pid).children()
        if workers:
            self.draw.choice(workers).send_signal(signal.SIGKILL)
            self.told.n["web workers killed"] += 1

    def crash_the_database(self) -> None:
        """The end of one backend by SIGKILL takes the whole server down: it recovers from its log."""
        with psycopg.connect(self.owner_url, autocommit=True, connect_timeout=5) as line:
            found = line.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'concordat_app' LIMIT 1"
            ).fetchone()
        assert found is not None
        os.kill(found[0], signal.SIGKILL)
        self.told.n["database crashes"] += 1

    def flush_redis(self) -> None:
        Redis.from_url(self.redis_url).flushall()
        self.told.n["Redis flushed"] += 1

    def kill_redis(self) -> None:
        process = psutil.Process(json.loads((self.home / "engines.json").read_text())["engines"][1])
        program = process.exe()
        self.command = [program, "--port", "0", "--unixsocket", self.redis_url.removeprefix("unix://")]
        process.send_signal(signal.SIGKILL)
        self.told.n["Redis killed"] += 1

    def start_redis(self) -> None:
        Path(self.command[-1]).unlink(missing_ok=True)
        self.redis = subprocess.Popen(
            [*self.command, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        self.told.n["Redis started"] += 1

    def plan(self) -> list[tuple[int, Callable[[], None]]]:
        """At how many acknowledged answers what happens: a web worker every fortieth of them, the rest in between."""
        kills = [(WANTED * k // 40, self.kill_a_web_worker) for k in range(1, 39)]
        others = [
            (WANTED * 15 // 100, self.flush_redis),
            (WANTED * 25 // 100, self.crash_the_database),
            (WANTED * 40 // 100, self.kill_redis),
            (WANTED * 55 // 100, self.crash_the_database),
            (WANTED * 65 // 100, self.start_redis),
            (WANTED * 75 // 100, self.flush_redis),
            (WANTED * 85 // 100, self.crash_the_database),
        ]
        return sorted([*kills, *others], key=lambda fault: fault[0])

    def run(self, over: threading.Event, above: list[tuple[int]]) -> None:
        """Look at the progress all the time: let the next fault happen when it is due, and count what is above its overlap."""
        left = self.plan()
        while not over.wait(0.1):
            try:
                while left and len(self.told.acknowledged) >= left[0][0]:
                    left[0][1]()
                    left.pop(0)
                with psycopg.connect(self.owner_url, connect_timeout=5) as line:
                    above.extend(line.execute(_ABOVE).fetchall())
                self.told.n["samples"] += 1
            except psycopg.OperationalError:
                continue  # the database comes back
        self.told.n["faults left"] = len(left)


_ABOVE = """
    SELECT t.id FROM workforce_task t JOIN annotation_annotation a ON a.task_id = t.id
    GROUP BY t.id, t.overlap HAVING count(*) > t.overlap
"""
_WRONG_LEASES = """
    SELECT id FROM workforce_lease WHERE until - leased_at <> interval '2 seconds'
       OR leased_at NOT BETWEEN %s AND clock_timestamp()
"""


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_sixty_four_annotators_while_everything_fails_and_no_clock_is_right() -> None:
    with staging.engines() as environment:
        environment["DJANGO_SETTINGS_MODULE"] = "tests.concurrency.moved_clock"
        secrets = json.loads(staging.run(environment, _STAGE, N_ANNOTATORS, N_ITEMS, OVERLAP))
        owner_url = environment["OWNER_DATABASE_URL"]
        with psycopg.connect(owner_url) as line:
            began_at = line.execute("SELECT clock_timestamp()").fetchall()[0][0]
        told, above, over = Ledger(WANTED), list[tuple[int]](), threading.Event()
        Timed.times = Times()
        with Site.start(environment, workers=4) as site:
            faults = Faults(
                site, told, owner_url, environment["REDIS_URL"], Path(environment["CONCORDAT_HOME"])
            )
            began, until = time.monotonic(), time.monotonic() + LIMIT
            threads = [
                threading.Thread(target=Timed(site.url, secret, number, told, until).work)
                for number, secret in enumerate([*secrets, *secrets[:4]])  # four work in two windows
            ]
            destroyer = threading.Thread(target=faults.run, args=(over, above))
            for thread in (destroyer, *threads):
                thread.start()
            for thread in threads:
                thread.join()
            took = time.monotonic() - began
            over.set()
            destroyer.join()
        try:
            _verify(told, above, owner_url, began_at, took)
        finally:
            if faults.redis is not None:
                faults.redis.kill()
                faults.redis.wait()


def _verify(told: Ledger, above: list[tuple[int]], url: str, began_at: object, took: float) -> None:
    with psycopg.connect(url) as line:
        stored = {row[0] for row in line.execute("SELECT id FROM annotation_annotation").fetchall()}
        late = line.execute("SELECT count(*) FROM annotation_lateanswer").fetchall()[0][0]
        events = line.execute(
            "SELECT count(*) FROM specs_event WHERE kind = 'annotation.submitted'"
        ).fetchall()[0][0]
        broken = [
            (list(checking.VIOLATIONS)[place], row) for place, row in line.execute(checking.ALL).fetchall()
        ]
        wrong_leases = line.execute(_WRONG_LEASES, [began_at]).fetchall()
        unsettled = line.execute("SELECT count(*) FROM workforce_task WHERE state = 'open'").fetchall()[0][0]
    counted = [number for outcome, number in told.acknowledged if outcome == "counted"]
    told_late = sum(outcome == "late" for outcome, _ in told.acknowledged)
    print(
        f"\n{N_ANNOTATORS} annotators, {took:.0f} s: acknowledged {len(told.acknowledged)}, of these late {told_late}; stored "
        f"{len(stored)} and {late} late; " + ", ".join(f"{name} {n}" for name, n in sorted(told.n.items()))
    )
    print(Timed.times)
    assert told.wrong == []
    assert set(counted) <= stored, "an acknowledged answer was lost"
    assert len(counted) == len(set(counted)), "an answer was acknowledged as two"
    assert late >= told_late, "a late answer was lost"
    assert above == []
    assert broken == []
    assert wrong_leases == []
    assert events == len(stored) == WANTED, "a slot stayed stuck, or one too many was filled"
    assert unsettled == 0
    assert told.n["faults left"] == 0
    assert told.n["database crashes"] == 3
