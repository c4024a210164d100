"""Columns of whole numbers out of the database as arrays: many rows without a Python object for any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

_HEADER = 19
_TRAILER = 2


def read(query: str, known: Mapping[str, Any], n_columns: int, *, whole: bool = False) -> NDArray[np.int64]:
    """The rows of a query, `(n_rows, n_columns)`. Every column has to be a bigint that is never NULL.

    They come as binary COPY: 12 bytes a number, all of one length, so that they are cut by position. `whole` says that the
    query reads most of its tables: then they are joined by hash, where the planner, with no statistics of a predicate on
    JSON, would look up every row.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if whole:
            cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'")
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", known) as copy:
            data = bytearray()
            for block in copy:
                data += block
        if whole:
            cursor.execute("SET LOCAL enable_nestloop = on; SET LOCAL work_mem = DEFAULT")
    row = np.dtype([("n", ">i2"), ("fields", [("length", ">i4"), ("number", ">i8")], (n_columns,))])
    n_rows = (len(data) - _HEADER - _TRAILER) // row.itemsize
    found = np.frombuffer(data, dtype=row, count=n_rows, offset=_HEADER)
    return np.asarray(found["fields"]["number"].astype(np.int64))
