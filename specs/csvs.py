"""CSV for people's spreadsheets: no cell is ever taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

_OPENS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file line by line, its head first. Text that opens like a formula gets an apostrophe; numbers stay as they are."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    yield buffer.getvalue()
    for cells in rows:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([inert(cell) for cell in cells])
        yield buffer.getvalue()


def inert(cell: object) -> object:
    """The cell as no program takes it for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_OPENS_A_FORMULA) else cell
