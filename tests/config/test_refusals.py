"""The start refuses every unsafe setting by its name, and accepts the safe ones."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

from annotation.config import checks, local
from tests import databases

PRODUCTION = {
    "SECRET_KEY": "a9Kd03mfPq-7xWvb2LzRt81YhNcU5GsEoJi4TqVnXeBpMuHwZr6",
    "ALLOWED_HOSTS": "labels.example.org",
    "DATABASE_URL": "postgresql://app:gf83hPq2@db.example.org/concordat",
    "OWNER_DATABASE_URL": "postgresql://owner:83hfPq2x@db.example.org/concordat",
    "REDIS_URL": "rediss://redis.example.org/0",
}
LOCAL = {**PRODUCTION, "CONCORDAT_MODE": "local", "ALLOWED_HOSTS": "localhost"}


def _read(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> dict[str, Any]:
    """The settings as a process with exactly these variables reads them."""
    kept = {name: os.environ[name] for name in ("PATH", "CONCORDAT_HOME")}
    with monkeypatch.context() as changed:
        for name in list(os.environ):
            changed.delenv(name)
        for name, value in {**kept, **variables}.items():
            changed.setenv(name, value)
        return runpy.run_path(str(local.ROOT / "annotation/config/settings.py"))


@pytest.mark.parametrize(
    ("name", "start", "change"),
    [
        ("SECRET_KEY", PRODUCTION, {"SECRET_KEY": None}),
        ("SECRET_KEY", PRODUCTION, {"SECRET_KEY": "short"}),
        ("SECRET_KEY", PRODUCTION, {"SECRET_KEY": "django-insecure-" + PRODUCTION["SECRET_KEY"]}),
        ("SECRET_KEY", PRODUCTION, {"SECRET_KEY": "changeme" * 8}),
        ("SECRET_KEY", PRODUCTION, {"SECRET_KEY": "x" * 60}),
        ("SECRET_KEY", LOCAL, {"SECRET_KEY": "short"}),
        ("DEBUG", PRODUCTION, {"DEBUG": "on"}),
        ("DEBUG", LOCAL, {"DEBUG": "on", "ALLOWED_HOSTS": "labels.example.org"}),
        ("DEBUG", PRODUCTION, {"DEBUG": "perhaps"}),
        ("ALLOWED_HOSTS", PRODUCTION, {"ALLOWED_HOSTS": None}),
        ("ALLOWED_HOSTS", PRODUCTION, {"ALLOWED_HOSTS": "*"}),
        ("ALLOWED_HOSTS", PRODUCTION, {"ALLOWED_HOSTS": "*.example.org"}),
        ("ALLOWED_HOSTS", LOCAL, {"ALLOWED_HOSTS": "labels.example.org"}),
        ("INSECURE_COOKIES", PRODUCTION, {"INSECURE_COOKIES": "yes"}),
        ("DATABASE_URL", PRODUCTION, {"DATABASE_URL": None}),
        ("DATABASE_URL", PRODUCTION, {"DATABASE_URL": "sqlite:///labels.db"}),
        ("DATABASE_URL", PRODUCTION, {"DATABASE_URL": "mysql://app@db/concordat"}),
        ("DATABASE_URL", PRODUCTION, {"DATABASE_URL": "postgresql://app:postgres@db.example.org/concordat"}),
        ("OWNER_DATABASE_URL", PRODUCTION, {"OWNER_DATABASE_URL": "postgresql://o:password@db/concordat"}),
        ("REDIS_URL", PRODUCTION, {"REDIS_URL": None}),
        ("REDIS_URL", PRODUCTION, {"REDIS_URL": "http://redis.example.org"}),
        ("CONCORDAT_ENGINES", PRODUCTION, {"CONCORDAT_ENGINES": "embedded"}),
        ("CONCORDAT_EMBEDDED", PRODUCTION, {"CONCORDAT_EMBEDDED": "maybe"}),
        ("CONCORDAT_MODE", PRODUCTION, {"CONCORDAT_MODE": "staging"}),
        ("CONCORDAT_DB_ROLE", PRODUCTION, {"CONCORDAT_DB_ROLE": "superuser"}),
        ("DATABASE_POOL_SIZE", PRODUCTION, {"DATABASE_POOL_SIZE": "0"}),
        ("STORE_ENDPOINT", PRODUCTION, {"STORE_ENDPOINT": "file:///srv"}),
        ("STORE_SECRET_KEY", PRODUCTION, {"STORE_BUCKET": "labels", "STORE_ACCESS_KEY": "AKIA"}),
        ("METRICS_TOKEN", PRODUCTION, {"METRICS_TOKEN": "short"}),
        ("STORE_ADDRESSING", PRODUCTION, {"STORE_ADDRESSING": "dns"}),
    ],
)
def test_the_start_refuses_a_bad_setting_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, start: dict[str, str], change: dict[str, str | None]
) -> None:
    merged = {**start, **change}
    with pytest.raises(ImproperlyConfigured, match=name):
        _read(monkeypatch, {key: value for key, value in merged.items() if value is not None})


def test_production_is_the_default_and_starts_with_safe_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _read(monkeypatch, PRODUCTION)
    assert not settings["LOCAL"]
    assert settings["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert settings["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["SECURE_SSL_REDIRECT"]
    assert settings["SECURE_HSTS_SECONDS"] >= 31_536_000


def test_the_embedded_engines_serve_production_only_when_asked_for_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _read(monkeypatch, {**PRODUCTION, "CONCORDAT_ENGINES": "embedded", "CONCORDAT_EMBEDDED": "allow"})


def test_the_role_chooses_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _read(monkeypatch, PRODUCTION)["DATABASES"]["default"]["USER"] == "app"
    owner = _read(monkeypatch, {**PRODUCTION, "CONCORDAT_DB_ROLE": "owner"})
    assert owner["DATABASES"]["default"]["USER"] == "owner"
    assert owner["DATABASE_APP_ROLE"] == "app"


def test_celery_speaks_json_only_in_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _read(monkeypatch, PRODUCTION)
    assert settings["CELERY_ACCEPT_CONTENT"] == settings["CELERY_RESULT_ACCEPT_CONTENT"] == ["json"]
    assert settings["CELERY_TASK_SERIALIZER"] == settings["CELERY_RESULT_SERIALIZER"] == "json"


def test_the_secret_key_of_a_data_folder_is_random_kept_and_private(tmp_path: Any) -> None:
    key = local.secret_key(tmp_path / "one")
    assert local.secret_key(tmp_path / "one") == key != local.secret_key(tmp_path / "two")
    assert (tmp_path / "one" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "one").iterdir()) == [tmp_path / "one" / "secret_key"]


@pytest.fixture
def _asynchronous(django_db_setup: None) -> Iterator[None]:
    """The application's role on this process's database no longer waits for its commits."""
    with psycopg.connect(databases.admin_url(), autocommit=True) as admin:
        role = sql.Identifier(os.environ["TEST_PREFIX"] + "app")
        place = sql.SQL("ALTER ROLE {} IN DATABASE {} ").format(role, sql.Identifier(admin.info.dbname))
        admin.execute(place + sql.SQL("SET synchronous_commit = off"))
        yield
        admin.execute(place + sql.SQL("RESET synchronous_commit"))


@pytest.mark.usefixtures("_asynchronous")
@pytest.mark.parametrize("door", ["wsgi", "asgi"])
def test_no_web_process_starts_on_a_database_that_may_lose_commits(door: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import annotation.config.{door}"],
        cwd=local.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "annotation.config.settings"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "DATABASE_URL: synchronous_commit is off" in done.stderr


@pytest.mark.usefixtures("_asynchronous")
def test_no_worker_starts_on_it_either() -> None:
    with pytest.raises(ImproperlyConfigured, match="synchronous_commit is off"):
        checks.refuse_volatile_database()


def test_a_superuser_is_refused_in_production_only(django_db_setup: None) -> None:
    with psycopg.connect(databases.admin_url()) as admin:
        assert list(checks.server_problems(admin, local=True)) == []
        assert "superuser" in " ".join(checks.server_problems(admin, local=False))


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DATABASE_URL = "postgresql://app@%2Fnowhere/concordat"
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL: the server does not answer"):
        checks.refuse_volatile_database()
