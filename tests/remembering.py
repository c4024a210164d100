"""A stage is built once by a process; later tests get its rows again, as if they had just been made.

To build one takes longer than most tests do with it. When it is built in a test's transaction, with nothing else there, its rows
are kept as a function of the database that inserts them anew, past the triggers and rules that have passed them before. Only
within a transaction that is rolled back: what other processes shall see is built anew each time.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.db import connection, models
from psycopg import sql

from annotation import submitting, surroundings
from tests import databases
from workforce.api import base

Built = TypeVar("Built")
_PLAIN = (str, int, float, bool, type(None), timedelta)
_FILLED = """
    SELECT format('SELECT %L WHERE EXISTS (SELECT FROM %I)', relname, relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_COLUMNS = """
    SELECT attname, atttypid::regtype::text FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
_FUNCTION = """
    CREATE SCHEMA IF NOT EXISTS remembered;
    GRANT USAGE ON SCHEMA remembered TO PUBLIC;
    CREATE FUNCTION remembered.{name}() RETURNS interval LANGUAGE plpgsql SECURITY DEFINER
    SET session_replication_role = replica AS {body}
"""


@dataclass
class _Remembered:
    name: str
    built: Any
    """As it was when it was built; every test gets a copy."""


_remembered: dict[str, _Remembered] = {}
_wanted: set[str] = set()
_numbers = itertools.count()


def remembered(build: Callable[[], Built], *, of: object) -> Built:
    """What *build* returns, with its rows in the database; *of* is all that it depends on."""
    if not _is_rolled_back() or _is_changed() or not _is_plain(of):
        return build()
    if repr(of) not in _wanted:  # of what is built but once, nothing need be kept
        _wanted.add(repr(of))
        return build()
    known = _remembered.get(repr(of))
    if known is not None:
        return _again(known)
    with psycopg.connect(databases.admin_url(), autocommit=True) as admin, connection.cursor() as cursor:
        before = _filled(cursor)
        if before - _filled(admin.cursor()):
            return build()
        built = build()
        name = f"stage_{next(_numbers)}"
        admin.execute(
            sql.SQL(_FUNCTION).format(name=sql.Identifier(name), body=sql.Literal(_inserting(before)))
        )
    _remembered[repr(of)] = _Remembered(name, copy.deepcopy(built))
    return built


def _is_rolled_back() -> bool:
    """Whether this is a test's own transaction, and no other process will see its rows."""
    return any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks[:1])


def _is_changed() -> bool:
    """Whether a test has other settings than the others."""
    return type(settings._wrapped).__name__ == "UserSettingsHolder"


def _is_plain(value: object) -> bool:
    """Whether the value is told from others by its text."""
    if isinstance(value, dict):
        return all(_is_plain(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _filled(cursor: Any) -> set[str]:
    """The tables that hold rows."""
    probes = " UNION ALL ".join(probe for (probe,) in _rows(cursor, _FILLED))
    return {name for (name,) in _rows(cursor, probes)}


def _rows(cursor: Any, query: str, *parameters: object) -> list[Any]:
    cursor.execute(query, parameters or None)
    found: list[Any] = cursor.fetchall()
    return found


def _inserting(before: set[str]) -> str:
    """The body of a function that inserts all rows of the tables that were empty *before*, and tells how much later it is."""
    with connection.cursor() as cursor:
        ((at,),) = _rows(cursor, "SELECT clock_timestamp()::text")
        inserts = [_insert(cursor, table) for table in sorted(_filled(cursor) - before)]
    return (
        f"DECLARE later interval := clock_timestamp() - {_quoted(at)}::timestamptz; "
        f"BEGIN {' '.join(inserts)} RETURN later; END"
    )


def _insert(cursor: Any, table: str) -> str:
    ((rows,),) = _rows(cursor, f'SELECT json_agg(t)::text FROM "{table}" t')
    values = {"timestamp with time zone": "{} + later", "xid8": "pg_current_xact_id()"}
    columns = {f'"{name}"': kind for name, kind in _rows(cursor, _COLUMNS, table)}
    selected = (values.get(kind, "{}").format(name) for name, kind in columns.items())
    return (
        f'INSERT INTO "{table}" ({", ".join(columns)}) OVERRIDING SYSTEM VALUE SELECT {", ".join(selected)} '
        f'FROM json_populate_recordset(NULL::"{table}", {_quoted(rows)});'
    )


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string(None)


def _again(known: _Remembered) -> Any:
    """The rows once more, under the ids that they had: what this process has noted of those since is forgotten."""
    for noted in (base.queue_id_of, base._annotator_of):
        noted.cache_clear()
    surroundings._known.clear()
    submitting._served.clear()
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT remembered.{known.name}()")
        (later,) = cursor.fetchone()
    built = copy.deepcopy(known.built)
    for instance in _instances(built, set()):
        for name, value in vars(instance).items():
            if isinstance(value, datetime):
                setattr(instance, name, value + later)
    return built


def _instances(value: Any, seen: set[int]) -> Iterator[models.Model]:
    """All rows that hang on a stage."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, models.Model):
        yield value
        value = value._state.fields_cache
    inside = (
        value.values()
        if isinstance(value, dict)
        else vars(value).values()
        if hasattr(value, "annotators")
        else ()
    )
    for one in inside:
        yield from _instances(one, seen)
