"""One process over the others: what ends by itself is started again, what keeps ending is not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from annotation.config import local

_PROGRAM = """
import os, sys
from annotation.config.supervisor import Supervisor
with Supervisor(dict(os.environ)) as over:
    over.start("web", [sys.executable, "-c", sys.argv[1]])
    over.start("worker", [sys.executable, "-c", "import time; time.sleep(600)"])
    sys.exit(over.watch(lambda: "PostgreSQL is gone" if os.path.exists(sys.argv[2]) else None))
"""


@pytest.fixture
def gone(tmp_path: Path) -> Path:
    return tmp_path / "gone"


def _start(web: str, gone: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, web, str(gone)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=local.ROOT,
        env={**os.environ, "PYTHONPATH": str(local.ROOT)},
    )


def _children(process: subprocess.Popen[str], text: str) -> list[psutil.Process]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = []
        for child in psutil.Process(process.pid).children():
            with contextlib.suppress(psutil.Error):
                command = (
                    child.cmdline()
                )  # before it starts its program, a child has the command of its parent
                found += [child] if len(command) == 3 and text in command[-1] else []
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no child with {text}")


def test_a_killed_child_is_started_again_and_a_signal_ends_all(gone: Path) -> None:
    over = _start("import time; time.sleep(601)", gone)
    first = _children(over, "601")[0]
    first.kill()
    deadline = time.monotonic() + 20
    while (second := _children(over, "601")[0]).pid == first.pid:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    others = psutil.Process(over.pid).children(recursive=True)
    over.send_signal(signal.SIGTERM)
    _, said = over.communicate(timeout=30)
    assert over.returncode == 0
    assert "web was killed by SIGKILL; starting it again." in said
    assert second in others
    assert not [child for child in others if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_child_that_keeps_ending_stops_everything(gone: Path) -> None:
    over = _start("raise SystemExit(7)", gone)
    _, said = over.communicate(timeout=60)
    assert over.returncode == 1
    assert "web ended 5 times in 60 s; at last it ended with status 7; stopping." in said


def test_an_engine_that_is_gone_stops_everything(gone: Path) -> None:
    over = _start("import time; time.sleep(602)", gone)
    _children(over, "602")
    gone.touch()
    _, said = over.communicate(timeout=30)
    assert over.returncode == 1
    assert "PostgreSQL is gone; stopping." in said
