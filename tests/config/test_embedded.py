"""The embedded engines: they start, are shared, stop, and never outlive whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from annotation.config import local, processes
from annotation.config.embedded import EngineError, Engines, EnginesBusy
from tests.databases import memory


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        yield Path(folder) / "home"


def _engines_of(home: Path) -> list[int]:
    """Our processes that name this data folder or its sockets."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(home) in command.read_bytes() and processes.is_alive(int(command.parts[2])):
                found.append(int(command.parts[2]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [pid for pid in found if pid != os.getpid()]


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def _scalar(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_the_engines_start_promise_durability_and_leave_nothing_but_the_data(home: Path) -> None:
    with Engines.start(home) as engines:
        assert home.stat().st_mode & 0o777 == 0o700
        assert len(str(engines.sockets / ".s.PGSQL.5432.lock")) < 100
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert _scalar(engines.database_url, f"SHOW {name}") == "on"
        assert _scalar(engines.database_url, "SHOW listen_addresses") == ""
        assert redis.Redis.from_url(engines.redis_url).ping()
        with psycopg.connect(engines.owner_database_url) as owner:
            owner.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        sockets = engines.sockets
    assert not sockets.exists()
    assert not _engines_of(home)
    assert {path.name for path in home.iterdir()} == {
        "engines.lock",
        "postgres",
        "postgres.log",
        "valkey.log",
    }

    with Engines.start(home) as engines:
        assert not engines.fresh
        assert _scalar(engines.owner_database_url, "SELECT n FROM kept") == 7


def test_the_two_roles_are_plain_and_the_owner_owns_the_database(home: Path) -> None:
    with Engines.start(home, valkey=False) as engines:
        assert (
            _scalar(engines.database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            is False
        )
        assert (
            _scalar(engines.owner_database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            is False
        )
        owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        assert _scalar(engines.database_url, owner) == "concordat_owner"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _scalar(engines.database_url, "CREATE TABLE of_our_own ()")


def test_one_starter_per_data_folder_others_attach(home: Path) -> None:
    assert Engines.attach(home) is None
    with Engines.start(home) as engines:
        with pytest.raises(EnginesBusy, match=rf"{os.getpid()}.*CONCORDAT_HOME"):
            Engines.start(home)
        attached = Engines.attach(home)
        assert attached is not None
        assert attached.environment() == engines.environment()
        attached.stop()
        assert _scalar(engines.database_url, "SELECT 1") == 1
    assert Engines.attach(home) is None


def test_a_throwaway_folder_begins_empty_and_is_removed(home: Path) -> None:
    home.mkdir()
    (home / "left over").touch()
    with Engines.start(home, postgres=False, empty=True, throwaway=True):
        assert not (home / "left over").exists()
    assert not home.exists()


_STARTER = """
import sys, time
from pathlib import Path
from annotation.config.embedded import Engines
engines = Engines.start(Path(sys.argv[1]), throwaway=len(sys.argv) > 2)
print(engines.sockets, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("throwaway", [False, True])
def test_nothing_outlives_a_killed_starter(home: Path, throwaway: bool) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(home), *(["throwaway"] if throwaway else [])],
        cwd=local.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    sockets = Path(starter.stdout.readline().strip())
    assert sockets.is_dir()
    assert len(_engines_of(home)) > 1
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert _eventually(lambda: not _engines_of(home)), _engines_of(home)
    assert _eventually(lambda: not sockets.exists() and not (home / "engines.json").exists())
    assert home.exists() is not throwaway
    if not throwaway:
        Engines.start(home).stop()


def test_engines_whose_watchdog_was_killed_too_are_stopped_by_the_next_start(home: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(home)], cwd=local.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    sockets = Path(starter.stdout.readline().strip())
    everybody = _engines_of(home)
    for pid in everybody:
        if b"concordat-watchdog" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert _scalar(f"postgresql://postgres@/postgres?host={sockets}", "SELECT 1") == 1  # it still runs
    with Engines.start(home) as engines:
        assert not sockets.exists()
        assert _scalar(engines.database_url, "SELECT 1") == 1
        assert not set(everybody) & set(_engines_of(home))
    assert not _engines_of(home)


def test_missing_programs_are_named_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORDAT_PG_BIN", "/nowhere")
    with pytest.raises(EngineError, match="CONCORDAT_PG_BIN: there is no working postgres"):
        Engines.start(home)
    monkeypatch.delenv("CONCORDAT_PG_BIN")
    monkeypatch.setenv("CONCORDAT_REDIS_SERVER", "/nowhere")
    with pytest.raises(EngineError, match="CONCORDAT_REDIS_SERVER"):
        Engines.start(home)
    assert not _engines_of(home)


def test_data_of_another_major_version_are_refused_politely(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EngineError, match=r"made by PostgreSQL 9, found is \d+.*CONCORDAT_PG_BIN"):
        Engines.start(home, valkey=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for PostgreSQL")
def test_root_without_user_namespaces_runs_postgresql_as_nobody_even_in_a_closed_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parent.chmod(0o700)
    with Engines.start(home, valkey=False):  # made by root; taken over below
        pass
    monkeypatch.setattr("annotation.config.binaries.NAMESPACES", ("false",))
    before = os.umask(0o077)
    try:
        with Engines.start(home, valkey=False) as engines:
            assert _scalar(engines.database_url, "SELECT 1") == 1
            assert (home / "postgres" / "PG_VERSION").stat().st_uid != 0
    finally:
        os.umask(before)
    monkeypatch.setattr("annotation.config.binaries.OTHER_USER", ("false",))
    with pytest.raises(EngineError, match="Start as a plain user, or set DATABASE_URL"):
        Engines.start(home, valkey=False)
    assert not _engines_of(home)
    monkeypatch.undo()
    Engines.start(home, valkey=False).stop()


def test_a_stale_lock_file_whose_process_id_is_used_again_does_not_stop_the_next_start(home: Path) -> None:
    Engines.start(home, valkey=False).stop()
    other = subprocess.Popen(["sleep", "600"])
    try:
        (home / "postgres" / "postmaster.pid").write_text(
            f"{other.pid}\n{home}/postgres\n1\n5432\n/tmp\n\n1 1\n"
        )
        with Engines.start(home, valkey=False) as engines:
            assert _scalar(engines.database_url, "SELECT 1") == 1
    finally:
        other.kill()
        other.wait()
