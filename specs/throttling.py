"""How many requests of the API a token, and a person with all her tokens, may make a minute.

Requests are taken from an allowance in Redis, or in PostgreSQL while Redis is away: both hand out what is left of the minute and
never more, to however many processes at once. A process takes a few requests at a time while half of the minute's are left and
one at a time after that, so most requests ask nobody. What it was last told goes along with each question and the larger
number counts, so that an allowance in a Redis that lost its memory, or in the other place, goes on where it stood.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from redis import Redis
from redis.exceptions import RedisError

from specs import prepared
from specs.refusals import Refusal
from specs.tokens import Bearer

SECONDS = 60
_AWAY_FOR = 5.0
"""How long Redis is left alone after it did not answer."""
_PATIENCE = 0.25
_MAX_KNOWN = 20_000

_IN_REDIS = """
    local used = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
    local taken = math.max(0, math.min(tonumber(ARGV[2]), tonumber(ARGV[3]) - used))
    redis.call('SET', KEYS[1], used + taken, 'EX', ARGV[4])
    return {used + taken, taken}
"""
_IN_POSTGRESQL = """
    INSERT INTO specs_requestcount AS c (subject, minute, used)
    VALUES (%(subject)s, %(minute)s::bigint, %(known)s::bigint + 1)
    ON CONFLICT (subject) DO UPDATE SET minute = excluded.minute,
        used = greatest(CASE WHEN c.minute = excluded.minute THEN c.used ELSE 0 END, %(known)s::bigint) + 1
    WHERE greatest(CASE WHEN c.minute = excluded.minute THEN c.used ELSE 0 END, %(known)s::bigint) < %(limit)s::bigint
    RETURNING used
"""


class TooManyRequests(Refusal):
    code = "too-many-requests"
    status = 429


@dataclass
class _Account:
    """What this process knows of one subject's minute: how many are taken by all, how many of those it has left itself."""

    minute: int
    known: int = 0
    left: int = 0


@dataclass(frozen=True)
class Allowance:
    """The limit that is nearest: its size, what is left of it, and after how many seconds it is whole again."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


_accounts: dict[str, _Account] = {}
_lock = threading.Lock()
_away_until = 0.0


def spend(bearer: Bearer) -> Allowance | None:
    """Take one request from each allowance it counts against; None where there is no limit. Raises `TooManyRequests`."""
    limits = _limits(bearer)
    if not limits:
        return None
    now = time.time()
    minute, reset = int(now // SECONDS), SECONDS - int(now % SECONDS)
    while True:
        with _lock:
            found = {subject: _account(subject, minute) for subject in limits}
            short = [subject for subject, account in found.items() if account.left < 1]
            if not short:
                for account in found.values():
                    account.left -= 1
                left = {s: limits[s] - account.known + account.left for s, account in found.items()}
                break
            known = {subject: found[subject].known for subject in short}
        for subject in short:
            if not _take(subject, minute, known[subject], limits[subject]):
                raise _refused(Allowance(limits[subject], 0, reset))
    nearest = min(limits, key=lambda subject: left[subject] / limits[subject])
    return Allowance(limits[nearest], left[nearest], reset)


def forget() -> None:
    """Know nothing any more of what was taken, as a process that has just started."""
    global _away_until
    with _lock:
        _accounts.clear()
    _away_until = 0.0


def _limits(bearer: Bearer) -> Mapping[str, int]:
    member = bearer.member
    person = f"user {member.user_id}" if member.user_id is not None else f"member {member.pk}"
    wanted = {
        f"token {bearer.token_id}": settings.TOKEN_REQUESTS_PER_MINUTE,
        person: settings.USER_REQUESTS_PER_MINUTE,
    }
    return {subject: limit for subject, limit in wanted.items() if limit}


def _refused(allowance: Allowance) -> TooManyRequests:
    refused = TooManyRequests(
        _("That are more than %(limit)s requests in a minute.") % {"limit": allowance.limit},
        limit=allowance.limit,
    )
    refused.headers = {**allowance.headers(), "Retry-After": str(allowance.reset)}
    return refused


def _account(subject: str, minute: int) -> _Account:
    """Under the lock: its account of this minute."""
    found = _accounts.get(subject)
    if found is None or found.minute != minute:
        if len(_accounts) >= _MAX_KNOWN:
            for old in [name for name, account in _accounts.items() if account.minute != minute]:
                del _accounts[old]
        found = _accounts[subject] = _Account(minute)
    return found


def _take(subject: str, minute: int, known: int, limit: int) -> bool:
    """Get some of what is left, and keep them; False when nothing is."""
    if known >= limit:
        return False
    wanted = max(1, limit // 200) if known < limit // 2 else 1
    used, taken = _from_redis(subject, minute, known, wanted, limit) or _from_postgresql(
        subject, minute, known, limit
    )
    with _lock:
        account = _account(subject, minute)
        account.known = max(account.known, used)
        account.left += taken
    return taken > 0


def _from_redis(subject: str, minute: int, known: int, wanted: int, limit: int) -> tuple[int, int] | None:
    """All that is taken by now and what was just taken; None while Redis does not answer."""
    global _away_until
    if time.monotonic() < _away_until:
        return None
    try:
        used, taken = _script(settings.REDIS_URL, os.getpid())(
            keys=[f"concordat requests {subject} {minute}"], args=[known, wanted, limit, 2 * SECONDS]
        )
    except (RedisError, OSError):
        _away_until = time.monotonic() + _AWAY_FOR
        return None
    return int(used), int(taken)


@lru_cache(maxsize=2)
def _script(url: str, process: int) -> Any:
    client = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
    return client.register_script(_IN_REDIS)


def _from_postgresql(subject: str, minute: int, known: int, limit: int) -> tuple[int, int]:
    asked = {"subject": subject, "minute": minute, "known": known, "limit": limit}
    found = prepared.run(_IN_POSTGRESQL, asked)
    return (int(found[0][0]), 1) if found else (limit, 0)
