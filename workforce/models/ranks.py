"""Columns that the claim reads and Python never counts with: a place in a queue, and sets of such places."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL


class Rank(models.Field):
    """A number of any length: `ordering` puts priority before the point and the place among equals behind it."""

    def db_type(self, connection: Any) -> str:
        return "numeric"


class Ranges(models.Field):
    """A set of ranges of ranks, none unless it is said."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["db_default"] = RawSQL("'{}'::nummultirange", [])
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["db_default"]
        return name, path, args, kwargs

    def db_type(self, connection: Any) -> str:
        return "nummultirange"
