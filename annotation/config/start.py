"""What `./concordat` hands over to: `up`, `demo`, `backup`, `restore` and `manage`, on the embedded engines or on those the
variables name.

python -m annotation.config.start up|demo|backup|restore|manage ...
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

from annotation.config import env, local
from annotation.config.embedded import PATIENCE, EngineError, Engines, EnginesBusy
from annotation.config.supervisor import Supervisor, say

# Commands that change or compare the schema run as its owner.
AS_OWNER = {
    *("backup", "dbshell", "grant_rights", "makemigrations", "migrate", "restore"),
    *("pgtrigger", "showmigrations", "sqlmigrate", "squashmigrations"),
}
# Commands that need no tables.
WITHOUT_SCHEMA = {
    *("check", "collectstatic", "compilemessages", "diffsettings"),
    *("help", "makemessages", "spectacular", "version"),
}


@contextmanager
def engines(
    home: Path, *, demo: bool = False, share: bool = False
) -> Iterator[tuple[dict[str, str], Engines]]:
    """The variables of processes that work on this data folder, with the engines, up for as long as needed.

    `demo`: its story starts from the beginning, and nothing of it stays behind.
    `share`: use the engines of another process where it runs them, and let others use ours to their end.
    """
    with _shared(home) if share else _started(home, demo=demo) as running:
        offered = running.environment()
        if not local.needs_postgres():
            for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "CONCORDAT_ENGINES"):
                del offered[name]
        if running.fresh:
            (home / "migrated").unlink(missing_ok=True)
        yield local.environment(home, offered), running
        if share:
            running.wait_for_guests()


def _started(home: Path, *, demo: bool = False) -> Engines:
    return Engines.start(
        home, postgres=local.needs_postgres(), valkey=local.needs_redis(), empty=demo, throwaway=demo
    )


def _shared(home: Path) -> Engines:
    """Attach or start, whichever works first: another process may be starting or stopping its engines just now."""
    deadline = time.monotonic() + PATIENCE
    while True:
        running = Engines.attach(home)
        if running is not None:
            return running
        try:
            return _started(home)
        except EnginesBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def serve(command: str, arguments: list[str]) -> int:
    """Engines, schema, then web, worker and beat, until Ctrl-C; `demo` also runs its story."""
    options = _options(command, arguments)
    if not _is_free(options.port):
        raise local.Failure(
            f"Port {options.port} is in use. Choose another one: ./concordat {command} --port {options.port + 1}"
        )
    os.umask(0o077)  # whatever these processes write is for their user alone
    demo = command == "demo"
    home = local.home() / "demo" if demo else local.home()
    with engines(home, demo=demo) as (variables, running):
        variables["BIND"] = f"127.0.0.1:{options.port}"
        local.migrate(home, variables)
        (home / "static").mkdir(exist_ok=True)
        with Supervisor(variables) as supervisor:
            return _serve(supervisor, home, running, options, demo=demo)


def _serve(
    supervisor: Supervisor, home: Path, running: Engines, options: argparse.Namespace, *, demo: bool
) -> int:
    python, url = sys.executable, f"http://127.0.0.1:{options.port}"
    supervisor.start("web", [python, "-m", "gunicorn", "--config", "annotation/config/gunicorn.py"])
    celery = [python, "-m", "celery", "--quiet", "-A", "annotation.config.celery"]
    supervisor.start("worker", [*celery, "worker", "--concurrency=1", "--without-gossip", "--without-mingle"])
    supervisor.start("beat", [*celery, "beat", f"--schedule={home / 'beat'}", "--pidfile="])
    if not supervisor.answers(f"{url}/healthz"):
        if supervisor.stopping.is_set():
            return 130
        raise local.Failure(f"{supervisor.ended() or 'web'} did not start; its lines above say why.")
    if demo:
        story = [python, str(local.ROOT / "manage.py"), "demo_story", "--base-url", url]
        status = supervisor.run([*story, "--json"] if options.json else story)
        if status != 0 or options.once:
            return status
    say(f"Concordat serves at {url}")
    if not demo:
        say("The first owner is made in another terminal: ./concordat manage create_owner NAME --project KEY")
    say("Ctrl-C stops everything.")
    return supervisor.watch(running.ended)


def manage(arguments: list[str]) -> int:
    """Run a management command on the engines of a running `up` or `demo`, else on engines started for it."""
    home = local.home()
    if _runs(home / "demo") and not _runs(home):
        home = home / "demo"
        say("using the running demo's database")
    command = arguments[0] if arguments else "help"
    with engines(home, share=True) as (variables, _):
        if command not in AS_OWNER | WITHOUT_SCHEMA and not command.startswith("-"):
            local.migrate(home, variables)
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the command's; we wait for its end
        return local.manage(variables, *arguments, owner=command in AS_OWNER)


def _options(command: str, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"concordat {command}")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", 8765), help="default: %(default)s")
    if command == "demo":
        parser.add_argument("--once", action="store_true", help="run the story, stop everything and exit")
        parser.add_argument("--json", action="store_true", help="print the figures as JSON, on the last line")
    return parser.parse_args(arguments)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def _read_addresses() -> None:
    """Take addresses out of the files that name them: they decide which engines are started."""
    for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"):
        said = env.raw(name)
        if said is not None:
            os.environ[name] = said
            os.environ.pop(f"{name}_FILE", None)


def _runs(home: Path) -> bool:
    running = Engines.attach(home)
    if running is not None:
        running.stop()
    return running is not None


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    command, rest = arguments[0], arguments[1:]
    # The script went to the project's folder; relative paths are the caller's.
    os.chdir(os.environ.pop("CONCORDAT_CALLED_FROM", os.getcwd()))
    try:
        _read_addresses()
        if command in ("backup", "restore"):
            return manage(arguments)
        return manage(rest) if command == "manage" else serve(command, rest)
    except KeyboardInterrupt:
        return 130
    except (local.Failure, EngineError, ImproperlyConfigured) as error:
        say(str(error))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        say(
            f"{error.strerror or error}{where}. The data folder {local.home()} must be yours and have free space; "
            "CONCORDAT_HOME names another one."
        )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
