"""One machine: its data folder, the secret key in it, the variables every process runs with, and the schema."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from annotation.config import processes

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_HOME = ROOT / ".run"


class Failure(Exception):
    """What stops a command of the start script; the message says what to do."""


def home() -> Path:
    return Path(os.environ.get("CONCORDAT_HOME", DEFAULT_HOME)).absolute()


def secret_key(folder: Path) -> str:
    """The random key of this data folder, made on first use and readable by its owner only."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder)  # mode 0600
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)  # whole or not at all, and the first of two processes wins
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text()


def environment(folder: Path, engines: dict[str, str]) -> dict[str, str]:
    """The variables for our processes: the caller's own first, then those of the engines that we run."""
    variables = {
        **engines,
        "CONCORDAT_MODE": "local",
        "DJANGO_SETTINGS_MODULE": "annotation.config.settings",
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        "CONCORDAT_HOME": str(folder),
    }
    if variables["CONCORDAT_MODE"] == "local":
        # Whoever calls the script on this machine asks for the embedded engines; a production start has to say so.
        variables.setdefault("CONCORDAT_EMBEDDED", "allow")
    return variables


def needs_postgres() -> bool:
    return "DATABASE_URL" not in os.environ


def needs_redis() -> bool:
    return "REDIS_URL" not in os.environ


def manage(variables: dict[str, str], *arguments: str, owner: bool = False, ours: bool = False) -> int:
    """Run a management command, as the application's role or as the owner of the tables; its exit status.

    `ours`: a step of our own, out of reach of the terminal's Ctrl-C and without output on stdout.
    """
    if owner:
        variables = {**variables, "CONCORDAT_DB_ROLE": "owner"}
    return processes.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=variables,
        stdout=sys.stderr if ours else None,
        start_new_session=ours,
    )


def migrate(folder: Path, variables: dict[str, str]) -> None:
    """Bring the schema up to date as its owner and grant the application's role its rights.

    Skipped on a data folder for which this very code already did it: the second start is instant.
    """
    stamp, digest = folder / "migrated", _schema_digest(variables)
    if stamp.exists() and stamp.read_text() == digest:
        return
    steps: list[tuple[str, ...]] = [("migrate", "--verbosity=0")]
    if _role(variables["DATABASE_URL"]) != _role(
        variables.get("OWNER_DATABASE_URL", variables["DATABASE_URL"])
    ):
        steps.append(("grant_rights",))
    else:
        print(
            "concordat: DATABASE_URL logs in as the owner of the tables, so the record is guarded by triggers alone. "
            "Set OWNER_DATABASE_URL to a second role.",
            file=sys.stderr,
        )
    for step in steps:
        if manage(variables, *step, owner=True, ours=True) != 0:
            raise Failure("The database schema could not be brought up to date; the lines above say why.")
    stamp.write_text(digest)


def _role(url: str) -> str | None:
    return urlsplit(url).username


def _schema_digest(variables: dict[str, str]) -> str:
    """Changes with our migrations, with the packages (they have migrations too) and with the database."""
    digest = hashlib.sha256()
    if "CONCORDAT_ENGINES" not in variables:
        digest.update(variables["DATABASE_URL"].encode())
    grants = ROOT / "specs" / "management" / "commands" / "grant_rights.py"
    for path in [*sorted(ROOT.glob("*/migrations/*.py")), grants, ROOT / "requirements.lock"]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
