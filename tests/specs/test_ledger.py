"""Events and their chain: complete, ordered, and every tampering found."""

from __future__ import annotations

import random
import threading

import psycopg
import pytest
from django.db import connection, connections, transaction

from specs import ledger
from specs.models import LedgerEntry, Project, Seal
from tests import cast, databases


def _record(project: Project, n: int) -> None:
    for number in range(n):
        with transaction.atomic():
            ledger.record(
                project_id=project.pk, kind="test.done", by=None, subject=("test", number), data={"n": number}
            )
            ledger.record(
                project_id=project.pk,
                kind="test.done",
                by=None,
                subject=("test", number),
                data={"n": -number},
            )


def test_writers_never_wait_and_nothing_is_lost_or_doubled(committed_db: None) -> None:
    project = cast.project()

    def write() -> None:
        _record(project, 40)
        connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        ledger.seal(project_id=project.pk, limit=7)
    assert ledger.seal_all(project_id=project.pk) == 6 * 40 * 2
    positions = list(LedgerEntry.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(1, 481))
    assert ledger.verify(project_id=project.pk) == []


def test_an_open_transaction_holds_nobody_back_and_is_sealed_after_its_commit(committed_db: None) -> None:
    project = cast.project()
    with psycopg.connect(databases.admin_url()) as other:
        other.execute(
            "INSERT INTO specs_event (project_id, kind, subject, subject_id, data) VALUES (%s, 'test.slow', 'test', 1, '{}')",
            [project.pk],
        )
        _record(project, 1)
        assert ledger.seal_all(project_id=project.pk) == 2
    assert ledger.seal_all(project_id=project.pk) == 3
    assert ledger.verify(project_id=project.pk) == []


def test_the_events_of_one_transaction_are_sealed_together(committed_db: None) -> None:
    project = cast.project()
    _record(project, 5)
    ledger.seal(project_id=project.pk, limit=3)
    assert ledger.position(project_id=project.pk) == 4


TAMPERINGS = (
    "UPDATE specs_event SET data = '{{\"n\": 999}}' WHERE id = {event}",
    "UPDATE specs_event SET kind = 'other' WHERE id = {event}",
    "UPDATE specs_event SET recorded_at = recorded_at + interval '1 second' WHERE id = {event}",
    "DELETE FROM specs_event WHERE id = {event}",
    "DELETE FROM specs_ledgerentry WHERE event_id = {event}",
    "UPDATE specs_ledgerentry a SET position = -a.position WHERE event_id = {event}",
    "UPDATE specs_seal SET digest = 'sha256:0' WHERE number = {seal}",
    "UPDATE specs_seal SET previous_digest = 'sha256:0' WHERE number = {seal}",
    "DELETE FROM specs_seal WHERE number = {seal}",
)


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_tampering_behind_the_guards_is_found(committed_db: None, tampering: str) -> None:
    project = cast.project()
    for _ in range(4):
        _record(project, 3)
        ledger.seal(project_id=project.pk)
    assert ledger.verify(project_id=project.pk) == []
    event = random.Random(tampering).choice(list(LedgerEntry.objects.values_list("event_id", flat=True)))
    with psycopg.connect(databases.admin_url()) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(tampering.format(event=event, seal=2))
    assert ledger.verify(project_id=project.pk)


def test_a_tail_that_was_cut_is_found_by_a_checkpoint_kept_outside(committed_db: None) -> None:
    project = cast.project()
    for _ in range(3):
        _record(project, 2)
        ledger.seal(project_id=project.pk)
    last = Seal.objects.order_by("-number").first()
    assert last is not None
    checkpoint = (last.number, last.digest)
    assert ledger.verify(project_id=project.pk, checkpoint=checkpoint) == []
    with psycopg.connect(databases.admin_url()) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM specs_ledgerentry WHERE seal_id = %s", [last.pk])
        admin.execute("DELETE FROM specs_seal WHERE id = %s", [last.pk])
    assert ledger.verify(project_id=project.pk) == []
    assert ledger.verify(project_id=project.pk, checkpoint=checkpoint)


@pytest.mark.django_db
def test_the_owner_of_the_table_may_not_edit_events_either() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'specs_event'::regclass AND NOT tgisinternal"
        )
        assert {row[0] for row in cursor.fetchall()} >= {"append_only", "no_truncate"}
