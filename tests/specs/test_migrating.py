"""Migrations: schema operations of one sort that follow each other are made together, and nothing else about them changes."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from specs.models.migrating import Together, grouped


def _one_by_one(operations: Iterable[Operation]) -> list[Operation]:
    return [
        single
        for one in operations
        for single in (_one_by_one(one.operations) if isinstance(one, Together) else [one])
    ]


def test_one_sort_in_a_row_is_made_together_and_the_order_stays() -> None:
    table = migrations.CreateModel("table", [("id", models.AutoField(primary_key=True))])
    other = migrations.CreateModel("other", [("id", models.AutoField(primary_key=True))])
    field = migrations.AddField("table", "n", models.IntegerField())
    rule = migrations.AddConstraint(
        "table", models.CheckConstraint(condition=models.Q(n__gt=0), name="positive")
    )
    index = migrations.AddIndex("table", models.Index(fields=["n"], name="by_n"))
    code = migrations.RunSQL("SELECT 1")
    given = [table, other, field, rule, index, code, code, field]
    found = grouped(given)
    assert [type(one).__name__ for one in found] == [
        "Together",
        "AddField",
        "Together",
        "RunSQL",
        "RunSQL",
        "AddField",
    ]
    assert _one_by_one(found) == given


def test_every_migration_keeps_its_operations_and_makes_no_model_with_what_is_laid_over_it() -> None:
    for migration in MigrationLoader(None).disk_migrations.values():
        found = grouped(migration.operations)
        assert _one_by_one(found) == _one_by_one(migration.operations), migration
        for one in found:
            if isinstance(one, Together):
                sorts = {isinstance(single, migrations.CreateModel) for single in _one_by_one([one])}
                assert len(sorts) == 1, migration
