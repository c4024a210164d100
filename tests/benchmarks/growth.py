"""What a claim costs as a queue grows: by tasks, by what the annotator has answered, by what is finished, by who is enrolled.

    .venv/bin/python -m tests.benchmarks.growth [--tasks 1000000] [--answered 100000] [--claims 480]

One annotator claims and answers through the product's own functions, each in a transaction of its own, overlap 3. Every case is
measured in turns with the case of 1,000 tasks, in a database of its own on the same engine: so the ratio says what size does,
and not what else the machine did. What would take days to answer is written by SQL; nothing is vacuumed in between. Prints
p50 and p95 of a claim and the CPU (of the process and of its database backend) per annotation. Its engines are its own and are
gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import psycopg

from annotation.config.embedded import APP, OWNER, Engines
from tests import staging

_WORKER = """
import json, sys, time, uuid
import django
django.setup()
import psutil
from django.db import connection
from annotation import submitting
from tests import cast
from workforce import leasing, staffing
stage = cast.stage(overlap=3, max_overlap=3)
backend, own, loaded = None, time.process_time, 0

def person(name):
    member = staffing.add_member(project=stage.project, user=cast.user(name), roles=["annotator"], by=stage.ada)
    annotator = staffing.annotator_for(member=member)
    staffing.enrol(queue=stage.queue, annotator=annotator, by=stage.ada)
    return annotator

def cpu():
    times = backend.cpu_times()
    return own() + times.user + times.system

for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "load":
        stage.load(asked["n"], start=loaded)
        loaded += asked["n"]
        said = {}
    elif asked["do"] == "person":
        made = person(asked["name"])
        said = {"annotator": made.pk, "queue": stage.queue.pk, "version": stage.version.pk}
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = psutil.Process(cursor.fetchone()[0])
        who = next(each for each in stage.queue.enrolments.select_related("annotator__member")
                   if each.annotator_id == asked["annotator"]).annotator
        took, before = [], cpu()
        for _ in range(asked["n"]):
            began = time.perf_counter()
            served = leasing.claim(queue_id=stage.queue.pk, annotator=who, by=who.member)
            took.append(time.perf_counter() - began)
            submitting.submit(annotator=who, assignment_id=served.assignment_id, token=served.token,
                              answer=submitting.Answer({"entailed": "yes"}, {}), client_key=uuid.uuid4().hex, by=who.member)
        said = {"took": took, "cpu": cpu() - before}
    print(json.dumps(said), flush=True)
"""
# The first so many tasks of a queue get an answer of this annotator; she has passed them.
_ANSWERED = """
    WITH chosen AS (
        SELECT s.id, s.task_id, s.rank FROM workforce_assignment s
        WHERE s.queue_id = %(queue)s AND s.number = %(number)s AND s.state = 'open' ORDER BY s.rank LIMIT %(n)s
    ), done AS (
        UPDATE workforce_assignment s
        SET state = 'submitted', annotator_id = %(annotator)s, version_id = %(version)s, served_digest = 'sha256:made',
            token = gen_random_uuid(), leased_at = now(), submitted_at = now()
        FROM chosen WHERE s.id = chosen.id RETURNING s.task_id
    ), counted AS (
        UPDATE workforce_task t SET n_answers = n_answers + 1{settled} FROM done WHERE t.id = done.task_id
    )
    UPDATE workforce_enrolment SET passed = nummultirange(numrange(0, (SELECT max(rank) FROM chosen), '[]')), n_claims = %(n)s
    WHERE annotator_id = %(annotator)s AND queue_id = %(queue)s
"""


class Place:
    """A database with a stage in it, and a process that claims there."""

    def __init__(self, environment: dict[str, str], admin_url: str) -> None:
        self.admin_url = admin_url
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            cwd=staging.ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **asked: Any) -> dict[str, Any]:
        lines: tuple[IO[str] | None, IO[str] | None] = self.process.stdin, self.process.stdout
        assert lines[0] is not None
        assert lines[1] is not None
        print(json.dumps(asked), file=lines[0], flush=True)
        return dict(json.loads(lines[1].readline()))

    def sql(self, statement: str, known: dict[str, Any] | None = None) -> None:
        """As the superuser, past the guards: what people would take days for."""
        with psycopg.connect(self.admin_url, autocommit=True) as line:
            line.execute("SET session_replication_role = replica")
            line.execute(statement, known)

    def unvacuumed(self) -> None:
        for table in ("assignment", "task", "item", "lease", "enrolment"):
            self.sql(f"ALTER TABLE workforce_{table} SET (autovacuum_enabled = false)")

    def answered(self, annotator: dict[str, Any], n: int, number: int = 1) -> None:
        settled = ", state = 'resolved', settled_at = now()" if number == 3 else ""
        self.sql(_ANSWERED.format(settled=settled), {**annotator, "n": n, "number": number})


def compare(name: str, small: tuple[Place, int], large: tuple[Place, int], n: int) -> None:
    """Take turns, so that whatever else the machine does meets both."""
    took: tuple[list[float], list[float]] = ([], [])
    cpu = [0.0, 0.0]
    for place, annotator in (small, large):
        place.ask(do="claim", annotator=annotator, n=20)  # warm; plans are made, and whether she may is known
    for _ in range(6):
        for side, (place, annotator) in enumerate((small, large)):
            said = place.ask(do="claim", annotator=annotator, n=n // 6)
            took[side].extend(said["took"])
            cpu[side] += said["cpu"]

    def at(times: list[float], share: float) -> float:
        return 1000 * sorted(times)[int(len(times) * share)]

    done = len(took[0])
    print(
        f"{name:<34}p50 {at(took[1], 0.5):5.2f} ms  p95 {at(took[1], 0.95):5.2f} ms  CPU {1000 * cpu[1] / done:5.2f} ms"
        f"  of 1,000 tasks: p50 {at(took[1], 0.5) / at(took[0], 0.5):4.2f}  p95 {at(took[1], 0.95) / at(took[0], 0.95):4.2f}"
        f"  CPU {cpu[1] / cpu[0]:4.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("tasks", 1_000_000), ("answered", 100_000), ("claims", 480)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Engines.start(Path(folder)) as engines:
        environment = staging.migrated(engines, Path(folder))
        admin = engines.admin_database_url
        name = engines.database_url.rpartition("/")[2].partition("?")[0]
        with psycopg.connect(admin, autocommit=True) as line:
            line.execute(f"CREATE DATABASE small OWNER {OWNER} TEMPLATE {name}")
            line.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE small TO {APP}")
        places = []
        for database in ("small", name):
            urls = {
                key: f"{environment[key].rpartition('/')[0]}/{database}"
                for key in ("DATABASE_URL", "OWNER_DATABASE_URL")
            }
            places.append(Place({**environment, **urls}, f"{admin.rpartition('/')[0]}/{database}"))
        small, large = places
        n_small = 0

        def fresh() -> tuple[Place, int]:
            nonlocal n_small
            n_small += 1
            return small, int(small.ask(do="person", name=f"s{n_small}")["annotator"])

        for place in places:
            place.unvacuumed()
        small.ask(do="load", n=1_000)
        large.ask(do="load", n=100_000)
        for place in places:
            place.sql("ANALYZE")
        one = large.ask(do="person", name="one")
        compare("100,000 tasks", fresh(), (large, one["annotator"]), options.claims)
        large.ask(do="load", n=options.tasks - 100_000)
        large.sql("ANALYZE")
        two = large.ask(do="person", name="two")
        compare(f"{options.tasks:,} tasks", fresh(), (large, two["annotator"]), options.claims)
        lone = large.ask(do="person", name="lone")
        large.answered(lone, options.answered)
        compare(
            f"the same, {options.answered:,} answered by her",
            fresh(),
            (large, lone["annotator"]),
            options.claims,
        )
        for number in range(500):
            large.ask(do="person", name=f"p{number}")
        last = large.ask(do="person", name="last")
        compare("the same, 500 enrolled", fresh(), (large, last["annotator"]), options.claims)
        large.ask(do="load", n=5_000)
        for number in (1, 2, 3):
            large.answered(large.ask(do="person", name=f"f{number}"), options.tasks, number)
        newcomer = large.ask(do="person", name="newcomer")
        compare(
            f"{options.tasks:,} finished, no vacuum", fresh(), (large, newcomer["annotator"]), options.claims
        )
        for place in places:
            place.process.stdin.close()  # type: ignore[union-attr]
            place.process.wait(30)


if __name__ == "__main__":
    main()
