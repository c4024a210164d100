"""From a file to staged rows, and what is wrong with them: nothing of it is seen by anybody before it is activated.

Rows are staged in chunks, each committed with how far the file was read, so that a job that was killed goes on at its last
chunk. The checks that need the whole delivery (keys that stand twice, keys known with other content) are made in the database.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from specs.refusals import Invalid
from workforce import media, row_files, rows, signalling
from workforce.models import Load, StagedRow, StagedSignal

CHUNK = 25_000  # rows between two commits
_WRITE = 500  # rows handed to COPY at a time, which reads them while the next ones are parsed
_COPY = "COPY workforce_stagedrow (project_id, load_number, line, key, payload, digest, sensitive, gone) FROM STDIN"

_DOUBLED = """
    WITH twice AS MATERIALIZED (
        SELECT key FROM workforce_stagedrow WHERE load_number = %(load)s GROUP BY key HAVING count(*) > 1
    ), judged AS MATERIALIZED (
        SELECT s.id, s.line, row_number() OVER (PARTITION BY s.key ORDER BY s.line) AS place,
               s.digest <> first_value(s.digest) OVER (PARTITION BY s.key ORDER BY s.line) AS other
        FROM workforce_stagedrow s JOIN twice USING (key) WHERE s.load_number = %(load)s
    ), gone AS (
        DELETE FROM workforce_stagedrow s USING judged j WHERE s.id = j.id AND j.place > 1
    )
    SELECT line FROM judged WHERE other ORDER BY line
"""
# The newest revision of a key is what it is now, unless its source has withdrawn it.
_THERE = """
        SELECT s.id, s.line, s.gone, i.id AS item, i.revision, i.digest <> s.digest AS other,
               EXISTS (SELECT FROM workforce_itemend e WHERE e.item_id = i.id) AS withdrawn
        FROM workforce_stagedrow s CROSS JOIN LATERAL (
            SELECT i.id, i.digest, i.revision FROM workforce_item i
            WHERE i.project_id = %(project)s AND i.key = s.key ORDER BY i.revision DESC LIMIT 1) i
        WHERE s.load_number = %(load)s
"""
_FOUND = """
    WITH there AS MATERIALIZED ({there}), gone AS (
        DELETE FROM workforce_stagedrow s USING there WHERE s.id = there.id AND (there.other OR there.withdrawn)
    ), known AS (
        UPDATE workforce_stagedrow s SET known = there.item FROM there
        WHERE s.id = there.id AND NOT there.other AND NOT there.withdrawn
    )
    SELECT line, withdrawn FROM there WHERE other OR withdrawn
"""
# Asked for updates: another content is the next revision, and so is what comes back; what is gone ends what is there.
_UPDATED = """
    WITH there AS MATERIALIZED ({there}), changed AS (
        UPDATE workforce_stagedrow s SET replaces = there.item, revision = there.revision + 1 FROM there
        WHERE s.id = there.id AND NOT there.gone AND (there.other OR there.withdrawn)
    ), known AS (
        UPDATE workforce_stagedrow s SET known = there.item, replaces = CASE WHEN there.gone THEN there.item END FROM there
        WHERE s.id = there.id AND CASE WHEN there.gone THEN NOT there.withdrawn ELSE NOT there.other AND NOT there.withdrawn END
    ), nothing AS (
        DELETE FROM workforce_stagedrow s WHERE s.load_number = %(load)s AND s.gone
           AND NOT EXISTS (SELECT FROM there WHERE there.id = s.id AND NOT there.withdrawn)
    )
    SELECT line, false FROM there WHERE false
"""
_KNOWN = """
    UPDATE workforce_stagedrow s SET known = i.id FROM workforce_item i
    WHERE s.load_number = %(load)s AND s.known IS NULL AND i.project_id = %(project)s AND i.key = s.key
      AND i.revision = s.revision
"""
_NAMES_MEDIA = "names_media"
_NAMING = """
    SELECT id, line, key, payload::text, digest FROM workforce_stagedrow
    WHERE load_number = %s AND id > %s AND payload::text LIKE '%%"media%%' ORDER BY id LIMIT 1000
"""
TWICE = gettext_noop("the key stands twice in this file with different content")
CHANGED = gettext_noop(
    "the key is known with other content; items do not change unless updates are asked for"
)
WITHDRAWN = gettext_noop("its source has withdrawn the key; it comes back where updates are asked for")


class _Bounded(io.RawIOBase):
    """What a file unpacks to, refused beyond the limit of one file: a small gzip can hold very much."""

    def __init__(self, source: BinaryIO) -> None:
        self.source, self.n_read = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def readinto(self, buffer: Any) -> int:
        data = self.source.read(len(buffer))
        self.n_read += len(data)
        if self.n_read > settings.MAX_LOAD_BYTES:
            raise Invalid(
                _("The file is larger than %(max_load_bytes)s bytes unpacked; nothing was loaded.")
                % {"max_load_bytes": settings.MAX_LOAD_BYTES}
            )
        buffer[: len(data)] = data
        return len(data)


def stage(*, load: Load, source: BinaryIO, progress: Callable[[int], None]) -> None:
    """Stage the rows beyond those that are staged already; *progress* is told the number of rows read, between commits."""
    packed = row_files.unpacked(source)
    stream = (
        packed
        if load.form == "parquet" and packed is source
        else cast("BinaryIO", io.BufferedReader(_Bounded(packed), 2**18))
    )
    if load.form == "parquet" and packed is not source:
        stream = _on_disk(stream)
    signals: list[signalling.Staged] = []
    read = rows.read(
        stream,
        form=load.form,
        max_bytes=settings.MAX_ITEM_BYTES,
        after=load.position,
        updates=bool(load.options.get("updates")),
    )
    naming: list[str] = []
    found = signalling.told(
        media.noticed(read, naming),
        options=load.options,
        pending=signals,
    )
    sensitive, ended, n_bytes = bool(load.options.get("sensitive")), False, 0
    while not ended:
        with transaction.atomic(), connection.cursor() as cursor:
            n_good = n_seen = 0
            with cursor.copy(_COPY) as copy:
                while n_seen < CHUNK and not ended:
                    batch = []
                    for row in found:
                        n_seen += 1
                        load.position = row.line
                        if isinstance(row, rows.BadRow):
                            put_bad(load, row.line, row.reason)
                        else:
                            batch.append(row)
                            n_bytes += len(row.payload)
                        if len(batch) >= _WRITE or n_seen >= CHUNK:
                            break
                    else:
                        ended = True
                    n_good += len(batch)
                    if n_bytes > settings.MAX_LOAD_BYTES:
                        raise Invalid(
                            _("The file is larger than %(max_load_bytes)s bytes unpacked.")
                            % {"max_load_bytes": settings.MAX_LOAD_BYTES}
                        )
                    copy.write(rows.to_copy(load.pk, load.project_id, batch, sensitive=sensitive))
            signalling.stage(cursor, load=load, pending=signals)
            load.n_rows += n_seen
            load.n_staged += n_good
            if naming:
                load.options = {**load.options, _NAMES_MEDIA: True}
            load.save(update_fields=["position", "n_rows", "n_bad", "n_staged", "problems", "options"])
        progress(load.n_rows)


def _on_disk(stream: BinaryIO) -> BinaryIO:
    """A packed Parquet file unpacked beside the store: its reader has to seek."""
    import shutil
    import tempfile

    scratch = tempfile.TemporaryFile(dir=settings.STORE_ROOT)  # noqa: SIM115 (closed with its last reader)
    shutil.copyfileobj(stream, scratch)
    scratch.seek(0)
    return cast("BinaryIO", scratch)


def whole(*, load: Load) -> bool:
    """Whether what was staged for the load is still there: the table does not survive a crash of the database."""
    return StagedRow.objects.filter(load_number=load.pk).count() == load.n_staged


def forget(*, load: Load) -> None:
    """Drop what was staged for the load."""
    for scratch in (StagedRow, StagedSignal):
        scratch.objects.filter(load_number=load.pk)._raw_delete("default")


def start_again(*, load: Load) -> None:
    """Read the file from its beginning."""
    with transaction.atomic():
        forget(load=load)
        load.n_rows = load.n_bad = load.n_staged = load.position = 0
        load.problems, load.checked = [], False
        load.save(update_fields=["n_rows", "n_bad", "n_staged", "position", "problems", "checked"])


def put_bad(load: Load, line: int, reason: str) -> None:
    """Count a bad row, and keep its reason while there is room."""
    load.n_bad += 1
    if len(load.problems) < settings.MAX_REPORTED_PROBLEMS:
        load.problems.append({"line": line, "reason": reason})


def mark_known(*, load: Load) -> None:
    """Mark what came since the check, from elsewhere or from an activation that was cut off."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, {"load": load.pk, "project": load.project_id})


def check(*, load: Load) -> None:
    """Take bad rows out of what is staged and mark the known ones. Call it inside a transaction, under the project's lock."""
    where = {"load": load.pk, "project": load.project_id}
    if load.options.get(_NAMES_MEDIA):
        _put_media_in(load)
    with connection.cursor() as cursor:
        # Nothing is known of a scratch table, and the planner would compare its rows one with another.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_DOUBLED, where)
        for (line,) in cursor.fetchall():
            put_bad(load, line, TWICE)
        cursor.execute("SET LOCAL enable_nestloop = on")
        found = _UPDATED if load.options.get("updates") else _FOUND
        cursor.execute(found.format(there=_THERE), where)
        for line, withdrawn in sorted(cursor.fetchall()):
            put_bad(load, line, WITHDRAWN if withdrawn else CHANGED)
        cursor.execute("SELECT count(*) FROM workforce_stagedrow WHERE load_number = %(load)s", where)
        load.n_staged = cursor.fetchone()[0]
    load.problems.sort(key=lambda problem: problem["line"])
    load.checked = True
    load.save(update_fields=["n_bad", "n_staged", "problems", "checked"])


def _put_media_in(load: Load) -> None:
    """Put what rows name of media in its place; rows that name what is not here are bad."""
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_NAMING, [load.pk, last])
            staged = cursor.fetchall()
            if not staged:
                return
            last = staged[-1][0]
            by_line = {line: number for number, line, *_ in staged}
            given = [
                rows.Row(line, key, text.encode(), digest, False) for _, line, key, text, digest in staged
            ]
            for row in media.put_in(given, project_id=load.project_id, max_bytes=settings.MAX_ITEM_BYTES):
                if isinstance(row, rows.BadRow):
                    put_bad(load, row.line, row.reason)
                    cursor.execute("DELETE FROM workforce_stagedrow WHERE id = %s", [by_line[row.line]])
                else:
                    cursor.execute(
                        "UPDATE workforce_stagedrow SET payload = %s, digest = %s WHERE id = %s",
                        [row.payload.decode(), row.digest, by_line[row.line]],
                    )
