"""After the database threw everybody out, one failed request per process is enough to find the way back."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg

from tests import databases
from tests.serving import Site


def _ready(url: str) -> int:
    try:
        with urlopen(f"{url}/readyz", timeout=10) as reply:
            return int(reply.status)
    except HTTPError as error:
        return error.code


def test_dead_connections_fail_one_request_and_not_one_each(committed_db: None) -> None:
    with Site.start({**os.environ, "PGAPPNAME": "recovery"}, workers=1, threads=8) as site:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(_ready, [site.url] * 64)) == {200}
        with psycopg.connect(databases.admin_url(), autocommit=True) as admin:
            row = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'recovery'"
            ).fetchone()
        assert row is not None
        assert row[0] >= 2, "too few connections to show anything"
        answers = [_ready(site.url) for _ in range(12)]
    assert answers.count(503) <= 1
    assert answers[-1] == 200
