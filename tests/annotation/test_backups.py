"""The drill: what is backed up comes back into a fresh data folder, to the row; what is damaged does not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from annotation import backing_up, backups, exporting, following, restoring
from annotation.backups import BackupError, Manifest
from annotation.config import local
from annotation.config.embedded import Engines
from annotation.models import LiveCursor, SnapshotFile
from specs import ledger, store
from specs.models import Session
from tests import cast
from tests.databases import memory
from tests.invariants import recounting
from workforce import reordering
from workforce.models import Enrolment, Task


@pytest.fixture(autouse=True)
def own_store(settings: Any, folder: Path) -> None:
    """Files of other tests are not backed up."""
    settings.STORE_ROOT = folder / "store"


@pytest.fixture
def stage(committed_db: None, own_store: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(6)
    for who, value in ((made.ben, "yes"), (made.chi, "no")):
        for _ in range(3):
            made.answer(who, value)
    asked = exporting.request(project=made.project, version=made.version, name="", by=made.ada)
    exporting.build(snapshot_id=asked.pk)
    return made


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


def _back_up(folder: Path) -> tuple[Path, Manifest]:
    return backing_up.back_up(url=settings.DATABASE_URL, folder=folder / "backups", say=lambda _: None)


def _restore(engines: Engines, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = local.environment(home, engines.environment())
    for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"):
        variables[name] = engines.environment().get(name, variables[name])
    variables |= {
        "STORE_ROOT": str(home / "store"),
        "CONCORDAT_DB_ROLE": "owner",
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    del variables["SECRET_KEY"]
    return subprocess.run(
        [sys.executable, str(local.ROOT / "manage.py"), "restore", *arguments],
        env=variables,
        capture_output=True,
        text=True,
    )


def _run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def _sums(url: str) -> dict[str, list[str]]:
    with psycopg.connect(url) as asked:
        asked.execute(backing_up.FORMS)
        return backing_up.sums(asked)


def test_a_backup_comes_back_into_a_fresh_folder_to_the_row(stage: cast.Stage, folder: Path) -> None:
    keys = folder / "keys.json"
    assert "SECRET_KEY" in backing_up.write_keys(keys)
    made, manifest = _back_up(folder)
    before = _sums(settings.DATABASE_URL)
    assert {path.name for path in made.iterdir()} == {"manifest.json", "database.dump", "files.txt"}
    assert all(settings.SECRET_KEY.encode() not in path.read_bytes() for path in made.iterdir())
    assert {path.stat().st_mode & 0o777 for path in (keys, *made.iterdir())} == {0o600}
    assert manifest.n_files == SnapshotFile.objects.count() > 0

    home = folder / "home"
    with Engines.start(home, valkey=False) as engines:
        done = _restore(engines, home, str(folder / "backups"), "--keys", str(keys), "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["n_rows"] == manifest.n_rows > 500
        assert (told["n_files"], told["n_snapshots"], told["faults"]) == (manifest.n_files, 1, [])
        assert told["same_key"] is True
        assert told["n_events"] == ledger.position(project_id=stage.project.pk)
        after = _sums(engines.owner_database_url)
        # An event says that it was restored, nobody is logged in, and notes in the old server's numbers begin anew.
        changed = {
            "specs_event",
            "specs_session",
            "workforce_queue",
            "annotation_livecursor",
            "annotation_livequeue",
        }
        assert {name for name in before if before[name] != after[name]} <= changed
        assert int(after["specs_event"][0]) == int(manifest.tables["specs_event"][0]) + 1
        assert (home / "secret_key").read_text() == settings.SECRET_KEY
        with (
            psycopg.connect(engines.database_url) as asked,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            asked.execute("DELETE FROM annotation_annotation")


def test_the_next_backup_copies_only_files_that_are_new(stage: cast.Stage, folder: Path) -> None:
    _, first = _back_up(folder)
    there = {path: path.stat().st_ino for path in (folder / "backups" / "files").rglob("*") if path.is_file()}
    assert len(there) == first.n_files
    with store.writing() as scratch:
        scratch.write(b"one more")
        digest, _size = store.keep(scratch)
    told: list[str] = []
    made = backing_up.files(folder / "backups", folder, copied=True, say=told.append)
    assert told == [f"1 of {made['n_files']} files were new"]
    assert made["n_files"] == first.n_files + 1
    assert {path: path.stat().st_ino for path in there} == there
    assert backups.place(folder / "backups", digest).read_bytes() == b"one more"


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_backup_with_one_bit_changed_is_refused_before_anything_happens(
    stage: cast.Stage, folder: Path
) -> None:
    made, _ = _back_up(folder)
    file = next(one for one in sorted((folder / "backups" / "files").rglob("*")) if one.is_file())
    for path in (made / "manifest.json", made / "database.dump", made / "files.txt", file):
        _run("restore", str(made), "--check")
        whole = path.read_bytes()
        _spoil(path)
        with pytest.raises(CommandError, match=r"damaged|cannot be read"):
            _run("restore", str(made), "--check")
        path.unlink()
        with pytest.raises(CommandError, match=r"missing|cannot be read|no backup"):
            _run("restore", str(made), "--check")
        path.write_bytes(whole)


def test_a_damaged_file_of_the_store_stops_the_backup_and_one_of_the_backup_the_restore(
    stage: cast.Stage, folder: Path
) -> None:
    made, manifest = _back_up(folder)
    kept = Path(settings.STORE_ROOT)
    file = next(one for one in sorted(kept.rglob("*")) if one.is_file())
    whole = file.read_bytes()
    _spoil(file)
    with pytest.raises(BackupError, match="damaged or missing in the store"):
        _back_up(folder / "another")
    assert not list((folder / "another" / "backups").glob("[0-9]*"))
    file.write_bytes(whole)
    digest = f"sha256:{file.name}"
    file.unlink()
    assert restoring.put_files(made, manifest) == manifest.n_files
    assert file.read_bytes() == whole
    file.unlink()
    _spoil(backups.place(folder / "backups", digest))
    with pytest.raises(BackupError, match="is damaged; the database was not touched"):
        restoring.put_files(made, manifest)
    assert not file.exists()
    with pytest.raises(BackupError, match="neither in the store nor in the backup"):
        restoring.put_files(made, replace(manifest, files_copied=False))


def test_what_does_not_fit_is_refused_politely(stage: cast.Stage, folder: Path) -> None:
    made, manifest = _back_up(folder)

    def restore(**changed: Any) -> None:
        restoring.restore(
            url=os.environ["OWNER_DATABASE_URL"], folder=made, manifest=replace(manifest, **changed), replace=False,
            newer=False, secret_key="", say=lambda _: None,
        )  # fmt: skip

    with pytest.raises(BackupError, match=r"made by a newer Concordat: specs.9999_later is not known here"):
        restore(migrations=[*manifest.migrations, "specs.9999_later"])
    with pytest.raises(BackupError, match=r"this server is PostgreSQL .*; an older one cannot take it"):
        restore(postgres=99)
    with pytest.raises(BackupError, match="--newer-postgres allows it"):
        restore(postgres=9)
    with pytest.raises(BackupError, match=r"not empty: it has \d+ tables"):
        restore(migrations=[*manifest.migrations, "a_library_of_old.0001_initial"])
    with pytest.raises(CommandError, match="CONCORDAT_DB_ROLE=owner"):
        _run("restore", str(made))
    with pytest.raises(CommandError, match="outside the folder"):
        _run("backup", str(folder), "--keys", str(folder / "keys.json"))
    with pytest.raises(CommandError, match="no backup in"):
        _run("restore", str(folder / "nothing"), "--check")


def test_a_database_that_comes_out_different_is_taken_back_whole(
    stage: cast.Stage, folder: Path, empty: str
) -> None:
    made, manifest = _back_up(folder)
    rows, total = manifest.tables["annotation_annotation"]
    wrong = {**manifest.tables, "annotation_annotation": [rows, str(int(total) + 1)]}
    with pytest.raises(BackupError, match=r"is as it was: .*table annotation_annotation is not the one"):
        restoring.put_database(empty, made, replace(manifest, tables=wrong), replace=False)
    with psycopg.connect(empty) as asked:
        assert asked.execute(backing_up.TABLES).fetchall() == []
    restoring.put_database(empty, made, manifest, replace=False)
    assert _sums(empty)["annotation_annotation"] == [rows, total]
    with psycopg.connect(empty) as owner:
        owner.execute("DROP TABLE annotation_annotation CASCADE")
        owner.execute("CREATE TABLE of_a_later_version (id bigint PRIMARY KEY)")
    restoring.put_database(empty, made, manifest, replace=True)
    assert _sums(empty) == manifest.tables


@pytest.fixture
def empty(committed_db: None) -> Iterator[str]:
    """The address of an empty database as the owner."""
    name = f"{os.environ['TEST_PREFIX']}empty"
    owner = urlsplit(os.environ["OWNER_DATABASE_URL"])
    with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER {owner.username} TEMPLATE template0")
        try:
            yield urlunsplit(owner._replace(path=f"/{name}"))
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.django_db
def test_after_a_restore_what_arrives_among_passed_tasks_is_found_all_the_same() -> None:
    """Numbers of transactions of the old server may be far above those of the new one."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    for _ in range(3):
        stage.answer(stage.ben, "yes")
    following.catch_up(project_id=stage.project.pk)
    Enrolment.objects.update(seen=2**60)
    LiveCursor.objects.update(seen=2**60)
    restoring.begin_anew({"name": "20261128T084500Z"})
    stage.load(2, start=3)
    urgent = Task.objects.get(item__key="item-4")
    reordering.prioritise(queue=stage.queue, priority=900, tasks=[urgent.pk], by=stage.ada)
    assert stage.claim(stage.ben).task_id == urgent.pk
    assert LiveCursor.objects.get().seen < 2**60
    following.catch_up(project_id=stage.project.pk)
    assert recounting.differences(stage.project.pk) == []
    assert not Session.objects.exists()
