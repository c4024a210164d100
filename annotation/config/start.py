"""What `./concordat` hands over to: `up`, `demo` and `manage`, on the embedded engines or on those the variables name.

    python -m annotation.config.start up|demo|manage ...
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from annotation.config import local
from annotation.config.embedded import EngineError, Engines, EnginesBusy
from annotation.config.supervisor import Supervisor

# Commands that change or compare the schema run as its owner.
AS_OWNER = {"migrate", "grant_rights", "makemigrations", "showmigrations", "sqlmigrate", "squashmigrations", "dbshell"}
# Commands that need no tables.
WITHOUT_SCHEMA = {"help", "check", "version", "diffsettings", "makemessages", "compilemessages", "collectstatic", "spectacular"}


@contextmanager
def engines(home: Path, *, throwaway: bool = False, share: bool = False) -> Iterator[dict[str, str]]:
    """The variables of processes that work on this data folder, with the engines up for as long as needed.

    `share`: use the engines of another process where it runs them.
    """
    running = Engines.attach(home) if share else None
    if running is None:
        running = Engines.start(home, postgres=local.needs_postgres(), valkey=local.needs_redis(), throwaway=throwaway)
    with running:
        offered = running.environment()
        if not local.needs_postgres():
            for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "CONCORDAT_ENGINES"):
                del offered[name]
        if running.fresh:
            (home / "migrated").unlink(missing_ok=True)
        yield local.environment(home, offered)


def serve(command: str, arguments: list[str]) -> int:
    """Engines, schema, then web, worker and beat, until Ctrl-C; `demo` also runs its story."""
    options = _options(command, arguments)
    if not _is_free(options.port):
        raise local.Failure(f"Port {options.port} is in use. Choose another one: ./concordat {command} --port {options.port + 1}")
    home, demo = local.home(), command == "demo"
    if demo:
        home = home / "demo"
        _empty(home)
    with engines(home, throwaway=demo) as variables:
        variables["BIND"] = f"127.0.0.1:{options.port}"
        local.migrate(home, variables)
        (home / "static").mkdir(exist_ok=True)
        with Supervisor(variables) as supervisor:
            return _serve(supervisor, home, options, demo=demo)


def _serve(supervisor: Supervisor, home: Path, options: argparse.Namespace, *, demo: bool) -> int:
    python, url = sys.executable, f"http://127.0.0.1:{options.port}"
    supervisor.start("web", [python, "-m", "gunicorn", "--config", "annotation/config/gunicorn.py"])
    if not supervisor.answers(f"{url}/healthz"):
        if supervisor.stopping.is_set():
            return 130
        raise local.Failure("The web process did not start; its lines above say why.")
    celery = [python, "-m", "celery", "--quiet", "-A", "annotation.config.celery"]
    supervisor.start("worker", [*celery, "worker", "--concurrency=1", "--without-gossip", "--without-mingle", "--loglevel=INFO"])
    supervisor.start("beat", [*celery, "beat", f"--schedule={home / 'beat'}", "--pidfile=", "--loglevel=WARNING"])
    if demo:
        status = supervisor.run(
            [python, str(local.ROOT / "manage.py"), "demo_story", "--base-url", url, *(["--json"] if options.json else [])]
        )
        if status != 0 or options.once:
            return status
    _say(f"Concordat serves at {url}")
    if not demo:
        _say("The first owner, from another terminal: ./concordat manage create_owner")
    _say("Ctrl-C stops everything.")
    return supervisor.watch()


def manage(arguments: list[str]) -> int:
    """Run a management command; the engines of `up` or `demo` are used while these run, else started for this command."""
    home = local.home()
    if Engines.attach(home) is None and Engines.attach(home / "demo") is not None:
        home = home / "demo"
        _say("using the running demo's database")
    command = arguments[0] if arguments else "help"
    with engines(home, share=True) as variables:
        if command not in AS_OWNER | WITHOUT_SCHEMA and not command.startswith("-"):
            local.migrate(home, variables)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's; we stop the engines when it has ended
        return local.manage(variables, *arguments, owner=command in AS_OWNER)


def _options(command: str, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"concordat {command}")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT", 8765), help="default: %(default)s")
    if command == "demo":
        parser.add_argument("--once", action="store_true", help="run the story, stop everything and exit")
        parser.add_argument("--json", action="store_true", help="print the story's figures as one JSON object, as the last line")
    return parser.parse_args(arguments)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def _empty(home: Path) -> None:
    """The demo tells its story from the beginning: remove what a killed one left, unless it runs."""
    if Engines.attach(home) is not None:
        raise local.Failure("The demo runs already. Stop it first, or set CONCORDAT_HOME to another folder.")
    shutil.rmtree(home, ignore_errors=True)


def _say(text: str) -> None:
    print(f"concordat: {text}", file=sys.stderr, flush=True)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    command, rest = arguments[0], arguments[1:]
    # The script went to the project's folder; relative paths are the caller's.
    os.chdir(os.environ.pop("CONCORDAT_CALLED_FROM", os.getcwd()))
    try:
        return manage(rest) if command == "manage" else serve(command, rest)
    except KeyboardInterrupt:
        return 130
    except (local.Failure, EngineError, EnginesBusy) as error:
        _say(str(error))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _say(
            f"{error.strerror or error}{where}. The data folder {local.home()} must be yours and have free space; "
            "CONCORDAT_HOME names another one."
        )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
