"""What a benchmark or a chaos test stands on: its own engines and, on them, a migrated database as in production."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from annotation.config.embedded import Engines

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def engines() -> Iterator[dict[str, str]]:
    """Engines of their own, gone afterwards; yields the environment of a process that uses them."""
    with tempfile.TemporaryDirectory() as folder, Engines.start(Path(folder)) as started:
        yield migrated(started, Path(folder))


def migrated(engines: Engines, folder: Path) -> dict[str, str]:
    """Migrate a fresh database as the owner and grant the application its rights; the environment of who uses it."""
    environment = {
        **os.environ,
        **engines.environment(),
        "CONCORDAT_HOME": str(folder),
        "CONCORDAT_MODE": "local",
        "CONCORDAT_EMBEDDED": "allow",
        "DJANGO_SETTINGS_MODULE": "annotation.config.settings",
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
    }
    (folder / "static").mkdir(exist_ok=True)
    owner = {**environment, "CONCORDAT_DB_ROLE": "owner"}
    for arguments in (["migrate", "--verbosity=0"], ["grant_rights"]):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=owner,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return environment


def run(environment: dict[str, str], program: str, *arguments: object) -> str:
    """Run a Python program in the environment; returns the last line that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.splitlines()[-1]
