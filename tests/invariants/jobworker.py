"""Runs background jobs in processes of their own, on any database, and kills them where it is asked to.

    python -m tests.invariants.jobworker

Each line of its input is `{"database", "runs": [{"job", "arguments", "kill_at"}]}`. The runs of a line go at the same time, each
in a fork of this process, which has Django loaded and no connection open. With `kill_at` n, a run gets SIGKILL before the n-th
thing it asks of the database (statements and commits count). The answer is a line `{"ended": [[status, number asked], ...]}`. A
job called `scene` sets the scene, and its answer carries what the jobs are called with.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import django


class Course:
    """How far a run has come, counted where its process meets the database."""

    def __init__(self, kill_at: int | None) -> None:
        self.n, self.kill_at = 0, kill_at

    def step(self) -> None:
        self.n += 1
        if self.n == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        import psycopg

        def counted(method: Any) -> Any:
            def asked(*arguments: Any, **named: Any) -> Any:
                self.step()
                return method(*arguments, **named)

            return asked

        for owner, name in (
            (psycopg.Cursor, "execute"),
            (psycopg.Cursor, "executemany"),
            (psycopg.Cursor, "copy"),
            (psycopg.Connection, "commit"),
        ):
            setattr(owner, name, counted(getattr(owner, name)))


def run(database: str, asked: dict[str, Any], line: int) -> None:
    """In the child: do the work, say on *line* how it went, and end without any of the parent's clearing up."""
    status, course, told = 1, Course(asked.get("kill_at")), {}
    try:
        from django.db import connections

        connections.settings["default"]["NAME"] = database
        if asked["job"] == "scene":
            from tests.invariants import scene

            told = scene.build()
        else:
            from annotation.config.celery import app

            course.watch()
            app.tasks[asked["job"]](*asked["arguments"])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os.write(line, json.dumps([status, course.n, told]).encode())
        os._exit(status)


def main() -> None:
    django.setup()
    from annotation.config.celery import app

    app.loader.import_default_modules()
    for request in sys.stdin:
        asked = json.loads(request)
        started = []
        for one in asked["runs"]:
            out, into = os.pipe()
            child = os.fork()
            if child == 0:
                run(asked["database"], one, into)
            os.close(into)
            started.append((child, out))
        ended = []
        for child, out in started:
            with os.fdopen(out, "rb") as told:
                words = told.read()
            os.waitpid(child, 0)
            ended.append(json.loads(words) if words else [-signal.SIGKILL, 0, {}])
        print(json.dumps({"ended": ended}), flush=True)


if __name__ == "__main__":
    main()
