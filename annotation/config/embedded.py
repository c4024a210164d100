"""The embedded engines: a real PostgreSQL and a real Valkey, over Unix sockets, for one data folder.

`Engines.start(home)` makes the data folder on first use, starts both servers and creates the two roles;
`Engines.attach(home)` uses those that another process runs there. Whatever ends the starting process, a watchdog
stops the servers.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg

from annotation.config import processes
from annotation.config.binaries import EngineError, Launcher, launcher, redis_program

__all__ = ["APP", "DATABASE", "OWNER", "EngineError", "Engines", "EnginesBusy", "create_roles"]

DATABASE = "concordat"
OWNER, APP = "concordat_owner", "concordat_app"
LONGEST_SOCKET_FOLDER = 80  # bytes; a socket's whole path must stay under about 100
_LOCK, _GUESTS = "engines.lock", "guests.lock"
_LOGS = {"PostgreSQL": "postgres.log", "Valkey": "valkey.log"}
_VALKEY_SOCKET = "redis.sock"
PATIENCE = 60.0  # seconds for a start or a stop; recovery after a crash takes its time

_SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EnginesBusy(EngineError):
    """Another process holds the data folder."""


@dataclass
class _Engine:
    """One server, and the signal that stops it."""

    name: str
    stop: signal.Signals
    child: subprocess.Popen[bytes]


@dataclass
class Engines:
    """The engines of one data folder; `owned` is false for those of another process."""

    home: Path
    sockets: Path
    owned: bool
    throwaway: bool = False
    fresh: bool = False  # whether this start made the database
    _running: list[_Engine] = field(default_factory=list)
    _watchdog: processes.Watchdog | None = None
    _lock: IO[str] | None = None
    _guests: IO[str] | None = None

    def _url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}@{quote(str(self.sockets), safe='')}/{database}"

    @property
    def database_url(self) -> str:
        """As the application's role."""
        return self._url(APP)

    @property
    def owner_database_url(self) -> str:
        """As the role that owns the tables and migrates."""
        return self._url(OWNER)

    @property
    def admin_database_url(self) -> str:
        """As the superuser, in the maintenance database."""
        return self._url("postgres", "postgres")

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets}/{_VALKEY_SOCKET}"

    def environment(self) -> dict[str, str]:
        """The variables that the settings read."""
        return {
            "DATABASE_URL": self.database_url,
            "OWNER_DATABASE_URL": self.owner_database_url,
            "REDIS_URL": self.redis_url,
            "CONCORDAT_ENGINES": "embedded",
        }

    def __enter__(self) -> Engines:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @classmethod
    def start(
        cls,
        home: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        empty: bool = False,
        throwaway: bool = False,
    ) -> Engines:
        """Start the engines of this data folder and return when they answer.

        `empty`: remove first what the folder holds. `throwaway`: remove the folder when the engines stop.
        Raises `EnginesBusy` when another process holds the folder, `EngineError` when they cannot run.
        """
        home = home.absolute()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(home)
        try:
            _clear_leftovers(home)
            if empty:
                processes.remove(*(path for path in home.iterdir() if path.name != _LOCK))
            sockets = _socket_folder()
            engines = cls(home=home, sockets=sockets, owned=True, throwaway=throwaway, _lock=lock)
            engines._watchdog = processes.Watchdog(remove=[sockets, home if throwaway else _record(home)])
        except BaseException:
            lock.close()
            raise
        try:
            if postgres:
                engines._start_postgres(launcher())
            if valkey:
                engines._start_valkey()
            engines._wait()
            if postgres:
                create_roles(engines.admin_database_url)
            _record(home).write_text(
                json.dumps(
                    {
                        "pid": os.getpid(),
                        "sockets": str(sockets),
                        "engines": [engine.child.pid for engine in engines._running],
                    }
                )
            )
        except BaseException:
            engines.stop()
            raise
        return engines

    @classmethod
    def attach(cls, home: Path) -> Engines | None:
        """The engines that another process runs for this folder, if they answer and are not about to stop; else None.

        `stop` lets go of them; until then, a starter that calls `wait_for_guests` keeps them up.
        """
        home = home.absolute()
        if not _record(home).exists():
            return None
        guests = (home / _GUESTS).open("a")
        try:
            fcntl.flock(guests, fcntl.LOCK_SH | fcntl.LOCK_NB)
            sockets = Path(json.loads(_record(home).read_text())["sockets"])
            engines = cls(home=home, sockets=sockets, owned=False, _guests=guests)
            psycopg.connect(engines.admin_database_url, connect_timeout=2).close()
        except (OSError, ValueError, KeyError, psycopg.OperationalError):
            guests.close()
            return None
        return engines

    def wait_for_guests(self) -> None:
        """Wait until the processes that attached to these engines are done with them; let no more attach."""
        if self.owned and self._guests is None:
            self._guests = (self.home / _GUESTS).open("a")
            fcntl.flock(self._guests, fcntl.LOCK_EX)

    def _start_postgres(self, programs: Launcher) -> None:
        programs.own(self.sockets)
        data = self.home / "postgres"
        if not (data / "PG_VERSION").exists():
            self._initialise(programs, data)
        made_by, found = int((data / "PG_VERSION").read_text()), programs.major()
        if made_by != found:
            raise EngineError(
                f"{data} was made by PostgreSQL {made_by}, found is {found}. Dump it with the old one and restore it "
                "with the new, or let CONCORDAT_PG_BIN name the folder of the old one's programs."
            )
        programs.own(data)
        _take_over(data)
        options = [part for name, value in _SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self._spawn(
            "PostgreSQL",
            programs.command("postgres", "-D", str(data), "-k", str(self.sockets), *options),
            signal.SIGINT,  # "fast": no new sessions, running transactions are rolled back
        )

    def _initialise(self, programs: Launcher, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)  # the remains of a first start that was cut short
        data.mkdir(mode=0o700)
        programs.own(data)
        # The built-in locale sorts alike on every machine; before 17 there is only C.
        locale = (
            ["--locale-provider=builtin", "--locale=C.UTF-8"] if programs.major() >= 17 else ["--no-locale"]
        )
        done = programs.run(
            "initdb",
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-instructions",
            *locale,
        )
        if done.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise EngineError(f"The database folder {data} could not be made: {done.stderr.strip()}")
        self.fresh = True

    def _start_valkey(self) -> None:
        self._spawn(
            "Valkey",
            [str(redis_program()), "--port", "0", "--unixsocket", f"{self.sockets}/{_VALKEY_SOCKET}",
             "--unixsocketperm", "700", "--databases", "64", "--save", "", "--appendonly", "no",
             "--dir", str(self.sockets), "--daemonize", "no"],
            signal.SIGTERM,
        )  # fmt: skip

    def _spawn(self, name: str, command: list[str], stop: signal.Signals) -> None:
        with self._log(name).open("wb") as out:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd="/",
            )
        assert self._watchdog is not None
        self._watchdog.watch(child, stop)
        self._running.append(_Engine(name, stop, child))

    def _wait(self) -> None:
        """Wait until every engine answers."""
        names = {engine.name for engine in self._running}
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for engine in self._running:
                if engine.child.poll() is not None:
                    raise EngineError(f"{engine.name} stopped at once: {self._last_words(engine.name)}")
            with contextlib.suppress(psycopg.OperationalError):
                if "PostgreSQL" in names:
                    psycopg.connect(self.admin_database_url, connect_timeout=2).close()
                if "Valkey" not in names or (self.sockets / _VALKEY_SOCKET).exists():
                    return
            time.sleep(0.02)
        raise EngineError(
            f"The engines did not answer within {PATIENCE:.0f} s: {' / '.join(map(self._last_words, names))}"
        )

    def _log(self, name: str) -> Path:
        return self.home / _LOGS[name]

    def _last_words(self, name: str) -> str:
        """The end of an engine's log."""
        lines = self._log(name).read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or f"its log {self._log(name)} is empty"

    def ended(self) -> str | None:
        """What is to be said when an engine of ours is gone."""
        for engine in self._running:
            if engine.child.poll() is not None:
                return f"{engine.name} {processes.fate(engine.child)}: {self._last_words(engine.name)}"
        return None

    def stop(self) -> None:
        """Stop what this process started; another process's engines are left alone. Harmless to repeat."""
        for engine in self._running:
            if engine.child.poll() is None:
                engine.child.send_signal(engine.stop)
        for engine in self._running:
            processes.wait(engine.child, patience=PATIENCE)
        self._running.clear()
        if self._watchdog is not None:
            processes.remove(self.sockets, self.home if self.throwaway else _record(self.home))
            self._watchdog.dismiss()
            self._watchdog = None
        for held in (self._guests, self._lock):
            if held is not None:
                held.close()
        self._guests = self._lock = None


def _record(home: Path) -> Path:
    return home / "engines.json"


def _lock(home: Path) -> IO[str]:
    """The right to run engines on this folder, held until the file is closed."""
    lock = (home / _LOCK).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise EnginesBusy(
            f"Another process (id {holder}) uses {home}. Stop it first, or set CONCORDAT_HOME to another folder."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _clear_leftovers(home: Path) -> None:
    """Stop engines whose starter and watchdog were both killed, and remove their sockets; we hold the lock."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        left = json.loads(_record(home).read_text())
        for pid in left["engines"]:
            if (
                processes.is_alive(pid)
                and str(left["sockets"]).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
            ):
                os.kill(pid, signal.SIGINT)
                deadline = time.monotonic() + PATIENCE
                while processes.is_alive(pid) and time.monotonic() < deadline:
                    time.sleep(0.05)
        processes.remove(Path(left["sockets"]))
    processes.remove(_record(home))


def _working_in(folder: Path) -> list[int]:
    """The processes whose current folder this is, as it is for every process of a PostgreSQL on these data."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.samefile(folder):
                found.append(int(link.parts[2]))
    return found


def _take_over(data: Path) -> None:
    """Make way for a PostgreSQL where one before it was killed; we hold the data folder.

    Its sessions end by themselves, but not at once, and keep the next one out. The process id in its lock file may be
    another process's by now, which the next one would take for it.
    """
    lock = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        predecessor = int(lock.read_text().split()[0])
        deadline = time.monotonic() + PATIENCE
        while (left := _working_in(data)) and predecessor not in left and time.monotonic() < deadline:
            time.sleep(0.05)
        if not left and processes.is_alive(predecessor):
            lock.unlink()


def _socket_folder() -> Path:
    """A fresh private folder with a short path."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if (
            parent
            and os.access(parent, os.W_OK | os.X_OK)
            and len(os.fsencode(parent)) + 20 < LONGEST_SOCKET_FOLDER
        ):
            return Path(tempfile.mkdtemp(prefix="concordat-", dir=parent))
    raise EngineError(
        "No writable folder with a short path for the sockets. Set TMPDIR to one, such as /tmp."
    )


def create_roles(admin_url: str, *, database: str = DATABASE) -> None:
    """The owner, who migrates, the application's role, and the database. Harmless to repeat.

    The application's role owns nothing; `grant_rights` gives it what it needs after each migration.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role in (OWNER, APP):
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                admin.execute(f"CREATE ROLE {role} LOGIN")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            admin.execute(f'CREATE DATABASE "{database}" OWNER {OWNER} TEMPLATE template0')
