"""Django's `migrate`; schema operations of one sort that follow each other are made together, in a fraction of the time."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db.migrations.executor import MigrationExecutor

from specs.models.migrating import grouped


class Executor(MigrationExecutor):
    def apply_migration(
        self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False
    ) -> Any:
        if not fake_initial:  # Django looks at each operation then
            migration.operations = grouped(migration.operations)
        return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        names = vars(migrate)  # the command takes its executor from there, and from nowhere else
        djangos, names["MigrationExecutor"] = names["MigrationExecutor"], Executor
        try:
            super().handle(*args, **options)
        finally:
            names["MigrationExecutor"] = djangos
