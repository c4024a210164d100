"""Claim and submit by REST, everything on, against the bare floor under the same gunicorn settings in the same run.

    .venv/bin/python -m tests.benchmarks.claiming [--tasks 30000] [--clients 16 32] [--seconds 12] [--turns 6]
        [--overlap 3] [--stagger 64]

Prints annotations per second of both, their ratio, the CPU per annotation of the web workers, the database and the client,
latencies, and the SQL statements per request. Each is warmed first: every connection plans its statements once; then they take
turns, so that what else the machine does meets them alike. The product's
queue is staggered, as one for many people at once should be (`docs/queues.md`). What a claim costs as a queue grows is printed
by `tests.benchmarks.growth`. Its engines are its own and are gone afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import psutil
import psycopg

from tests import staging

FLOOR_ANSWERS = "/claim?u=100000"
Loop = Callable[[int, HTTPConnection], tuple[float, float] | None]


@contextlib.contextmanager
def serving(application: str, environment: dict[str, str], answers: str) -> Iterator[int]:
    """gunicorn on a free port: two workers of eight threads, as in production."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "-w",
            "2",
            "-k",
            "gthread",
            "--threads",
            "8",
            "--keep-alive",
            "30",
            "-b",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
            application,
        ],
        cwd=staging.ROOT,
        env=environment,
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{answers}", timeout=2).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class Driven:
    """What clients did for some seconds: the seconds that each claim and each submission took."""

    took: float = 0.0
    claims: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def add(self, other: Driven) -> None:
        self.took += other.took
        self.claims += other.claims
        self.submits += other.submits
        self.cpu = [one + more for one, more in zip(self.cpu, other.cpu, strict=True)]

    def figures(self) -> dict[str, float]:
        web, database, client = (1000 * seconds / len(self.submits) for seconds in self.cpu)
        return {
            "per_s": len(self.submits) / self.took,
            "claim_p50_ms": 1000 * statistics.median(self.claims),
            "claim_p95_ms": 1000 * statistics.quantiles(self.claims, n=20)[-1],
            "submit_p95_ms": 1000 * statistics.quantiles(self.submits, n=20)[-1],
            "cpu_web_ms": web,
            "cpu_database_ms": database,
            "cpu_client_ms": client,
        }


def drive(port: int, clients: int, seconds: float, loop: Loop) -> Driven:
    """Closed loop, no thinking time: every client claims and submits over one kept-open connection."""
    done = Driven()
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while time.perf_counter() < end:
            times = loop(number, connection)
            if times is not None:
                done.claims.append(times[0])
                done.submits.append(times[1])
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.took = time.perf_counter() - started
    return done


def _cpu(processes: Iterable[psutil.Process]) -> float:
    """Seconds that these have run."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def in_turns(
    measured: Mapping[str, tuple[int, Loop]], clients: int, options: argparse.Namespace, folder: str
) -> dict[str, dict[str, float]]:
    """Warm each, then drive each in turns, so that what else the machine does meets them alike; figures by name.

    *measured* has the port and the loop of each. The engines' files lie in *folder*.
    """
    own = psutil.Process()
    for port, loop in measured.values():
        drive(port, clients, options.warm, loop)
    servers = [each for each in psutil.process_iter() if _of(each, folder)]

    def spent() -> list[float]:
        web = [each for each in own.children(recursive=True) if _of(each, "gunicorn")]
        database = [each for server in servers for each in (server, *server.children(recursive=True))]
        return [_cpu(web), _cpu(database), _cpu([own])]

    found = {name: Driven() for name in measured}
    for _ in range(options.turns):
        for name, (port, loop) in measured.items():
            before = spent()
            turn = drive(port, clients, options.seconds / options.turns, loop)
            turn.cpu = [after - then for then, after in zip(before, spent(), strict=True)]
            found[name].add(turn)
    return {name: driven.figures() for name, driven in found.items()}


def _of(process: psutil.Process, word: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return word in " ".join(process.cmdline())
    return False


def send(
    connection: HTTPConnection, method: str, path: str, data: bytes, headers: dict[str, str]
) -> tuple[int, bytes, float]:
    """One request: status, content, seconds."""
    started = time.perf_counter()
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    content = response.read()
    return response.status, content, time.perf_counter() - started


def call(
    connection: HTTPConnection, method: str, path: str, body: Any, headers: dict[str, str]
) -> tuple[int, bytes, float]:
    data = json.dumps(body).encode() if body is not None else b""
    return send(connection, method, path, data, {"Content-Type": "application/json", **headers})


def floor_loop(number: int, connection: HTTPConnection) -> tuple[float, float] | None:
    status, content, claimed = call(connection, "GET", f"/claim?u={number}", None, {})
    if status != 200:
        return None
    body = {"id": json.loads(content)["id"], "label": "yes"}
    status, _, submitted = call(connection, "POST", f"/submit?u={number}", body, {})
    return (claimed, submitted) if status == 201 else None


def product_loop(secrets: list[str], *, together: bool) -> Loop:
    """Claims and submissions through the product: a request each, or, `together`, the next task with the submission."""
    counter, run = iter(range(10**9)), uuid.uuid4().hex[:8]
    leases: dict[int, dict[str, Any] | None] = {}

    def loop(number: int, connection: HTTPConnection) -> tuple[float, float] | None:
        headers = {"Authorization": f"Bearer {secrets[number]}"}
        root = "/api/v1/projects/rte"
        lease, claimed = leases.pop(number, None), 0.0
        if lease is None:
            status, content, claimed = call(connection, "POST", f"{root}/queues/main/claim", None, headers)
            if status != 200:
                return None
            lease = json.loads(content)
        body = {"token": lease["token"], "values": {"entailed": "yes"}, "citations": {"entailed": ["whole"]}}
        if together:
            body["claim_next"] = True
        headers["Idempotency-Key"] = f"{run}-{next(counter)}"
        path = f"{root}/assignments/{lease['assignment']}/submit"
        status, content, submitted = call(connection, "POST", path, body, headers)
        if status != 200:
            return None
        if together:
            leases[number] = json.loads(content)["next"]
        return claimed, submitted

    return loop


_STAGE = """
import json, sys
import django
django.setup()
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import cast
from workforce import staffing
tasks, clients, overlap, stagger = (int(a) for a in sys.argv[1:5])
stage = cast.stage(overlap=overlap, max_overlap=overlap, stagger=stagger)
stage.load(tasks)
secrets = []
for number in range(clients + 1):
    member = staffing.add_member(project=stage.project, user=cast.user(f"w{number}"), roles=["annotator"], by=stage.ada)
    staffing.enrol(queue=stage.queue, annotator=staffing.annotator_for(member=member), by=stage.ada)
    secrets.append(stage.token(member))
client = Client(headers={"authorization": f"Bearer {secrets[-1]}", "host": "127.0.0.1"})
def answer(number):
    lease = client.post("/api/v1/projects/rte/queues/main/claim").json()
    body = {"token": lease["token"], "values": {"entailed": "yes"}}
    client.post(f"/api/v1/projects/rte/assignments/{lease['assignment']}/submit", body, content_type="application/json",
                headers={"idempotency-key": f"statements-{number:04}"})
answer(1)  # the first claim looks whether she may
with CaptureQueriesContext(connection) as claim:
    lease = client.post("/api/v1/projects/rte/queues/main/claim").json()
body = {"token": lease["token"], "values": {"entailed": "yes"}, "citations": {"entailed": ["whole"]}}
with CaptureQueriesContext(connection) as submit:
    client.post(f"/api/v1/projects/rte/assignments/{lease['assignment']}/submit", body, content_type="application/json",
                headers={"idempotency-key": "statements-0002"})
plain = [[q["sql"] for q in seen.captured_queries if q["sql"] not in ("BEGIN", "COMMIT")] for seen in (claim, submit)]
print(json.dumps({"secrets": secrets[:-1], "claim": len(plain[0]), "submit": len(plain[1])}))
"""


def options_of(description: str | None) -> argparse.ArgumentParser:
    """What the benchmarks of claims and of the page are told."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in (
        ("tasks", 30_000),
        ("seconds", 12),
        ("turns", 6),
        ("overlap", 3),
        ("stagger", 64),
        ("warm", 5),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--clients", type=int, nargs="+", default=[16, 32])
    return parser


def floor_tables(url: str, options: argparse.Namespace) -> None:
    from tests.benchmarks.floor_schema import SCHEMA

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.format(tasks=options.tasks, overlap=options.overlap))
        connection.execute("ANALYZE")


def compare(name: str, figures: dict[str, float], floor: dict[str, float]) -> None:
    """Print what was measured, with its ratios to the floor of as many clients."""
    cpu, least = (
        sum(value for key, value in each.items() if key.startswith("cpu")) for each in (figures, floor)
    )
    print(f"{name:<13}" + "  ".join(f"{key} {value:6.1f}" for key, value in figures.items()))
    if figures is not floor:
        share = figures["per_s"] / floor["per_s"]
        print(
            f"{'':<13}{share:.2f} of the floor's annotations per second, {least / cpu:.2f} by CPU per annotation"
        )


def main() -> None:
    options = options_of(__doc__).parse_args()
    with staging.engines() as environment:
        most = max(options.clients)
        made = json.loads(
            staging.run(environment, _STAGE, options.tasks, most, options.overlap, options.stagger)
        )
        url, folder = environment["OWNER_DATABASE_URL"], f"{environment['CONCORDAT_HOME']}/postgres"
        floor_tables(url, options)
        print(f"{options.tasks} tasks, overlap {options.overlap}, {options.seconds} s each")
        with (
            serving(
                "tests.benchmarks.floor", {**environment, "FLOOR_DATABASE_URL": url}, FLOOR_ANSWERS
            ) as floor,
            serving("annotation.config.wsgi", environment, "/healthz") as port,
        ):
            for clients in options.clients:
                found = in_turns(
                    {
                        "floor": (floor, floor_loop),
                        "apart": (port, product_loop(made["secrets"], together=False)),
                        "together": (port, product_loop(made["secrets"], together=True)),
                    },
                    clients,
                    options,
                    folder,
                )
                for name, figures in found.items():
                    compare(f"{name} {clients}", figures, found["floor"])
    print(f"statements besides BEGIN and COMMIT: {made['claim']} per claim, {made['submit']} per submit")


if __name__ == "__main__":
    main()
