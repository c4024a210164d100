"""Statements of the hot paths, prepared once per connection: parsed and planned once, then only executed.

Django binds parameters on the client, so PostgreSQL parses and plans every statement anew. For a claim that costs more than
the claim itself. What runs here is bound on the server: give numbers a type (`%(queue)s::bigint`) where the text alone leaves
it open. Statements run inside the transaction that is open, or, as Django's own, each in one of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection

# What has its plan, by connection. A plan is made at the first execution and kept. While a table is small, to read it whole is
# cheapest, and the plan would still do so when it has grown: so plans are made without that. An error takes the setting back
# with its transaction, or leaves it to the next statement that is planned.
_PLANNED: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()
_NAMED = re.compile(r"%\((\w+)\)s")


def run(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a statement and return its rows, none where it gives none. Raises Django's database errors."""
    text, names = _numbered(query)
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    began = time.monotonic()
    try:
        with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
            planned = _PLANNED.setdefault(cursor.connection, set())
            if text not in planned:
                cursor.execute(b"SET enable_seqscan = off")
            cursor.execute(text, [parameters[name] for name in names], prepare=True)
            rows = cursor.fetchall() if cursor.description else []
            if text not in planned:
                cursor.execute(b"RESET enable_seqscan")
                planned.add(text)
            return rows
    finally:
        if connection.queries_logged:  # tests count statements
            connection.queries_log.append({"sql": query, "time": f"{time.monotonic() - began:.3f}"})


@lru_cache(maxsize=1000)
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as PostgreSQL takes it, `$1` for the first name. The driver would read long ones anew at each call."""
    names = tuple(dict.fromkeys(_NAMED.findall(query)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", query).encode(), names
