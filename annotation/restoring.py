"""A backup back into an empty database, and the proof that everything is there.

    nothing -> what the backup holds: restore

One transaction puts the database back and compares every table with the manifest before it ends, so a failure leaves what was
there. Files come first: without their rows they harm nobody. Afterwards nobody is logged in, and whatever counted in the numbers
of the old server's transactions begins anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import F
from psycopg import sql

from annotation import cataloguing, dumping, exporting, following
from annotation.backing_up import FORMS, KEYS, SUM, TABLES, Say, major_of
from annotation.backups import DATABASE, BackupError, Manifest, fingerprint, listed, place
from annotation.models import Snapshot, SnapshotState
from specs import ledger, store
from specs.models import Project, Session
from workforce.models import Queue

_OURS = ("specs", "workforce", "annotation")
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
# Table by table, not the whole schema: that may be somebody else's, with extensions that only an administrator can make.
_EMPTY = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT oid::regclass AS name FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
        EXECUTE format('DROP TABLE %s CASCADE', one.name);
    END LOOP;
    FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
        EXECUTE format('DROP SEQUENCE %s CASCADE', one.name);
    END LOOP;
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
               AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', one.name);
    END LOOP;
END $$;
"""
_COUNT = "SELECT count(*), 0 FROM {}"
_SAME = """
DO $$ BEGIN
    IF ({rows}, {total}) <> ({sum}) THEN RAISE EXCEPTION 'table % is not the one that was backed up', {name}; END IF;
END $$;
"""


@dataclass
class Restored:
    """What was put back and looked at; `faults` names everything that is not as the manifest says."""

    n_tables: int = 0
    n_rows: int = 0
    n_files: int = 0
    n_events: int = 0
    n_snapshots: int = 0
    same_key: bool = True
    faults: list[str] = field(default_factory=list)


def restore(
    *, url: str, folder: Path, manifest: Manifest, replace: bool, newer: bool, secret_key: str, say: Say
) -> Restored:
    """Put a checked backup back; *url* names the database as the owner of the tables to be.

    *replace* gives up what the database holds; *newer* allows a newer major version of PostgreSQL than the backup's;
    *secret_key*, if there is one, becomes the data folder's. Raises `BackupError`; the database is then as it was.
    """
    dumping.programs(_door(url, manifest, replace=replace, newer=newer))
    done = Restored()
    say("putting files back" if manifest.files_copied else "looking for the files")
    done.n_files = put_files(folder, manifest)
    say("putting the database back")
    put_database(url, folder, manifest, replace=replace)
    done.n_tables, done.n_rows = len(manifest.tables), manifest.n_rows
    if _known_migrations() - set(manifest.migrations):
        say("bringing the schema up to date")
        call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] != settings.DATABASE_APP_ROLE:  # one role for both keeps the owner's rights
            call_command("grant_rights", verbosity=0, stdout=io.StringIO())
    begin_anew({"name": manifest.made_at, "dump": manifest.dump_digest})
    now = secret_key if secret_key and put_key(secret_key) else settings.SECRET_KEY
    done.same_key = fingerprint(now) == manifest.key
    say("verifying ledgers and snapshots")
    _verify(manifest, done)
    return done


def put_database(url: str, folder: Path, manifest: Manifest, *, replace: bool) -> None:
    """The dump's tables, each compared with the manifest, in one transaction. Raises `BackupError`; nothing is changed then."""
    with psycopg.connect(url, connect_timeout=10) as asked:
        major = major_of(asked)
    dumping.restore(
        url,
        major=major,
        dump=folder / DATABASE,
        before="SET LOCAL lock_timeout = '10s';" + (_EMPTY if replace else ""),
        after=f"{FORMS}; SET LOCAL search_path = public; {_comparisons(manifest, major)}",
    )


def take_keys(path: Path) -> dict[str, str]:
    """The keys of a file that a backup wrote."""
    try:
        told = json.loads(path.read_text())
        return {name: str(told[name]) for name in KEYS if name in told}
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"The keys cannot be read from {path}: {error}") from error


def put_key(secret_key: str) -> bool:
    """Make this the data folder's key; false where a variable names the key, which then stays what it is."""
    if not settings.LOCAL or {"SECRET_KEY", "SECRET_KEY_FILE"} & os.environ.keys():
        return False
    path = Path(settings.HOME) / "secret_key"
    draft = path.with_suffix(".writing")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(secret_key)
    draft.replace(path)
    return True


def _door(url: str, manifest: Manifest, *, replace: bool, newer: bool) -> int:
    """The major version of the server. Raises `BackupError` where this database is not one to restore into."""
    # Of our own apps only: an older Concordat may have had a library that this one has not.
    unknown = sorted(
        one for one in set(manifest.migrations) - _known_migrations() if one.partition(".")[0] in _OURS
    )
    if unknown:
        raise BackupError(
            f"The backup was made by a newer Concordat: {unknown[0]} is not known here. Restore it with that version."
        )
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's only
    try:
        with psycopg.connect(url, connect_timeout=10) as asked:
            major = major_of(asked)
            n_tables = len(asked.execute(TABLES).fetchall())
            others = asked.execute(_OTHERS).fetchone()
    except psycopg.Error as error:
        raise BackupError(f"The database does not answer: {str(error).strip()}") from error
    if major < manifest.postgres or (major > manifest.postgres and not newer):
        way = "--newer-postgres allows it" if major > manifest.postgres else "an older one cannot take it"
        raise BackupError(
            f"The backup is of PostgreSQL {manifest.postgres}, this server is PostgreSQL {major}; {way}."
        )
    if n_tables and not replace:
        raise BackupError(
            f"The database is not empty: it has {n_tables} tables. Name an empty one, or say --replace to give up what it holds."
        )
    if others and others[0]:
        raise BackupError(f"{others[0]} other sessions use the database. Stop web, worker and beat first.")
    return major


def _known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


def put_files(folder: Path, manifest: Manifest) -> int:
    """Put kept files into the store, each compared with its digest; one that is there already is looked at instead."""
    n_files = 0
    for digest, _size in listed(folder):
        n_files += 1
        if store.intact(digest):
            continue
        source = place(folder.parent, digest)
        if not manifest.files_copied or not source.is_file():
            raise BackupError(
                f"The file {digest} is neither in the store nor in the backup; the database was not touched."
            )
        total = hashlib.sha256()
        with store.writing() as scratch, source.open("rb") as read:
            while chunk := read.read(2**20):
                total.update(chunk)
                scratch.write(chunk)
            if f"sha256:{total.hexdigest()}" != digest:
                raise BackupError(f"The backup's file {digest} is damaged; the database was not touched.")
            store.keep(scratch)
    return n_files


def _comparisons(manifest: Manifest, major: int) -> str:
    """Statements that fail unless every table has the rows that were counted; hashes mean the same on one major version only."""
    parts = []
    for name, (rows, total) in sorted(manifest.tables.items()):
        same = major == manifest.postgres
        whole = sql.SQL(SUM if same else _COUNT).format(sql.Identifier(name)).as_string(None)
        total = total if same else "0"
        parts.append(
            _SAME.format(sum=whole, rows=int(rows), total=int(total), name=sql.Literal(name).as_string(None))
        )
    return "".join(parts)


def begin_anew(told: dict[str, str]) -> None:
    """Nobody is logged in, nothing is cached, and what is noted in another server's numbers of transactions is noted anew."""
    with transaction.atomic():
        Session.objects.all().delete()
        Queue.objects.update(cursor_epoch=F("cursor_epoch") + 1)
        following.start_anew()
        cataloguing.start_anew()
        ledger.record(project_id=None, kind="backup.restored", by=None, subject=("backup", 0), data=told)
    cache.clear()


def _verify(manifest: Manifest, done: Restored) -> None:
    for project in Project.objects.order_by("key"):
        number, _, digest = manifest.ledgers.get(project.key, "").partition(":")
        checkpoint = (int(number), digest) if digest else None
        for fault in ledger.verify(project_id=project.pk, checkpoint=checkpoint):
            done.faults.append(f"ledger of {project.key}, seal {fault.seal}: {fault.message}")
        done.n_events += ledger.position(project_id=project.pk)
    frozen = Snapshot.objects.filter(state=SnapshotState.FROZEN).order_by("digest")
    if [one.digest for one in frozen] != manifest.snapshots:
        done.faults.append("the frozen snapshots are not the ones of the manifest")
    for snapshot in frozen:
        done.faults += [f"snapshot {snapshot.pk}: {fault}" for fault in exporting.verify(snapshot)]
        done.n_snapshots += 1
