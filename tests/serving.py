"""A real gunicorn for tests over HTTP, on a free port of this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from typing import IO

from annotation.config import local, processes


@dataclass
class Site:
    """`url` has no slash at its end."""

    url: str
    process: subprocess.Popen[bytes]
    _watchdog: processes.Watchdog
    _log: IO[bytes]

    @classmethod
    def start(cls, variables: dict[str, str], *, workers: int = 2, threads: int = 8) -> Site:
        """Start a server with these variables and return when it answers."""
        listener = socket.create_server(("127.0.0.1", 0))
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "annotation/config/gunicorn.py"],
            cwd=local.ROOT,
            env={
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                **variables,
                "BIND": f"fd://{listener.fileno()}",
                "WEB_WORKERS": str(workers),
                "WEB_THREADS": str(threads),
            },
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watchdog = processes.Watchdog()
        watchdog.watch(process, signal.SIGTERM)
        site = cls(f"http://127.0.0.1:{listener.getsockname()[1]}", process, watchdog, log)
        listener.close()  # the server has its own copy; were it to die, nobody must seem to listen
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{site.url}/healthz", timeout=5).close()
                return site
            except OSError:
                time.sleep(0.05)
        lines = site.lines()
        site.stop()
        raise RuntimeError(f"the test server did not start:\n{lines}")

    def lines(self) -> str:
        """What the server has printed so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        processes.stop(self.process, signal.SIGTERM, patience=10)
        processes.kill_group(self.process.pid)
        self._watchdog.dismiss()
        self._log.close()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
