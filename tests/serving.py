"""A real gunicorn for tests over HTTP, on a free port of this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from annotation.config import local, processes


@dataclass
class Site:
    """`url` has no slash at its end; it stays the same when the server is started anew."""

    url: str
    process: subprocess.Popen[bytes]
    _variables: dict[str, str]
    _watchdog: processes.Watchdog
    _log: IO[bytes]

    @classmethod
    def start(cls, variables: dict[str, str], *, workers: int = 2, threads: int = 8) -> Site:
        """Start a server with these variables and return when it answers."""
        variables = {**variables, "WEB_WORKERS": str(workers), "WEB_THREADS": str(threads)}
        log = tempfile.TemporaryFile()
        process, port = _serve(variables, log)
        watchdog = processes.Watchdog()
        watchdog.watch(process, signal.SIGTERM)
        site = cls(f"http://127.0.0.1:{port}", process, variables, watchdog, log)
        site._wait()
        return site

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Inside, nobody answers at the address; afterwards a new server does, as after a deploy."""
        self._end()
        self._watchdog.forget(self.process)
        try:
            yield
        finally:
            self.process, _ = _serve(self._variables, self._log, port=int(self.url.rpartition(":")[2]))
            self._watchdog.watch(self.process, signal.SIGTERM)
            self._wait()

    def lines(self) -> str:
        """What the server has printed so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        self._end()
        self._watchdog.dismiss()
        self._log.close()

    def _end(self) -> None:
        processes.stop(self.process, signal.SIGTERM, patience=10)
        processes.kill_group(self.process.pid)

    def _wait(self) -> None:
        """Return when it answers; if it does not, say what it printed."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        lines = self.lines()
        self.stop()
        raise RuntimeError(f"the test server did not start:\n{lines}")

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _serve(
    variables: dict[str, str], log: IO[bytes], *, port: int = 0
) -> tuple[subprocess.Popen[bytes], int]:
    """A server's process and its port, a free one unless it is named."""
    # The server has its own copy of the socket; were it to die, nobody must seem to listen.
    with socket.create_server(("127.0.0.1", port)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "annotation/config/gunicorn.py"],
            cwd=local.ROOT,
            env={
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                **variables,
                "BIND": f"fd://{listener.fileno()}",
            },
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return process, int(listener.getsockname()[1])
