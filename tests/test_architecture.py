"""The house keeps its shape: links stay in their project, dependencies point down, files stay small."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from specs.models import Project
from specs.models.base import BusyProjectRow, ProjectLink, ProjectRow

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
    assert sorted(set(links) - composite) == []


def test_every_row_belongs_to_a_project() -> None:
    without = {
        model.__name__
        for model in MODELS
        if not issubclass(model, ProjectRow | BusyProjectRow) and model is not Project
    }
    assert without == {
        "Event",
        "StoredReply",
    }  # an event of the system has none; a reply belongs to its member


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
