"""Every background job can run twice, in parallel, and be killed anywhere: INV-21.

A scene in which every job has something to do is set once; each run gets a copy of its database. What a job leaves behind is
read with plain SQL and compared with what one undisturbed run leaves, new numbers and times apart.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from annotation.config.celery import app
from tests.invariants import scene

app.loader.import_default_modules()
JOBS = sorted(name for name in app.tasks if name.partition(".")[0] in ("specs", "workforce", "annotation"))
IN_STEPS = (
    "workforce.load_items",
    "annotation.change_many",
    "annotation.change_overlap",
    "annotation.build_snapshot",
    "annotation.help_build",
)
"""Jobs that work in several transactions or keep files: killed in the short form as well."""
LEAVE_NOTHING = ("specs.start_waiting_jobs",)
"""It only tells workers."""
KILLED_AT_MOST = 12

State = dict[str, Counter[str]]

_VOLATILE = {
    "workforce_annotator": {"pseudonym"},  # drawn at random
    "workforce_queuegauge": {"took_ms", "ages", "flows", "forecast"},
    "specs_event": {"xact"},
    "annotation_livecursor": {"seen", "upto", "ahead", "ahead_xid"},
    "annotation_liveentrycursor": {"seen", "upto", "ahead", "ahead_xid"},
}
"""Columns that follow the clock, the machine or chance."""
_HINTS = {"workforce_arrival"}
"""What claims are told of where something came in; who reads more of it than she needs looks once more."""
_LEFT = {"annotation.change_many": {"annotation_liveentry"}}
"""What a job only begins: how much of it depends on transactions elsewhere in the cluster, and another job does the rest."""
_SELF_TOLD = (
    "annotation.change_overlap",
    "annotation.learn",
    "annotation.import_history",
    "workforce.reorder_queue",
)
"""Jobs whose result counts what that very run did; a run that goes on has less to tell."""
_NEXT_TRY = (
    "UPDATE specs_delivery SET next_at = now() - interval '1 second' WHERE state = 'waiting' AND n_tries < 2"
)
_KEY_OF_A_NEW_ROW = re.compile(r"^(import-)[0-9]{7,}$")
"""A client key made of the number of its assignment, which another run gives out anew."""


@dataclass
class House:
    """Copies of the scene's database, and a process that runs jobs on them."""

    admin: psycopg.Connection[Any]
    worker: subprocess.Popen[str]
    name: str
    calls: dict[str, list[int]] = field(default_factory=dict)
    clean: dict[str, tuple[State, int]] = field(default_factory=dict)
    n: Counter[str] = field(default_factory=Counter)

    def run(self, database: str, job: str, *, times: int = 1, kill_at: int | None = None) -> list[list[Any]]:
        """Run a job so many times at once; returns a status and how often each asked the database."""
        one = {"job": job, "arguments": self.calls.get(job, []), "kill_at": kill_at}
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        print(json.dumps({"database": database, "runs": [one] * times}), file=self.worker.stdin, flush=True)
        while not (line := self.worker.stdout.readline()).startswith('{"ended"'):
            assert line, "the worker has ended"
        self.n["runs"] += times
        ended: list[list[Any]] = json.loads(line)["ended"]
        return ended

    @contextmanager
    def copy(self) -> Iterator[str]:
        name = f"{self.name}_{self.n['copies']}"
        self.n["copies"] += 1
        self._ask("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, self.name)
        try:
            yield name
        finally:
            self._ask("DROP DATABASE {} WITH (FORCE)", name)

    def undisturbed(self, job: str) -> tuple[State, int]:
        """What one run leaves, and how often it asked the database. A second run after it leaves the same."""
        if job not in self.clean:
            with self.copy() as database:
                before = state(database)
                ((status, n, _),) = self.run(database, job)
                assert status == 0
                self.clean[job] = left = state(database), n
                assert (left[0] != before) == (job not in LEAVE_NOTHING), (
                    "the job had nothing to do in the scene"
                )
                assert self.run(database, job)[0][0] == 0
                assert difference(left[0], state(database), without=_LEFT.get(job, set())) == {}
        return self.clean[job]

    def killed(self, job: str, kill_at: int) -> None:
        """Kill a run there, run it again: it leaves what an undisturbed run does."""
        with self.copy() as database:
            self.run(database, job, kill_at=kill_at)
            self.n["kills"] += 1
            self._wait_for_the_dead(database)
            if job == "specs.send_deliveries":  # what it had begun is tried again later
                with psycopg.connect(_url(database)) as line:
                    line.execute(_NEXT_TRY)
            assert self.run(database, job)[0][0] == 0
            clean, _ = self.undisturbed(job)
            left = difference(clean, state(database), apart=self._apart(job), without=_LEFT.get(job, set()))
            assert left == {}, f"killed at {kill_at}"

    def _apart(self, job: str) -> tuple[str, ...]:
        if job == "specs.send_deliveries":
            return ("n_tries",)
        return ("result", "n_done", "n_total", "note") if job in _SELF_TOLD else ()

    def _wait_for_the_dead(self, database: str) -> None:
        """PostgreSQL sees the end of a killed client's line a moment later, and only then gives its locks back."""
        until = time.monotonic() + 20
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        while self.admin.execute(query, [database]).fetchone() != (0,):
            assert time.monotonic() < until
            time.sleep(0.005)

    def _ask(self, statement: str, *names: str) -> None:
        self.admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    name = urlsplit(os.environ["DATABASE_URL"]).path[1:] + "_scene"
    owner = urlsplit(os.environ["OWNER_DATABASE_URL"]).username or ""
    variables = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "OVERLAP_CHUNK": "2",
        "BULK_CHUNK": "2",
        "LOG_LEVEL": "ERROR",
    }
    with (
        subprocess.Popen(
            [sys.executable, "-m", "tests.invariants.jobworker"],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as worker,
        psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin,
    ):
        made = House(admin, worker, name)
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name),
                sql.Identifier(owner),
                sql.Identifier(os.environ["TEST_PREFIX"] + "template"),
            )
        )
        try:
            ((status, _, made.calls),) = made.run(name, "scene")
            assert status == 0
            with psycopg.connect(_url(name)) as line:
                line.execute("SET session_replication_role = replica")
                for statement in scene.AGED:
                    line.execute(statement)
            made._wait_for_the_dead(name)
            yield made
            print(", ".join(f"{what} {n}" for what, n in sorted(made.n.items())))
        finally:
            made._ask("DROP DATABASE {} WITH (FORCE)", name)


def _url(database: str) -> str:
    parts = urlsplit(os.environ["TEST_ADMIN_URL"])
    return parts._replace(path=f"/{database}").geturl()


def state(database: str) -> State:
    """Every row of every table, as a text without times and tokens; numbers given out since the scene was set are `new`."""
    found: State = {}
    with psycopg.connect(_url(database)) as line:
        columns = line.execute(
            """SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
                 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid NOT IN ('timestamptz'::regtype, 'uuid'::regtype)
                 AND c.relname !~ '^(django|auth|pgtrigger)_' GROUP BY 1"""
        ).fetchall()
        for table, names in columns:
            kept = sorted(set(names) - _VOLATILE.get(table, set()))
            query = sql.SQL("SELECT to_jsonb(r) FROM (SELECT {} FROM {}) r").format(
                sql.SQL(", ").join(map(sql.Identifier, kept)), sql.Identifier(table)
            )
            rows = Counter(
                json.dumps(_plain(row), sort_keys=True) for (row,) in line.execute(query).fetchall()
            )
            if rows:
                found[table] = rows
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, int) and value >= 1_000_000:
        return "new"
    if isinstance(value, str):
        return _KEY_OF_A_NEW_ROW.sub(r"\1new", value)
    return value


def difference(one: State, other: State, *, apart: tuple[str, ...] = (), without: set[str]) -> dict[str, Any]:
    """Rows that only one of two states has, by table, some tables and some columns left out."""

    def rows(given: State, table: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for text, n in given.get(table, Counter()).items():
            row = json.loads(text)
            found[json.dumps({key: row[key] for key in row if key not in apart}, sort_keys=True)] += n
        return found

    found = {}
    for table in {*one, *other} - _HINTS - without:
        a, b = rows(one, table), rows(other, table)
        if a != b:
            found[table] = {
                "only in the first": list((a - b).elements()),
                "only in the second": list((b - a).elements()),
            }
    return found


@pytest.mark.parametrize("job", JOBS)
def test_a_job_can_run_twice_and_two_times_at_once(house: House, job: str) -> None:
    left, _ = house.undisturbed(job)
    with house.copy() as database:
        assert [status for status, *_ in house.run(database, job, times=2)] == [0, 0]
        assert difference(left, state(database), without=_LEFT.get(job, set())) == {}


@pytest.mark.parametrize("job", IN_STEPS)
def test_a_job_in_steps_can_be_killed_in_the_middle(house: House, job: str) -> None:
    _, n = house.undisturbed(job)
    house.killed(job, n // 2)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("job", JOBS)
def test_a_job_can_be_killed_anywhere(house: House, job: str) -> None:
    """At so many points, spread over all that it asks of the database, the last of them after its last commit but one."""
    _, n = house.undisturbed(job)
    n_points = min(n, KILLED_AT_MOST)
    for place in range(n_points):
        house.killed(job, n - place * n // n_points)
