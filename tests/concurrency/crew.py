"""Many processes of one program, forked from one that has Django loaded: to load it in each takes longer than their work.

    python -m tests.concurrency.crew MODULE FOLDER < [[argument, ...], ...]

Each process calls `work` of the module with its arguments and writes what that prints to a file of the folder. Their ids are
printed in one line before the first begins, their exit statuses when the last has ended.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Crew:
    """The processes at work, in the order of their arguments."""

    forker: subprocess.Popen[str]
    folder: Path
    pids: list[int]

    @classmethod
    def start(cls, module: str, calls: Sequence[Sequence[int]], folder: Path) -> Crew:
        """Returns when all of them are there."""
        forker = subprocess.Popen(
            [sys.executable, "-m", "tests.concurrency.crew", module, str(folder)],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_POOL_SIZE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert forker.stdin is not None
        assert forker.stdout is not None
        print(json.dumps(calls), file=forker.stdin, flush=True)
        return cls(forker, folder, json.loads(forker.stdout.readline()))

    def alive(self) -> list[int]:
        return [pid for pid in self.pids if Path(f"/proc/{pid}").exists()]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def join(self, *, patience: float) -> tuple[list[int], list[dict[str, Any]]]:
        """Their exit statuses and all lines that they finished; raises `TimeoutExpired` after *patience* seconds."""
        out, _ = self.forker.communicate(timeout=patience)
        told = "".join(_path(self.folder, number).read_text() for number in range(len(self.pids)))
        return json.loads(out), [json.loads(line) for line in told.splitlines() if line.endswith("}")]


def _path(folder: Path, number: int) -> Path:
    return folder / f"told-{number}"


def _fork(module: Any, arguments: Sequence[int], into: Path, gate: int) -> int:
    """A child that begins when there is a byte for it at the gate, and ends without any of the parent's clearing up."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.read(gate, 1)
        sys.stdout = into.open("w")
        module.work(*arguments)
        sys.stdout.flush()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main(name: str, folder: Path) -> None:
    import django

    django.setup()
    module = importlib.import_module(name)
    calls = json.loads(sys.stdin.readline())
    gate, opener = os.pipe()
    pids = []
    for number, arguments in enumerate(calls):
        _path(folder, number).touch()
        pids.append(_fork(module, arguments, _path(folder, number), gate))
    print(json.dumps(pids), flush=True)
    os.write(opener, b"." * len(pids))
    ended = dict(os.wait() for _ in pids)  # as they end: a dead one that waits for its turn would look alive
    print(json.dumps([os.waitstatus_to_exitcode(ended[pid]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
