"""Statements of the hot paths, prepared once per connection: parsed and planned once, then only executed.

Django binds parameters on the client, so PostgreSQL parses and plans every statement anew. For a claim that costs more than
the claim itself. What runs here is bound on the server: give numbers a type (`%(queue)s::bigint`) where the text alone leaves
it open. Statements run inside the transaction that is open, or, as Django's own, each in one of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

_BULK = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material")
_LOOKUPS_ONLY, _AS_BEFORE = (
    f"SELECT {', '.join(f'set_config({name!r}, {value!r}, false)' for name in _BULK)}".encode()
    for value in ("off", "on")
)
ANEW_AFTER = 200
"""Plans are made anew after so many executions of a connection, then ten times as many, and so on."""


@dataclass
class _Plans:
    """What a connection has planned. A plan is made at a statement's first execution, for tables as large as they are then.

    While tables are small, to read them whole or in step costs least, and a plan would go on doing so when they have grown.
    These statements look up a row here and a row there, so their plans are made from lookups by index alone, and anew as the
    tables grow. An error takes the settings back with its transaction, or leaves them to the next statement that is planned.
    """

    made: set[bytes] = field(default_factory=set)
    n_runs: int = 0
    anew_at: int = ANEW_AFTER


_PLANS: WeakKeyDictionary[psycopg.Connection[Any], _Plans] = WeakKeyDictionary()
_NAMED = re.compile(r"%\((\w+)\)s")


def run(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a statement and return its rows, none where it gives none. Raises Django's database errors."""
    text, names = _numbered(query)
    connection = connections[DEFAULT_DB_ALIAS]  # the proxy would look it up at each word below
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    began = time.monotonic()
    try:
        with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
            plans = _PLANS.setdefault(cursor.connection, _Plans())
            plans.n_runs += 1
            if plans.n_runs == plans.anew_at:
                plans.made, plans.anew_at = set(), 10 * plans.anew_at
                cursor.execute(b"DISCARD PLANS")
            first = text not in plans.made
            if first:
                cursor.execute(_LOOKUPS_ONLY)
            cursor.execute(text, [parameters[name] for name in names], prepare=True)
            result = cursor.pgresult
            rows = cursor.fetchall() if result is not None and result.nfields else []
            if first:
                cursor.execute(_AS_BEFORE)
                plans.made.add(text)
            return rows
    finally:
        if connection.queries_logged:  # tests count statements
            connection.queries_log.append({"sql": query, "time": f"{time.monotonic() - began:.3f}"})


@lru_cache(maxsize=1000)
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as PostgreSQL takes it, `$1` for the first name. The driver would read long ones anew at each call."""
    names = tuple(dict.fromkeys(_NAMED.findall(query)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", query).encode(), names
