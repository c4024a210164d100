"""A real PostgreSQL and a real Valkey for every run, up before pytest-django reads the settings.

Loaded by `-p tests.plugin`: a conftest would be too late. Only the controlling process starts engines; the workers of
pytest-xdist inherit the addresses and take one database each, copied from one migrated template.

    TEST_ADMIN_DATABASE_URL   a superuser's URL: use that PostgreSQL, with roles and databases dropped at the end
    REDIS_URL                 use that Redis or Valkey (its databases 0 to 15 are emptied!)
    CONCORDAT_PG_BIN, CONCORDAT_REDIS_SERVER   programs to start instead of the wheels'
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests import databases

_RUN = pytest.StashKey[databases.Run]()
_LONGEST_FIRST = ("browser", "concurrency", "invariants", "security", "journeys")
"""The folders whose tests take seconds each. They go first, so that what is left for an idle worker to take over is short."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="also run what takes minutes: full matrices, chaos, state machines at depth",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Iterator[None]:
    options = parser.parse_known_args(args)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not (options.help or options.version):
        if worker is None:
            os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
            early_config.stash[_RUN] = databases.start()
            early_config.add_cleanup(early_config.stash[_RUN].stop)
        databases.choose(worker or "main")
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what touches the database, leave out what takes long unless asked for, and begin with what takes seconds."""
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "django_db_setup" in names or item.get_closest_marker("django_db"):
            item.add_marker("database")
        is_long = item.get_closest_marker("long") is not None
        (left_out if is_long and not config.getoption("--long") else chosen).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = sorted(chosen, key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)
