"""Connections that died with the database, thrown out of the pool at once instead of one per failed request."""

from __future__ import annotations

from django.db import connection


def drop_broken() -> None:
    """Look at every idle connection of this process and replace those that are dead."""
    pool = getattr(connection, "pool", None)
    if pool is not None:
        pool.check()
