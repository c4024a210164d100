"""What every test may ask for: the database (rolled back or committed), a real web server, a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.utils import translation
from hypothesis import HealthCheck, settings
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests import databases
from tests.serving import Site

pytest_plugins = ["tests.browsing"]

# A machine may be slow: no test fails by the clock.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_runtest_teardown() -> None:
    """A request leaves its reader's language on the thread; the next test begins in the house's own."""
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This process's database, migrated as the owner; the tests themselves work as the application's role."""
    databases.create()
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's only


@pytest.fixture(scope="session")
def _seeded_tables(django_db_setup: None) -> frozenset[str]:
    """Tables that migrations fill; they are never emptied."""
    with psycopg.connect(databases.admin_url()) as admin:
        return frozenset(_filled(admin))


@pytest.fixture
def committed_db(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, _seeded_tables: frozenset[str]
) -> Iterator[None]:
    """The database with real commits, seen by other processes and threads; emptied afterwards.

    The tables' own guards refuse that, so it is done as the superuser with triggers off.
    """
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        cache.clear()
    with psycopg.connect(databases.admin_url()) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("SET lock_timeout = '10s'")
        for table in _filled(admin) - _seeded_tables:
            admin.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def _filled(admin: psycopg.Connection[tuple[str]]) -> set[str]:
    """The tables that hold rows."""
    tables = admin.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    probe = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
        for (name,) in tables
    )
    return {name for (name,) in admin.execute(probe).fetchall()}


@pytest.fixture(scope="session")
def site(django_db_setup: None) -> Iterator[Site]:
    """A real gunicorn on this process's database. Use it together with `committed_db`."""
    with Site.start(dict(os.environ)) as served:
        yield served
