"""Items in, idempotently; with them tasks and their open slots.

    (nothing) -> loaded: load

A delivery is staged in a temporary table, checked whole, and activated in the same transaction: all of its good rows or none.
A key that is known with the same payload changes nothing; a known key with another payload is a bad row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid, WrongState
from workforce import degrading, overlapping, rows
from workforce.models import Load, Order, Queue, QueueState

RANK_STEP = 64
_STAGE = """
    DROP TABLE IF EXISTS pg_temp.staged;
    CREATE TEMPORARY TABLE staged (line bigint, key varchar(200), payload jsonb, digest varchar(80), sensitive boolean)
    ON COMMIT DROP
"""
_DOUBLED = """
    SELECT line, 'the key stands twice in this file with different content' FROM (
        SELECT line, digest <> first_value(digest) OVER (PARTITION BY key ORDER BY line) AS other FROM staged
    ) d WHERE other ORDER BY line LIMIT %(limit)s
"""
_CONTRADICTING = """
    SELECT s.line, 'the key is known with other content; items do not change' FROM staged s
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = s.key AND i.revision = 1
    WHERE i.digest <> s.digest ORDER BY s.line LIMIT %(limit)s
"""
_ITEMS = """
    INSERT INTO workforce_item (project_id, key, revision, payload, digest, sensitive, load_id, created_at)
    SELECT %(project)s, key, 1, payload, digest, sensitive, %(load)s, statement_timestamp()
    FROM (SELECT DISTINCT ON (key) * FROM staged ORDER BY key, line) s
    ORDER BY line
    ON CONFLICT (project_id, key, revision) DO NOTHING
"""
_TASKS = """
    INSERT INTO workforce_task
        (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, created_at)
    SELECT %(project)s, i.id, %(queue)s, %(meaning)s, 1, 'open', %(overlap)s, 0,
           CASE WHEN %(random)s THEN floor(random() * 1e15)::bigint
                ELSE %(base)s + %(step)s * row_number() OVER (ORDER BY s.line) END, 0, statement_timestamp()
    FROM (SELECT DISTINCT ON (key) key, line FROM staged ORDER BY key, line) s
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = s.key AND i.revision = 1
    ON CONFLICT (item_id, queue_id, meaning, round) DO NOTHING
"""
_SLOTS = """
    INSERT INTO workforce_assignment
        (project_id, task_id, queue_id, number, state, rank, returned, n_returns, served_digest, n_renewals)
    SELECT %(project)s, t.id, %(queue)s, n, 'open', t.rank + n - 1, false, 0, '', 0
    FROM workforce_task t CROSS JOIN LATERAL generate_series(1, t.overlap) n
    WHERE t.queue_id = %(queue)s AND t.id > %(after)s
      AND NOT EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id)
"""
_CLAUSES = """
    INSERT INTO workforce_itemclause (project_id, item_id, clause_id)
    SELECT %(project)s, i.id, c.id FROM (SELECT DISTINCT key, payload ->> %(field)s AS clause FROM staged) s
    JOIN workforce_item i ON i.project_id = %(project)s AND i.key = s.key AND i.revision = 1
    JOIN specs_clause c ON c.spec_id = %(spec)s AND c.key = s.clause
    ON CONFLICT DO NOTHING
"""


def load(
    *,
    project: Project,
    queue: Queue | None,
    source: BinaryIO,
    name: str,
    by: Member | None,
    clause_field: str = "clause_id",
    keep_good_rows: bool = False,
    sensitive: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Load:
    """Load a file of items, and into *queue* their tasks and slots.

    Any bad row refuses the whole delivery (`Invalid` with line and reason for each, up to a limit) unless *keep_good_rows*.
    Loading the same file again finds everything known and changes nothing. *progress* is told the number of lines read.
    """
    if queue is not None and queue.state == QueueState.CLOSED:
        raise WrongState("The queue is closed.")
    if queue is not None:
        degrading.require_intake(queue)
    digest = hashlib.sha256()
    limit = settings.MAX_REPORTED_PROBLEMS
    bad: list[dict[str, Any]] = []
    n_rows = n_bad = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_STAGE)
        with cursor.copy("COPY staged (line, key, payload, digest, sensitive) FROM STDIN") as copy:
            for row in rows.read(
                cast("BinaryIO", _Hashing(source, digest)),
                form=rows.form_of(name),
                max_bytes=settings.MAX_ITEM_BYTES,
            ):
                n_rows += 1
                if isinstance(row, rows.BadRow):
                    n_bad += 1
                    if len(bad) < limit:
                        bad.append(asdict(row))
                    continue
                for fields in rows.to_copy([row]):
                    copy.write_row(fields if not sensitive else (*fields[:4], True))
                if progress is not None and n_rows % 5000 == 0:
                    progress(n_rows)
        known = {"project": project.pk, "limit": limit}
        for query in (_DOUBLED, _CONTRADICTING):
            cursor.execute(query, known)
            found = [{"line": line, "reason": reason} for line, reason in cursor.fetchall()]
            n_bad += len(found)
            bad = (bad + found)[:limit]
            if found:
                cursor.execute(
                    "DELETE FROM staged WHERE line = ANY(%s)", [[problem["line"] for problem in found]]
                )
        if n_rows == 0:
            raise Invalid("The file has no rows.")
        if n_bad and not keep_good_rows:
            raise Invalid(
                f"{n_bad} of {n_rows} rows cannot be loaded; nothing was loaded.",
                problems=[
                    {"where": f"line {problem['line']}", "message": problem["reason"]} for problem in bad
                ],
            )
        return _activate(
            project, queue, name, f"sha256:{digest.hexdigest()}", n_rows, n_bad, bad, clause_field, by
        )


def _activate(
    project: Project,
    queue: Queue | None,
    name: str,
    digest: str,
    n_rows: int,
    n_bad: int,
    bad: list[dict[str, Any]],
    clause_field: str,
    by: Member | None,
) -> Load:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('workforce_load', 'id'))")
        load_id = cursor.fetchone()[0]
        event = ledger.record(
            project_id=project.pk,
            kind="items.loaded",
            by=by,
            subject=("load", load_id),
            data={"digest": digest, "rows": n_rows, "bad": n_bad, "queue": queue.pk if queue else None},
        )
        load = Load(
            pk=load_id,
            project=project,
            queue=queue,
            source=name[-300:],
            digest=digest,
            n_rows=n_rows,
            n_bad=n_bad,
            problems=bad,
            loaded_by=by,
            event_id=event,
        )
        # The items link to the load and the load holds their count: append-only rows leave one order, numbers first.
        cursor.execute(
            "SELECT count(DISTINCT key) FROM staged s WHERE NOT EXISTS (SELECT 1 FROM workforce_item i "
            "WHERE i.project_id = %s AND i.key = s.key AND i.revision = 1)",
            [project.pk],
        )
        load.n_new = cursor.fetchone()[0]
        cursor.execute("SELECT count(DISTINCT key) FROM staged")
        load.n_known = cursor.fetchone()[0] - load.n_new
        load.save(force_insert=True)
        cursor.execute(_ITEMS, {"project": project.pk, "load": load_id})
        if queue is not None:
            _make_tasks(project, queue, clause_field)
    load.refresh_from_db()
    return load


def _make_tasks(project: Project, queue: Queue, clause_field: str) -> None:
    with connection.cursor() as cursor:
        locked = (
            Queue.objects.select_for_update(no_key=True, of=("self",))
            .select_related("version")
            .get(pk=queue.pk)
        )
        assert locked.version is not None
        cursor.execute("SELECT coalesce(max(rank), 0) FROM workforce_task WHERE queue_id = %s", [queue.pk])
        base = cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(max(id), 0) FROM workforce_task")
        after = cursor.fetchone()[0]
        known = {
            "project": project.pk,
            "queue": queue.pk,
            "meaning": locked.version.meaning,
            "overlap": locked.overlap,
            "random": locked.order == Order.RANDOM,
            "base": base,
            "step": RANK_STEP,
            "after": after,
            "spec": locked.spec_id,
            "field": clause_field,
        }
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(_CLAUSES, known)
        cursor.execute(_TASKS, known)
        made = cursor.rowcount
        if made:
            overlapping.plan(queue=locked, after=after)
            cursor.execute(_SLOTS, known)
            if locked.order == Order.RANDOM:
                Queue.objects.filter(pk=queue.pk).update(cursor_epoch=F("cursor_epoch") + 1)


class _Hashing:
    """A file that is digested while it is read."""

    def __init__(self, source: BinaryIO, digest: Any) -> None:
        self.source, self.digest = source, digest
        self.closed = False

    def readline(self, size: int = -1) -> bytes:
        data = self.source.readline(size)
        self.digest.update(data)
        return data

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.digest.update(data)
        return data

    read1 = read

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing to flush."""

    def close(self) -> None:
        self.closed = True
