"""One process over the others: engines, then migrations, then web, worker and beat; their logs in one terminal.

    python -m annotation.config.supervisor up|demo|manage ...

Whatever ends this process (Ctrl-C, SIGTERM, SIGKILL), nothing stays behind: children ask the kernel for a signal when their
parent dies, and the engines have a watchdog of their own.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from annotation.config.embedded import EngineError, Engines

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def fail(message: str) -> NoReturn:
    sys.exit(f"concordat: {message}")


def _home() -> Path:
    return Path(os.environ.get("CONCORDAT_HOME", ROOT / ".run")).absolute()


def _secret_key(home: Path) -> str:
    """A random key of this data folder, readable by its owner only."""
    path = home / "secret_key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(64))
    return path.read_text()


def prepare(home: Path) -> tuple[dict[str, str], Engines | None]:
    """The environment that every process runs in, and the engines if this machine has to provide them."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "annotation.config.settings", "PYTHONUNBUFFERED": "1"}
    external = "DATABASE_URL" in environment and "REDIS_URL" in environment
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not external:
            engines = Engines.start(home)
            for name, value in engines.environment().items():
                environment.setdefault(name, value)
            environment.setdefault("MODE", "local")
        else:
            engines = None
            environment.setdefault("OWNER_DATABASE_URL", environment["DATABASE_URL"])
        if environment.get("MODE") == "local":
            environment.setdefault("SECRET_KEY", _secret_key(home))
    except EngineError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{home} cannot be used: {error.strerror}. Set CONCORDAT_HOME to a folder of yours with free space.")
    environment["CONCORDAT_HOME"] = str(home)
    return environment, engines


def manage(environment: dict[str, str], *arguments: str, owner: bool = False, quiet: bool = False) -> int:
    """Run a management command, as the application's role or as the owner of the tables."""
    variables = {**environment, "CONCORDAT_DB_ROLE": "owner"} if owner else environment
    out = sys.stderr if quiet else None
    return subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], env=variables, stdout=out).returncode


_SCHEMA_COMMANDS = {"migrate", "grant_rights", "makemigrations", "sqlmigrate", "showmigrations"}


def migrate(environment: dict[str, str], home: Path) -> None:
    """Bring the schema up to date as the owner; skipped when this code already did it on this data folder."""
    stamp = home / "migrated"
    mark = environment["DATABASE_URL"] + "".join(
        sorted(f"{path.relative_to(ROOT)}:{path.stat().st_mtime_ns}\n" for path in ROOT.glob("*/migrations/*.py"))
    )
    if environment.get("CONCORDAT_ENGINES") == "embedded":
        mark = mark.replace(environment["DATABASE_URL"], "")
        if stamp.exists() and stamp.read_text() == mark:
            return
    for arguments in (("migrate", "--verbosity=0"), ("grant_rights",)):
        if manage(environment, *arguments, owner=True, quiet=True) != 0:
            fail("the database schema could not be brought up to date; see the lines above.")
    stamp.write_text(mark)


class Supervisor:
    """Starts the processes, passes their lines on with a prefix, and ends all when one of them ends."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.children: dict[str, subprocess.Popen[str]] = {}
        self.stopping = threading.Event()

    def start(self, name: str, command: Sequence[str]) -> None:
        child = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent,
            start_new_session=True,
        )  # fmt: skip
        self.children[name] = child
        threading.Thread(target=self._pass_on, args=(name, child), daemon=True).start()

    def _pass_on(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip():
                print(f"{name:<7}| {line.rstrip()}", file=sys.stderr, flush=True)

    def watch(self) -> int:
        """Wait until a signal or until a child ends; returns the exit status."""
        while not self.stopping.wait(0.2):
            for name, child in self.children.items():
                if child.poll() is not None:
                    print(f"concordat: {name} ended with status {child.returncode}; stopping.", file=sys.stderr)
                    return 1
        return 0

    def stop(self) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + 20
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(url: str, supervisor: Supervisor) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not supervisor.stopping.is_set():
        if any(child.poll() is not None for child in supervisor.children.values()):
            return False
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return True
        except OSError:
            time.sleep(0.1)
    return False


def serve(command: str, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"concordat {command}")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8765")), help="default: %(default)s")
    if command == "demo":
        parser.add_argument("--once", action="store_true", help="run the story, stop everything and exit")
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args(arguments)
    home = _home()
    if command == "demo":
        home = home / "demo" if "CONCORDAT_HOME" not in os.environ else home
    if not _free(options.port):
        fail(f"port {options.port} is in use. Choose another one: ./concordat {command} --port {options.port + 1}")
    environment, engines = prepare(home)
    url = f"http://127.0.0.1:{options.port}"
    environment["BIND"] = f"127.0.0.1:{options.port}"
    supervisor = Supervisor(environment)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    try:
        migrate(environment, home)
        python = sys.executable
        supervisor.start("web", [python, "-m", "gunicorn", "-c", "annotation/config/gunicorn.py", "annotation.config.wsgi"])
        celery = [python, "-m", "celery", "-A", "annotation.config.celery"]
        supervisor.start(
            "worker", [*celery, "worker", "--loglevel=WARNING", "--concurrency=1", "--without-gossip", "--without-mingle"]
        )
        supervisor.start("beat", [*celery, "beat", "--loglevel=WARNING", "--schedule", str(home / "beat"), "--pidfile="])
        if not _answers(url, supervisor):
            return 0 if supervisor.stopping.is_set() else 1
        if command == "demo":
            status = _story(supervisor, url, options)
            if options.once or status != 0:
                return status
        else:
            print(f"Concordat serves at {url}\nFirst owner: ./concordat manage create_owner NAME --project KEY", flush=True)
        print("Ctrl-C stops everything.", file=sys.stderr, flush=True)
        return supervisor.watch()
    finally:
        supervisor.stop()
        if engines is not None:
            engines.stop()


def _story(supervisor: Supervisor, url: str, options: argparse.Namespace) -> int:
    """Run the demo's story against the running web server; Ctrl-C ends it."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo_story", "--base-url", url, *(["--json"] if options.json else [])]
    story = subprocess.Popen(command, env=supervisor.environment, preexec_fn=_die_with_parent)
    while (status := story.poll()) is None:
        if supervisor.stopping.wait(0.2):
            story.terminate()
            story.wait()
            return 130
    return status


def main() -> int:
    command, arguments = sys.argv[1], sys.argv[2:]
    if command in ("up", "demo"):
        return serve(command, arguments)
    home = _home()
    if "CONCORDAT_HOME" not in os.environ and (home / "demo" / "engines.json").exists() and not (home / "engines.json").exists():
        home = home / "demo"
    environment, engines = prepare(home)
    try:
        schema = bool(arguments) and arguments[0] in _SCHEMA_COMMANDS
        if not schema and arguments and arguments[0] not in {"help", "check", "spectacular", "--help"}:
            migrate(environment, home)
        return manage(environment, *arguments, owner=schema)
    except KeyboardInterrupt:
        return 130
    finally:
        if engines is not None:
            engines.stop()


if __name__ == "__main__":
    sys.exit(main())
