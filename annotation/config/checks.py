"""What the start refuses, each by the name of the variable that is wrong.

`refuse_unsafe` judges the settings and runs when they are read; `refuse_volatile_database` asks the server and runs
when a web process or a worker starts, and as a system check (`check --database default`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 50
SHORTEST_TOKEN = 32
KNOWN_KEYS = (
    "django-insecure",
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "insecure",
    "example",
    "concordat",
)
KNOWN_PASSWORDS = {
    "postgres",
    "password",
    "concordat",
    "concordat_app",
    "concordat_owner",
    "changeme",
    "secret",
    "admin",
    "test",
}
LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "testserver"}
POSTGRESQL = "django.db.backends.postgresql"

_UNSAFE_ON_THE_SERVER = {
    "synchronous_commit": "acknowledged answers could be lost when the server crashes",
    "fsync": "the whole database could be lost when the machine crashes",
    "full_page_writes": "the whole database could be lost when the machine crashes",
}


def refuse_unsafe(**settings: Any) -> None:
    """Raise `ImproperlyConfigured` with every reason not to start; keywords as `problems` takes them."""
    found = list(problems(**settings))
    if found:
        raise ImproperlyConfigured(" ".join(found))


def problems(
    *,
    local: bool,
    debug: bool,
    secret_key: str,
    hosts: Sequence[str],
    secure_cookies: bool,
    database_engine: str,
    database_urls: Sequence[str],
    embedded: bool,
    embedded_allowed: bool,
    bucket: str,
    bucket_keys: tuple[str, str],
    metrics_token: str,
) -> Iterator[str]:
    """One sentence per setting that makes the product unsafe; `local` is one machine serving itself."""
    yield from _key_problems(secret_key)
    yield from _host_problems(local, debug, hosts)
    if database_engine != POSTGRESQL:
        yield "DATABASE_URL must name a PostgreSQL database; no other engine is supported."
    if embedded and not debug and not embedded_allowed:
        yield (
            "CONCORDAT_ENGINES: the embedded engines are for one machine. Set DATABASE_URL and REDIS_URL, "
            "or CONCORDAT_EMBEDDED=allow if you mean it."
        )
    if bucket and find_spec("boto3") is None:
        yield "STORE_BUCKET needs the extra s3 (boto3), which is not installed."
    if bucket and len([one for one in bucket_keys if one]) == 1:
        yield "STORE_ACCESS_KEY and STORE_SECRET_KEY are set together, or neither is."
    if metrics_token and len(metrics_token) < SHORTEST_TOKEN:
        yield f"METRICS_TOKEN is shorter than {SHORTEST_TOKEN} characters."
    if local:
        return
    if not secure_cookies:
        yield "INSECURE_COOKIES is on; in production, cookies travel over HTTPS only."
    for url in database_urls:
        if (urlsplit(url).password or "").lower() in KNOWN_PASSWORDS:
            yield "DATABASE_URL or OWNER_DATABASE_URL carries a well-known password; choose another one."
            break


def _key_problems(secret_key: str) -> Iterator[str]:
    if len(secret_key) < SHORTEST_KEY:
        yield f"SECRET_KEY is shorter than {SHORTEST_KEY} characters."
    elif secret_key.lower().startswith(KNOWN_KEYS) or len(set(secret_key)) < 5:
        yield "SECRET_KEY is a well-known or trivial one; make a random one."


def _host_problems(local: bool, debug: bool, hosts: Sequence[str]) -> Iterator[str]:
    public = [host for host in hosts if host not in LOOPBACK]
    if any("*" in host for host in hosts):
        yield "ALLOWED_HOSTS must name the hosts; * is refused."
    if not hosts:
        yield "ALLOWED_HOSTS is empty; name the hosts that this installation answers for."
    if debug and not local:
        yield "DEBUG is on in production; it shows source and settings to everyone."
    elif debug and public:
        yield f"DEBUG is on although ALLOWED_HOSTS names {', '.join(public)}."
    if local and public:
        yield (
            f"ALLOWED_HOSTS names {', '.join(public)}, but CONCORDAT_MODE=local serves this machine only; "
            "set CONCORDAT_MODE=production."
        )


def server_problems(connection: psycopg.Connection[Any], *, local: bool) -> Iterator[str]:
    """One sentence per property of the database server, or of our role on it, that breaks a promise of the product."""
    for name, consequence in _UNSAFE_ON_THE_SERVER.items():
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        if row is None or row[0] == "off":
            yield f"DATABASE_URL: {name} is off on that server; {consequence}."
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if not local and (row is None or row[0]):
        yield "DATABASE_URL logs in as a superuser, whom nothing stops from changing the record; use a plain role."


def _ask(url: str, options: str, *, local: bool) -> list[str]:
    try:
        with psycopg.connect(url, connect_timeout=10, options=options) as connection:
            return list(server_problems(connection, local=local))
    except psycopg.OperationalError as error:
        return [f"DATABASE_URL: the server does not answer: {str(error).strip()}"]


def refuse_volatile_database() -> None:
    """Raise `ImproperlyConfigured` when the running server could lose an acknowledged answer."""
    from django.conf import settings

    found = _ask(settings.DATABASE_URL, settings.DATABASE_OPTIONS, local=settings.LOCAL)
    if found:
        raise ImproperlyConfigured(" ".join(found))


@register(Tags.database)
def database_is_durable(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    from django.conf import settings

    if not databases:
        return []
    found = _ask(settings.DATABASE_URL, settings.DATABASE_OPTIONS, local=True)
    return [Error(text, id="concordat.E001") for text in found]
