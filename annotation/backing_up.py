"""Backups of everything: the database at one moment, the kept files, and apart from both, the keys.

The order is what makes them fit: a file is kept before a row names it and never removed, so whatever the rows of the dump name
is there when the files are copied after it. What is told of the database is read in the very snapshot that the dump has.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from annotation import dumping
from annotation.backups import (
    DATABASE,
    LIST,
    BackupError,
    Manifest,
    digest_of,
    fingerprint,
    place,
    write_manifest,
)
from specs import ledger, store
from specs.models import Project

KEYS = ("SECRET_KEY", "STORE_ACCESS_KEY", "STORE_SECRET_KEY")
"""What has to be known beside the data; kept elsewhere."""

# A row's text is what the hash is of: the session's forms of times and bytes are fixed, so that it means the same elsewhere.
FORMS = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; "
    "SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'"
)
TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname
"""
SUM = """SELECT count(*), coalesce(sum(hashtextextended(t::text COLLATE "C", 0)), 0) FROM {} t"""
_LEDGERS = """
    SELECT DISTINCT ON (p.key) p.key, s.number::text || ':' || s.digest
    FROM specs_seal s JOIN specs_project p ON p.id = s.project_id ORDER BY p.key, s.number DESC
"""
_SNAPSHOTS = "SELECT digest FROM annotation_snapshot WHERE state = 'frozen' ORDER BY digest"
_MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"

Say = Callable[[str], None]


def back_up(*, url: str, folder: Path, say: Say, copy_files: bool | None = None) -> tuple[Path, Manifest]:
    """Write a backup into *folder* and return its own folder and what is in it.

    *url* names the database as the role that owns the tables. Without a word, kept files are copied from a folder and
    only listed where they lie in a bucket. Raises `BackupError`; then nothing is left but files that the next backup needs too.
    """
    for project in Project.objects.order_by("pk"):
        ledger.seal_all(project_id=project.pk)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder, prefix=".writing-"))
    try:
        say("writing the database")
        told = _database(url, draft)
        say("copying files that are not there yet" if _copies(copy_files) else "listing files")
        told |= files(folder, draft, copied=_copies(copy_files), say=say)
        manifest = Manifest(**told, key=fingerprint(settings.SECRET_KEY))
        write_manifest(draft, manifest)
        for path in draft.iterdir():
            path.chmod(0o600)
            _sync(path)
        final = folder / manifest.made_at
        draft.rename(final)
        _sync(folder)
    except FileExistsError as error:
        raise BackupError("Another backup was made there within this second. Ask again.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    ledger.record(
        project_id=None, kind="backup.made", by=None, subject=("backup", 0),
        data={"name": manifest.made_at, "dump": manifest.dump_digest, "n_files": manifest.n_files},
    )  # fmt: skip
    return final, manifest


def write_keys(path: Path) -> list[str]:
    """Write the keys into a new file that only its owner may read; returns their names."""
    keys = {name: getattr(settings, name) for name in KEYS if getattr(settings, name, "")}
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"The keys were not written: {path}: {error.strerror}.") from error
    with os.fdopen(handle, "w") as out:
        json.dump(keys, out, indent=1)
        out.write("\n")
    return list(keys)


def sums(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """By table, how many rows it has and the sum of their hashes, as text."""
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    found = {}
    for name in names:
        row = connection.execute(sql.SQL(SUM).format(sql.Identifier(name))).fetchone()
        assert row is not None
        found[name] = [str(value) for value in row]
    return found


def major_of(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10_000


def _copies(copy_files: bool | None) -> bool:
    return not settings.STORE_BUCKET if copy_files is None else copy_files


def _database(url: str, draft: Path) -> dict[str, Any]:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(FORMS)
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            major = major_of(connection)
            dumping.dump(url, major=major, snapshot=row[0], to=draft / DATABASE)
            return {
                "made_at": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
                "postgres": major,
                "migrations": [one for (one,) in connection.execute(_MIGRATIONS).fetchall()],
                "tables": sums(connection),
                "ledgers": dict(connection.execute(_LEDGERS).fetchall()),
                "snapshots": [one for (one,) in connection.execute(_SNAPSHOTS).fetchall()],
                "dump_digest": digest_of(draft / DATABASE),
                "dump_bytes": (draft / DATABASE).stat().st_size,
            }
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupError("The database has to be read as the role that owns its tables.") from error
    except psycopg.Error as error:
        raise BackupError(f"The database could not be read: {str(error).strip()}") from error


def files(folder: Path, draft: Path, *, copied: bool, say: Say) -> dict[str, Any]:
    """List what is kept into *draft*, and copy into *folder* what it has not; what of it goes into the manifest."""
    n_files = n_bytes = n_new = 0
    with (draft / LIST).open("w") as lines:
        for digest, size in store.kept():
            if copied and not place(folder, digest).exists():
                _copy(digest, place(folder, digest))
                n_new += 1
            lines.write(f"{digest} {size}\n")
            n_files, n_bytes = n_files + 1, n_bytes + size
    if copied:
        say(f"{n_new} of {n_files} files were new")
    return {
        "list_digest": digest_of(draft / LIST),
        "n_files": n_files,
        "files_bytes": n_bytes,
        "files_copied": copied,
    }


def _copy(digest: str, to: Path) -> None:
    """Whole and under its name, or not at all. What is damaged in the store stops the backup: it must not pass for one."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=to.parent, prefix=".writing-")
    try:
        with store.opened(digest) as source, os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(source, out, 2**20)
            out.flush()
            os.fsync(out.fileno())
        if digest_of(Path(name)) != digest:
            raise BackupError(f"{digest} could not be copied whole.")
        os.replace(name, to)
    except store.Corrupted as error:
        os.close(handle)
        raise BackupError(f"{error.message}. A backup is made once the file is whole again.") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
