"""A guideline is read by a process of its own, which can be watched, stopped and bounded: a hostile document takes its time.

    python -m specs.reading FILE NAME CHARACTERS CLAUSES MEMORY

writes the proposed clauses as JSON on its standard output, and on its error stream a line for each step: `{"step", "done",
"total"}`. Pure: it knows no Django, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from specs import guideline
from specs.documents import Remark, Unreadable
from specs.guideline import Guideline, Proposed
from specs.wording import _, number

Said = Callable[[str, int, int | None], None]
"""Told what is being done, and how far it is: step, done, total."""

ROOT = Path(__file__).resolve().parent.parent
_PAUSE = 0.2


def read(
    path: Path,
    name: str,
    *,
    max_characters: int,
    max_clauses: int,
    seconds: float,
    memory: int,
    said: Said,
) -> Guideline:
    """The clauses proposed from the file at *path*, called *name*. Raises `Unreadable`.

    *said* is called several times a second; what it raises stops the reading. *seconds* and *memory* (bytes) bound it.
    """
    limits = [str(path), name, str(max_characters), str(max_clauses), str(memory)]
    with tempfile.TemporaryFile() as found:
        with subprocess.Popen(
            [sys.executable, "-m", "specs.reading", *limits],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=found,
            stderr=subprocess.PIPE,
        ) as child:
            try:
                _watch(child, seconds, said)
            finally:
                child.kill()
        found.seek(0)
        return _result(child.returncode, found)


def _watch(child: subprocess.Popen[bytes], seconds: float, said: Said) -> None:
    assert child.stderr is not None
    os.set_blocking(child.stderr.fileno(), False)
    until = time.monotonic() + seconds
    step: tuple[str, int, int | None] = ("reading", 0, None)
    told = b""
    while True:
        over = child.poll() is not None  # asked first: what it wrote before its end is read below
        *lines, told = (told + (child.stderr.read() or b"")).split(b"\n")
        for line in lines:
            if line.startswith(b"{") and line.endswith(b"}"):
                at = json.loads(line)
                step = (at["step"], at["done"], at["total"])
        said(*step)
        if over:
            return
        if time.monotonic() > until:
            raise Unreadable(
                _("Reading takes longer than %(seconds)s seconds; bring the document in in parts.")
                % {"seconds": number(seconds, 0)}
            )
        time.sleep(_PAUSE)


def _result(code: int, found: BinaryIO) -> Guideline:
    try:
        content = json.loads(found.read())
    except ValueError:
        raise Unreadable(
            _(
                "Reading this document broke off (code %(code)s): it is damaged, or takes more memory than "
                "it may."
            )
            % {"code": code}
        ) from None
    if "unreadable" in content:
        raise Unreadable(content["unreadable"])
    return Guideline(
        content["title"],
        [Proposed(**clause) for clause in content["clauses"]],
        [Remark(**remark) for remark in content["remarks"]],
    )


def main(path: str, name: str, max_characters: int, max_clauses: int, memory: int) -> None:
    """What the process does."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    def said(step: str, done: int, total: int | None) -> None:
        print(json.dumps({"step": step, "done": done, "total": total}), file=sys.stderr, flush=True)

    try:
        found = guideline.propose(
            Path(path).read_bytes(), name, max_characters=max_characters, max_clauses=max_clauses, said=said
        )
        print(json.dumps(asdict(found)))
    except Unreadable as error:
        print(json.dumps({"unreadable": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(number) for number in sys.argv[3:6]))
