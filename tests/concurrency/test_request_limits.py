"""How many requests a minute: exact for four processes with eight threads each, while Redis is there, gone, and emptied."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as house
from django.test import Client
from redis import Redis

from specs import throttling, tokens
from tests import cast
from workforce import staffing

LIMIT = 40


CROWD = """
import os, sys
import django; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.conf import settings
from django.db import connection
from specs import throttling, tokens

throttling.SECONDS = 10**10  # a minute that does not end meanwhile

def once(_):
    try:
        throttling.spend(tokens.authenticate(sys.argv[1]))
        return 1
    except throttling.TooManyRequests:
        return 0
    finally:
        connection.close()

if sys.argv[2] == "gone":
    settings.REDIS_URL = "unix:///nowhere/nobody.sock"
reads = []
for _ in range(4):
    read, write = os.pipe()
    if os.fork() == 0:
        with ThreadPoolExecutor(8) as pool:
            os.write(write, b"%d\\n" % sum(pool.map(once, range(32))))
        os._exit(0)
    os.close(write)
    reads.append(read)
print(*(int(os.read(read, 100)) for read in reads))
"""


@pytest.mark.parametrize("redis", ["there", "gone"])
def test_parallel_requests_pass_the_limit_together_no_further(committed_db: None, redis: str) -> None:
    """Four processes with eight threads each ask 128 times."""
    stage = cast.stage()
    variables = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TOKEN_REQUESTS_PER_MINUTE": str(LIMIT),
    }
    told = subprocess.run(
        [sys.executable, "-c", CROWD, stage.token(stage.ada), redis],
        env=variables,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    got = [int(one) for one in told.stdout.split()]
    assert (len(got), sum(got)) == (4, LIMIT), told.stdout


@pytest.fixture
def one_minute(committed_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[cast.Stage]:
    """A minute that does not end while the test runs, and a process that has just begun."""
    monkeypatch.setattr(throttling, "SECONDS", 10**10)
    throttling.forget()
    settings.TOKEN_REQUESTS_PER_MINUTE = LIMIT
    yield cast.stage()
    throttling.forget()


def _spent(bearer: tokens.Bearer, most: int) -> int:
    """How many requests go through until one is refused, *most* at the most."""
    for n in range(most):
        try:
            throttling.spend(bearer)
        except throttling.TooManyRequests:
            return n
    return most


def test_an_allowance_goes_on_where_it_stood_when_redis_loses_it_goes_and_returns(
    one_minute: cast.Stage, settings: Any
) -> None:
    bearer = tokens.authenticate(one_minute.token(one_minute.ada))
    assert bearer is not None
    there = settings.REDIS_URL
    assert _spent(bearer, 10) == 10
    Redis.from_url(house.REDIS_URL).flushdb()
    assert _spent(bearer, 10) == 10
    settings.REDIS_URL = "unix:///nowhere/nobody.sock"
    assert _spent(bearer, 10) == 10
    settings.REDIS_URL = there
    throttling._away_until = 0.0
    assert _spent(bearer, 100) == LIMIT - 30
    throttling.forget()
    assert _spent(bearer, 100) == 0, "another process finds what is taken"


def test_a_person_has_one_allowance_for_all_her_tokens_and_most_requests_ask_nobody(
    one_minute: cast.Stage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TOKEN_REQUESTS_PER_MINUTE, settings.USER_REQUESTS_PER_MINUTE = 0, 1000
    asked: list[str] = []
    ask = throttling._from_redis

    def noting(subject: str, *others: Any) -> Any:
        asked.append(subject)
        return ask(subject, *others)

    monkeypatch.setattr(throttling, "_from_redis", noting)
    elsewhere = cast.project("other")
    member = staffing.add_member(
        project=elsewhere, user=cast.user_of(one_minute.ada), roles=["owner"], by=None
    )
    bearers = [
        tokens.authenticate(one_minute.token(one_minute.ada)),
        tokens.authenticate(tokens.create(member=member, name="t", permissions=["spec.read"], by=member)[1]),
    ]
    spent = 0
    for bearer in bearers:
        assert bearer is not None
        spent += _spent(bearer, 600)
    assert spent == 1000
    assert len(asked) <= 500 + 500 // 5 + 1
    assert set(asked) == {f"user {one_minute.ada.user_id}"}


def test_every_answer_says_what_is_left_and_a_refusal_when_to_come_back(
    one_minute: cast.Stage, settings: Any
) -> None:
    settings.TOKEN_REQUESTS_PER_MINUTE = 3
    client = one_minute.client(one_minute.ada)()
    answers = [client.get("/api/v1/projects/rte/queues") for _ in range(2)]
    answers.append(client.post("/api/v1/projects/rte/queues/main/claim"))  # refused, and counted
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    refused = client.post("/api/v1/projects/rte/queues/main/claim")
    assert (refused.status_code, refused.json()["title"]) == (429, "too-many-requests")
    assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("3", "0")
    assert int(refused["Retry-After"]) > 0
    assert Client().get("/api/v1/projects/rte/queues").status_code == 401
