"""INV-13, INV-14, INV-15: a snapshot is one instant, is the same everywhere, and the chain that it stands on hides nothing.

The long forms have the figures of the promises: 200 snapshots under 8 writers, 20 rebuilds, 120 tamperings.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction

from annotation import exporting
from annotation.models import Snapshot
from specs import ledger, store
from specs.models import LedgerEntry, Project, Seal
from tests import cast, databases
from tests.annotation.test_snapshots import ELSEWHERE
from tests.specs.test_ledger import TAMPERINGS
from workforce import staffing

_RECOUNT = """
    SELECT i.key, (array_agg(r.value ORDER BY r.revision DESC))[1]::text,
           (SELECT count(*) FROM annotation_annotation a JOIN specs_ledgerentry m ON m.event_id = a.event_id
            WHERE a.task_id = t.id AND m.position <= %(position)s)
    FROM annotation_resolution r JOIN specs_ledgerentry l ON l.event_id = r.event_id AND l.position <= %(position)s
    JOIN workforce_task t ON t.id = r.task_id JOIN workforce_item i ON i.id = t.item_id
    WHERE r.project_id = %(project)s GROUP BY i.key, t.id
"""


def _said(frozen: Snapshot) -> dict[str, tuple[Any, int]]:
    found = {}
    for file in frozen.files.filter(name__endswith=".jsonl"):
        with store.opened(file.digest) as source:
            for row in map(json.loads, source):
                label = row["labels"]["entailed"]
                found[row["key"]] = (label["value"], label["n_answers"])
    return found


def _recount(frozen: Snapshot) -> dict[str, tuple[Any, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"project": frozen.project_id, "position": frozen.position})
        return {key: (json.loads(value), n) for key, value, n in cursor.fetchall()}


@pytest.mark.parametrize(
    ("n_snapshots", "n_writers"),
    [(4, 2), pytest.param(200, 8, marks=[pytest.mark.long, pytest.mark.timeout(1500)])],
)
def test_snapshots_under_writers_are_each_one_instant(
    committed_db: None, settings: Any, n_snapshots: int, n_writers: int
) -> None:
    settings.SNAPSHOTS_PER_DAY = 1000
    stage = cast.stage(overlap=2, max_overlap=2, max_leases=2)
    stage.load(30 * n_snapshots)
    writers = [stage.ben, stage.chi]
    for n in range(2, n_writers):
        member = staffing.add_member(
            project=stage.project, user=cast.user(f"writer-{n}"), roles=["annotator"], by=stage.ada
        )
        writers.append(staffing.annotator_for(member=member))
        staffing.enrol(queue=stage.queue, annotator=writers[-1], by=stage.ada)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    over = threading.Event()

    def write(who: Any, chance: random.Random) -> None:
        try:
            for served in stage.claims(who, stage.queue):
                stage.submit(who, served, {"entailed": chance.choice(["yes", "yes", "yes", "no"])})
                if over.is_set():
                    return
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(who, random.Random(n))) for n, who in enumerate(writers)]
    for thread in threads:
        thread.start()
    frozen: list[Any] = []
    try:
        while (
            len(frozen) < n_snapshots or frozen[-1].n_rows == frozen[0].n_rows
        ):  # until somebody wrote meanwhile
            asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
            frozen.append(exporting.build(snapshot_id=asked.pk))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    inconsistent = [one.pk for one in frozen if _said(one) != _recount(one)]
    assert inconsistent == []
    sizes = [one.n_rows or 0 for one in frozen]
    assert sizes == sorted(sizes)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_twenty_rebuilds_elsewhere_have_one_digest(committed_db: None) -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(6)
    for _ in range(6):
        for who in (stage.ben, stage.chi):
            stage.answer(who, "yes", cite=["whole"])
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    first = exporting.build(snapshot_id=asked.pk)
    zones = ("Pacific/Chatham", "America/Lima", "Asia/Kathmandu", "UTC", "Africa/Casablanca")
    locales = (("de_DE.UTF-8", "de"), ("C", "en"), ("tr_TR.UTF-8", "ar"), ("POSIX", "de"))
    digests = set()
    for n in range(20):
        locale, language = locales[n % 4]
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(17 * n),
            "TZ": zones[n % 5],
            "LC_ALL": locale,
            "LANG": locale,
        }
        told = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(first.pk), f"rebuilt {n}", language],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        digests.add(told.stdout.strip())
    assert digests == {first.digest}


_CHAIN = ("specs_seal", "specs_ledgerentry", "specs_event")


@contextmanager
def _tampered() -> Iterator[psycopg.Connection[Any]]:
    """A superuser's hand in the tables of the chain; afterwards they are as they were."""
    with psycopg.connect(databases.admin_url(), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for table in _CHAIN:
            admin.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
        yield admin
        for table in _CHAIN:
            admin.execute(f"DELETE FROM {table}")
            admin.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept_{table}")


@pytest.mark.parametrize(
    ("n_random", "n_cuts"),
    [(9, 2), pytest.param(100, 20, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
def test_tamperings_are_found_and_cut_tails_by_a_checkpoint(
    committed_db: None, n_random: int, n_cuts: int
) -> None:
    project: Project = cast.project()
    for batch in range(21):
        for n in range(3):
            with transaction.atomic():
                ledger.record(
                    project_id=project.pk, kind="test.done", by=None, subject=("test", n), data={"n": batch}
                )
        ledger.seal(project_id=project.pk)
    last = Seal.objects.latest("number")
    checkpoint = (last.number, last.digest)
    events = list(LedgerEntry.objects.values_list("event_id", flat=True))
    chance, missed = random.Random(15), []
    for n in range(n_random):
        tampering = TAMPERINGS[n % len(TAMPERINGS)].format(
            event=chance.choice(events), seal=chance.randint(2, last.number)
        )
        with _tampered() as admin:
            admin.execute(tampering)
            if not ledger.verify(project_id=project.pk, checkpoint=checkpoint):
                missed.append(tampering)
    for n in range(1, n_cuts + 1):
        with _tampered() as admin:
            admin.execute("DELETE FROM specs_ledgerentry WHERE seal_id > %s", [last.pk - n])
            admin.execute("DELETE FROM specs_seal WHERE id > %s", [last.pk - n])
            assert ledger.verify(project_id=project.pk) == [], "without the checkpoint nothing is to be seen"
            if not ledger.verify(project_id=project.pk, checkpoint=checkpoint):
                missed.append(f"the last {n} seals")
    assert missed == []
    assert ledger.verify(project_id=project.pk, checkpoint=checkpoint) == []
