"""The house keeps its shape: links stay in their project, dependencies point down, files stay small."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pgtrigger
import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from specs.models import Project
from specs.models.base import BusyProjectRow, LinkedAtOnce, ProjectLink, ProjectRow

ROOT = Path(__file__).resolve().parents[1]
ORDER = {"specs": 0, "workforce": 1, "annotation": 2}
MODELS = [model for model in apps.get_models() if model._meta.app_label in ORDER]


@pytest.mark.django_db
def test_every_link_inside_a_project_is_a_composite_key() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conkey::int[], conrelid FROM pg_constraint WHERE contype = 'f'"
        )
        keys = cursor.fetchall()
        cursor.execute("SELECT attrelid, attnum, attname FROM pg_attribute WHERE attnum > 0")
        columns = {(relation, number): name for relation, number, name in cursor.fetchall()}
    composite = {
        (table, columns[relation, number])
        for table, numbers, relation in keys
        for number in numbers
        if len(numbers) > 1
    }
    links = [
        (model._meta.db_table, field.column)
        for model in MODELS
        for field in model._meta.concrete_fields
        if isinstance(field, ProjectLink)
    ]
    assert len(links) > 80
    at_once = {(model._meta.db_table, name) for model, _, names, _ in _linked_at_once() for name in names}
    assert sorted(set(links) - composite - at_once) == []


def _linked_at_once() -> list[tuple[Model, str, tuple[str, ...], tuple[str, ...]]]:
    """Model, table pointed at, columns and keys there of every link that is looked up once per statement."""
    return [
        (model, link.table, link.columns, link.keys)
        for model, trigger in pgtrigger.registered()
        if isinstance(trigger, LinkedAtOnce)
        for link in trigger.links
    ]


@pytest.mark.django_db
def test_a_link_that_is_looked_up_once_can_only_be_broken_at_its_insertion() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, p.prosrc, t.tgtype::int, ARRAY(SELECT a.attname FROM pg_attribute a
                      WHERE a.attrelid = t.tgrelid AND a.attnum = ANY(t.tgattr))::text[]
               FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
               WHERE p.prosrc LIKE '%Cannot %' OR p.prosrc LIKE '%is not emptied%'"""
        )
        refused: dict[str, set[str]] = defaultdict(set)
        for table, _, events, columns in cursor.fetchall():
            if events & 8:
                refused[table].add("DELETE")
            if events & 32:
                refused[table].add("TRUNCATE")
            if events & 16:
                refused[table].update(columns or ["id", "project_id", "every column"])
    links = _linked_at_once()
    assert links
    for model, parent, columns, keys in links:
        here = refused[model._meta.db_table]
        assert "every column" in here or {"project_id", *columns} <= here, f"{model._meta.label} {columns}"
        assert {*keys, "project_id", "DELETE", "TRUNCATE"} <= refused[parent], parent


def test_every_row_belongs_to_a_project() -> None:
    without = {
        model.__name__
        for model in MODELS
        if not issubclass(model, ProjectRow | BusyProjectRow) and model is not Project
    }
    assert (
        without
        == {
            "Event",
            "Preferences",
            "RequestCount",
            "Session",
            "StoredReply",
        }
    )  # an event of the system has none; a reply belongs to its member, a choice, a count or a session to whoever logs in


def test_links_and_migrations_point_down() -> None:
    for model in MODELS:
        for field in model._meta.get_fields():
            to = getattr(field, "related_model", None)
            if field.auto_created or to is None or to._meta.app_label not in ORDER:
                continue
            assert ORDER[to._meta.app_label] <= ORDER[model._meta.app_label], f"{model.__name__}.{field.name}"
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        for parent, _ in migration.dependencies:
            if app in ORDER and parent in ORDER:
                assert ORDER[parent] <= ORDER[app], f"{app}.{name} depends on {parent}"


def test_nothing_cascades() -> None:
    from django.db import models

    for model in MODELS:
        for field in model._meta.concrete_fields:
            if field.remote_field is not None:
                assert field.remote_field.on_delete is not models.CASCADE, f"{model.__name__}.{field.name}"


def test_no_file_becomes_a_drawer() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for folder in (*ORDER, "static", "templates", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".css", ".html"}
        and "migrations" not in path.parts
        and "vendor" not in path.parts
        if (n := len(path.read_text().splitlines())) > 500
    }
    assert long == {}
