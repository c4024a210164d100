"""The engines of a test run, its migrated template, and one database per process."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from annotation.config import binaries, local
from annotation.config.embedded import APP, OWNER, Engines

TEMPLATE = "concordat_template"
_ENOUGH_MEMORY = 2 * 2**30
_KEEP = local.DEFAULT_HOME / "tests"


@dataclass
class Run:
    """What has to be undone at the end."""

    stop: Callable[[], None]


def start() -> Run:
    """Start or find the engines, migrate the template, and say by environment variables where everything is."""
    home = Path(tempfile.mkdtemp(prefix="concordat-tests-", dir=memory()))
    try:
        (home / "static").mkdir()
        os.environ.update(
            CONCORDAT_MODE="local",
            CONCORDAT_EMBEDDED="allow",
            CONCORDAT_HOME=str(home),
            TEST_HOME=str(home),
        )
        admin_url = os.environ.get("TEST_ADMIN_DATABASE_URL")
        return _on_server(admin_url, home) if admin_url else _on_engines(home)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def choose(worker: str) -> None:
    """Point the settings of this process at its own database, Redis database and store."""
    name = f"{os.environ['TEST_PREFIX']}{worker}"
    for variable in ("DATABASE_URL", "OWNER_DATABASE_URL"):
        os.environ[variable] = _at(os.environ[f"TEST_{variable}"], database=name)
    os.environ["REDIS_URL"] = f"{os.environ['TEST_REDIS_URL']}?db={redis_number(worker)}"
    os.environ["STORE_ROOT"] = f"{os.environ['TEST_HOME']}/store-{worker}"


def redis_number(worker: str) -> int:
    """0 for the controlling process, n + 1 for the worker gwn; a plain server has 16."""
    return 0 if worker == "main" else 1 + int(worker.removeprefix("gw")) % 15


def create() -> None:
    """Make this process's database from the template."""
    name = urlsplit(os.environ["DATABASE_URL"]).path[1:]
    owner = urlsplit(os.environ["OWNER_DATABASE_URL"]).username or OWNER
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(owner), sql.Identifier(os.environ["TEST_PREFIX"] + "template")
    )
    for attempt in range(50):
        try:
            with psycopg.connect(os.environ["TEST_ADMIN_URL"], autocommit=True) as admin:
                admin.execute(statement)
            return
        except psycopg.errors.ObjectInUse:  # another worker is copying the template
            time.sleep(0.1 * (attempt + 1))
    raise TimeoutError(f"the template of {name} stayed in use")


def admin_url() -> str:
    """A superuser's URL of this process's database."""
    return _at(os.environ["TEST_ADMIN_URL"], database=urlsplit(os.environ["DATABASE_URL"]).path[1:])


def memory() -> Path | None:
    """Memory where there is plenty: the engines keep all their promises there too, only faster."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ENOUGH_MEMORY:
        return memory
    return None


def _on_engines(home: Path) -> Run:
    kept = _KEEP / _schema_digest() / "postgres"
    if kept.exists():
        shutil.copytree(kept, home / "postgres", symlinks=True)
        (home / "postgres").chmod(0o700)
    else:
        with Engines.start(home) as engines:
            _publish(engines, "concordat_", engines.redis_url)
            with psycopg.connect(engines.admin_database_url, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER} TEMPLATE template0")
            _migrate(TEMPLATE)
        _keep(home / "postgres", kept)
    engines = Engines.start(home, valkey="REDIS_URL" not in os.environ, throwaway=True)
    _publish(engines, "concordat_", os.environ.get("REDIS_URL", engines.redis_url))
    _keep_no_statistics(engines.admin_database_url)

    def stop() -> None:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)

    return Run(stop)


def _keep_no_statistics(url: str) -> None:
    """No autovacuum: it counts tables between tests, where all are empty; plans for no rows take minutes on a test's many."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET autovacuum = off")
        admin.execute("SELECT pg_reload_conf()")


def _publish(engines: Engines, prefix: str, redis_url: str) -> None:
    os.environ.update(
        TEST_DATABASE_URL=engines.database_url,
        TEST_OWNER_DATABASE_URL=engines.owner_database_url,
        TEST_ADMIN_URL=engines.admin_database_url,
        TEST_REDIS_URL=redis_url.partition("?")[0],
        TEST_PREFIX=prefix,
        CONCORDAT_ENGINES="embedded",
    )


def _on_server(admin_url: str, home: Path) -> Run:
    """Use a server that is there: two roles and databases with a name of this run, all dropped at the end."""
    prefix = f"concordat_test_{secrets.token_hex(4)}_"
    owner, app, template = f"{prefix}owner", f"{prefix}app", f"{prefix}template"
    password = urlsplit(admin_url).password
    engines = None if "REDIS_URL" in os.environ else Engines.start(home, postgres=False)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role in (owner, app):
            login = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role))
            admin.execute(login + sql.SQL(" PASSWORD {}").format(password) if password else login)
        admin.execute(f"CREATE DATABASE {template} OWNER {owner} TEMPLATE template0")
    os.environ.update(
        TEST_DATABASE_URL=_at(admin_url, user=app),
        TEST_OWNER_DATABASE_URL=_at(admin_url, user=owner),
        TEST_ADMIN_URL=admin_url,
        TEST_REDIS_URL=engines.redis_url if engines else os.environ["REDIS_URL"].partition("?")[0],
        TEST_PREFIX=prefix,
    )

    def stop() -> None:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            for (name,) in admin.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
            ).fetchall():
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for role in (app, owner):
                admin.execute(f"DROP ROLE {role}")
        if engines:
            engines.stop()
        shutil.rmtree(home, ignore_errors=True)

    try:
        _migrate(template)
    except BaseException:
        stop()
        raise
    return Run(stop)


def _at(url: str, *, user: str | None = None, database: str | None = None) -> str:
    """The URL with another user or another database."""
    parts = urlsplit(url)
    if user:
        credentials, _, place = parts.netloc.rpartition("@")
        password = credentials.partition(":")[2]
        parts = parts._replace(netloc=f"{user}{':' if password else ''}{password}@{place}")
    if database:
        parts = parts._replace(path=f"/{database}")
    return urlunsplit(parts)


def _migrate(database: str) -> None:
    """Migrate as the owner and grant the application's role its rights, as a start does."""
    variables = {
        **os.environ,
        "DATABASE_URL": _at(os.environ["TEST_DATABASE_URL"], database=database),
        "OWNER_DATABASE_URL": _at(os.environ["TEST_OWNER_DATABASE_URL"], database=database),
        "REDIS_URL": os.environ["TEST_REDIS_URL"],
        "CONCORDAT_DB_ROLE": "owner",
    }
    print("migrating the tests' template database", file=sys.stderr)
    for command in (["migrate", "--verbosity=0"], ["grant_rights"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=local.ROOT,
            env=variables,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _schema_digest() -> str:
    """Changes with everything that a migrated template depends on."""
    # Not where the server stands: every checkout has its own, and what they make is the same.
    server = subprocess.check_output([binaries.postgres_folder() / "postgres", "--version"], text=True)
    digest = hashlib.sha256(f"{server} {OWNER} {APP} {os.geteuid()}".encode())
    others = (
        "specs/management/commands/grant_rights.py",
        "annotation/config/embedded.py",
        "requirements.lock",
    )
    for path in [*sorted(local.ROOT.glob("*/migrations/*.py")), *(local.ROOT / name for name in others)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _keep(data: Path, kept: Path) -> None:
    """Keep the stopped, migrated cluster for the next run; older ones go. Two runs may do this at once."""
    if os.geteuid() == 0 and data.stat().st_uid != 0:
        return  # files of another user; copying would need care for little
    _KEEP.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=_KEEP))
    shutil.copytree(data, draft / "postgres", symlinks=True)
    try:
        draft.rename(kept.parent)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
    for other in sorted(_KEEP.iterdir(), key=lambda path: path.stat().st_mtime)[:-3]:
        shutil.rmtree(other, ignore_errors=True)
