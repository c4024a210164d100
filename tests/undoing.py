"""What is done to the database is taken back, so that what took long to build can stand for a whole file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is taken back; nests."""
    try:
        with transaction.atomic():
            yield
            raise _Back
    except _Back:
        pass


class _Back(Exception):
    pass
