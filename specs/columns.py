"""Models in prepared statements: their columns as SQL, and their instances from its rows.

The ORM writes and PostgreSQL plans a query anew each time it is asked; where every request asks the same, that is most of what
the request costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


class Columns(Generic[M]):
    """The columns of *model* under *alias* in a statement's SELECT, but for those in *without*, which are read when asked for.

    `sql` names them. A row begins with `len(...)` values that `instance` takes.
    """

    def __init__(self, model: type[M], alias: str, without: Sequence[str] = ()) -> None:
        fields = [field for field in model._meta.concrete_fields if field.name not in without]
        self.model, self.names = model, [field.attname for field in fields]
        self.sql = ", ".join(f"{alias}.{connection.ops.quote_name(str(field.column))}" for field in fields)
        self._read: list[tuple[int, Any]] = [
            (place, field.from_db_value)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        ]

    def __len__(self) -> int:
        return len(self.names)

    def instance(self, values: Sequence[Any]) -> M:
        row = list(values)
        for place, read in self._read:
            row[place] = read(row[place], None, connection)
        return self.model.from_db("default", self.names, row)
