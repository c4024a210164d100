"""What migrations need beside Django's own operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation, OperationCategory
from pgtrigger.migrations import AddTrigger, RemoveTrigger

_SORTS: tuple[tuple[type[Operation], ...], ...] = (
    (migrations.CreateModel,),
    (migrations.AddField,),
    (
        migrations.AddConstraint,
        migrations.RemoveConstraint,
        migrations.AddIndex,
        migrations.RemoveIndex,
        AddTrigger,
        RemoveTrigger,
    ),
)
"""Of each sort, operations in a row can be made under the state after the last of them."""


class Together(Operation):
    """Schema operations of one sort that are made under one state of the models.

    One by one, each makes Django build all related models anew, and nearly all of ours are related through the project: with
    hundreds of constraints that took most of the time of a first start. Models, fields, and what is laid over them
    (constraints, indexes, triggers) stand in groups of their own, in that order.
    """

    category = OperationCategory.MIXED
    reduces_to_sql = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = list(operations)

    def deconstruct(self) -> Any:
        return type(self).__qualname__, [self.operations], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        state.__dict__.pop("apps", None)  # else every one of them builds the models again
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"{len(self.operations)} operations"


def grouped(operations: Iterable[Operation]) -> list[Operation]:
    """The same operations, those of one sort that follow each other as one."""
    made: list[Operation] = []
    for sort, row in groupby(operations, _sort):
        found = list(row)
        made += found if sort is None or len(found) == 1 else [Together(found)]
    return made


def _sort(operation: Operation) -> int | None:
    return next((place for place, sort in enumerate(_SORTS) if type(operation) in sort), None)
