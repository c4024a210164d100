"""Files of rows, whatever their form: JSON Lines, CSV, Parquet, Label Studio JSON, each also as gzip. Pure.

Every reader is a stream: it holds one line, one batch or one task, never the file.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from specs.wording import _

FORMS = {
    "jsonl": "JSON Lines",
    "csv": "CSV",
    "parquet": "Parquet",
    "label-studio": "Label Studio JSON",
}
_CHUNK = 2**18
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class BadRow:
    line: int
    reason: str


Found = Iterator[tuple[int, "dict[str, Any] | bytes | BadRow"]]


def form_of(name: str) -> str:
    """The form a file name stands for; JSON Lines unless it ends in `.csv`, `.parquet` or `.json`."""
    name = name.lower().removesuffix(".gz")
    endings = {".csv": "csv", ".parquet": "parquet", ".json": "label-studio"}
    return next((form for ending, form in endings.items() if name.endswith(ending)), "jsonl")


def read(source: BinaryIO, *, form: str, max_bytes: int, after: int = 0) -> Found:
    """`(line, fields)` for each row beyond line *after*: fields as a dict, as a line of JSON, or why it cannot be read."""
    reader = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet, "label-studio": _label_studio}[form]
    last = after
    try:
        for line, fields in reader(source, max_bytes, after):
            last = line
            yield line, fields
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield last + 1, BadRow(last + 1, f"the gzip is damaged ({error}); the rest of the file was not read")


def unpacked(source: BinaryIO) -> BinaryIO:
    """The file itself, or what a gzip holds. The source must be seekable."""
    start = source.read(2)
    source.seek(0)
    return gzip.GzipFile(fileobj=source, mode="rb") if start == b"\x1f\x8b" else source  # type: ignore[return-value]


def _jsonl(source: BinaryIO, max_bytes: int, after: int) -> Found:
    number, longest = 0, 4 * max_bytes
    readline = source.readline
    while raw := readline(longest):
        number += 1
        if len(raw) >= longest and not raw.endswith(b"\n"):
            yield (
                number,
                BadRow(
                    number,
                    _("is longer than %(longest)s bytes; the rest of the file was not read")
                    % {"longest": longest},
                ),
            )
            return
        if number <= after:
            continue
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw.isspace() and raw:
            yield number, raw


def _csv(source: BinaryIO, max_bytes: int, after: int) -> Found:
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="strict", newline="")
    reader = csv.reader(text, strict=True)
    line = 0
    try:
        header = next(reader, None)
        if not header or len(set(header)) != len(header) or not all(name.strip() for name in header):
            yield 1, BadRow(1, "the header is missing, or names a column twice or not at all")
            return
        width = len(header)
        for values in reader:
            line = reader.line_num
            if not values or line <= after:
                continue
            if len(values) != width:
                yield line, BadRow(line, f"has {len(values)} fields where the header has {width}")
                continue
            yield line, dict(zip(header, values, strict=True))
    except UnicodeDecodeError:
        yield line + 1, BadRow(line + 1, _("is not UTF-8; the rest of the file was not read"))
    except csv.Error as error:
        line = max(line + 1, reader.line_num)
        yield (
            line,
            BadRow(line, _("is not CSV: %(error)s; the rest of the file was not read") % {"error": error}),
        )
    finally:
        text.detach()


def _parquet(source: BinaryIO, max_bytes: int, after: int) -> Found:
    """Rows of a Parquet file, counted from 1. Only columns with a place in JSON; times become ISO 8601, decimals text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        file = pq.ParquetFile(source)
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            yield 1, BadRow(1, "names a column twice")
            return
        for batch in file.iter_batches(batch_size=_BATCH):
            if number + batch.num_rows <= after:
                number += batch.num_rows
                continue
            for fields in batch.to_pylist():
                number += 1
                if number > after:
                    yield number, _jsonable(fields)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        yield (
            number + 1,
            BadRow(
                number + 1,
                _("is not Parquet: %(reason)s; the rest of the file was not read") % {"reason": reason},
            ),
        )


def _jsonable(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _jsonable(child) for key, child in value.items()}
        case list() | tuple():
            return [_jsonable(child) for child in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case decimal.Decimal():
            return str(value)
        case _:
            return value


def _label_studio(source: BinaryIO, max_bytes: int, after: int) -> Found:
    """The tasks of a Label Studio export as rows: what `data` holds, under the task's own key. Counted from 1."""
    for number, task in tasks(source, max_bytes):
        if number <= after:
            continue
        if isinstance(task, BadRow):
            yield number, task
            continue
        data = task.get("data")
        if not isinstance(data, dict) or not data:
            yield number, BadRow(number, _("is no Label Studio task: it has no data"))
            continue
        key = key_of(task)
        if key is None:
            yield number, BadRow(number, "has neither an id nor a key in its data")
            continue
        yield number, {**fields_of(data), "key": key}


_KEYS = ("key", "item_id", "id")


def fields_of(data: dict[str, Any]) -> dict[str, Any]:
    """What of a task's data is its item's: neither the key nor what a configuration written here needs besides."""
    from specs.label_config import REST

    return {
        name: value for name, value in data.items() if name not in _KEYS and not name.startswith(f"{REST}_")
    }


def key_of(task: dict[str, Any]) -> str | int | None:
    """What an item of a Label Studio task is known by: a key in its data, else the task's id."""
    data = task.get("data") or {}
    return next(
        (value for value in (*(data.get(name) for name in _KEYS), task.get("id")) if value not in (None, "")),
        None,
    )


def tasks(source: BinaryIO, max_bytes: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """The objects of a JSON array, one at a time, each parsed strictly; a task is bounded by 16 times *max_bytes*."""
    from specs import canonical

    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="strict", newline="")
    scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    buffer, at, number, opened, ended = "", 0, 0, False, False
    try:
        while True:
            at = _skip(buffer, at)
            if at >= len(buffer):
                more = text.read(_CHUNK)
                if not more:
                    break
                buffer, at = more, 0
                continue
            if not opened:
                if buffer[at] != "[":
                    yield 1, BadRow(1, _("is not a JSON array of tasks; the rest of the file was not read"))
                    return
                opened, at = True, at + 1
                continue
            if buffer[at] == "]":
                ended = True
                break
            if buffer[at] == ",":
                at += 1
                continue
            try:
                _value, end = scan(buffer, at)
                if end >= len(buffer) and buffer[end - 1] not in '}]"':
                    raise StopIteration(end)
            except (StopIteration, ValueError, RecursionError) as error:
                more = "" if isinstance(error, RecursionError) else text.read(max(_CHUNK, len(buffer) - at))
                if not more or len(buffer) - at > 16 * max_bytes:
                    reason = (
                        _("is longer than a task may be")
                        if more
                        else _("is not JSON, or the file ends inside it")
                    )
                    yield number + 1, BadRow(number + 1, f"{reason}; the rest of the file was not read")
                    return
                buffer, at = buffer[at:] + more, 0
                continue
            number += 1
            try:
                task = canonical.loads_strict(buffer[at:end])
            except canonical.NotCanonical as error:
                yield number, BadRow(number, str(error))
            else:
                yield number, task if isinstance(task, dict) else BadRow(number, _("is not an object"))
            at = end
        if opened and not ended:
            yield number + 1, BadRow(number + 1, "the array does not end; the file is cut")
    except UnicodeDecodeError:
        yield number + 1, BadRow(number + 1, _("is not UTF-8; the rest of the file was not read"))
    finally:
        text.detach()


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
