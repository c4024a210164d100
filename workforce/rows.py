"""Rows of items as they come in: JSON Lines or CSV, checked one by one, every problem with its line and reason. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from specs import canonical

MAX_KEY = 200
_RESERVED = ("key", "id", "item_id")


@dataclass(frozen=True)
class Row:
    """A good row: `payload` is what will be kept, `digest` of its canonical bytes."""

    line: int
    key: str
    payload: dict[str, Any]
    digest: str
    sensitive: bool


@dataclass(frozen=True)
class BadRow:
    line: int
    reason: str


def read(source: BinaryIO, *, form: str, max_bytes: int) -> Iterator[Row | BadRow]:
    """Rows of a file: `form` is `jsonl` or `csv`. A key field is named `key`, `item_id` or `id`; the rest is the payload."""
    lines = _jsonl(source, max_bytes) if form == "jsonl" else _csv(source)
    for line, fields in lines:
        yield fields if isinstance(fields, BadRow) else _row(line, fields, max_bytes)


def form_of(name: str) -> str:
    """The form a file name stands for; JSON Lines unless it ends in `.csv`."""
    return "csv" if name.lower().removesuffix(".gz").endswith(".csv") else "jsonl"


def _row(line: int, fields: dict[str, Any], max_bytes: int) -> Row | BadRow:
    fields = dict(fields)
    name = next((name for name in _RESERVED if fields.get(name) not in (None, "")), None)
    if name is None:
        return BadRow(line, "has no key (a field named key, item_id or id)")
    key = fields.pop(name)
    if isinstance(key, bool) or not isinstance(key, str | int):
        return BadRow(line, "the key is neither text nor a whole number")
    key = str(key)
    if not 0 < len(key) <= MAX_KEY or key != key.strip():
        return BadRow(line, f"the key is empty, padded or longer than {MAX_KEY} characters")
    sensitive = fields.pop("sensitive", False)
    if sensitive not in (True, False, "0", "1", "true", "false", ""):
        return BadRow(line, "sensitive is neither true nor false")
    if not fields:
        return BadRow(line, "has nothing but a key")
    try:
        data = canonical.dumps(fields)
    except canonical.NotCanonical as error:
        return BadRow(line, str(error))
    if len(data) > max_bytes:
        return BadRow(line, f"is larger than {max_bytes} bytes")
    return Row(line, key, fields, canonical.digest(data), sensitive in (True, "1", "true"))


def _jsonl(source: BinaryIO, max_bytes: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    number = 0
    while True:
        raw = source.readline(4 * max_bytes)
        if not raw:
            return
        number += 1
        if not raw.endswith(b"\n") and len(raw) >= 4 * max_bytes:
            yield (
                number,
                BadRow(number, f"is longer than {4 * max_bytes} bytes; the rest of the file was not read"),
            )
            return
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw.strip():
            continue
        try:
            fields = canonical.loads_strict(raw)
        except canonical.NotCanonical as error:
            yield number, BadRow(number, str(error))
            continue
        yield number, fields if isinstance(fields, dict) else BadRow(number, "is not a JSON object")


def _csv(source: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="strict", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, None)
        if not header or len(set(header)) != len(header) or not all(name.strip() for name in header):
            yield 1, BadRow(1, "the header is missing, or names a column twice or not at all")
            return
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                yield (
                    reader.line_num,
                    BadRow(reader.line_num, f"has {len(values)} fields where the header has {len(header)}"),
                )
                continue
            yield reader.line_num, dict(zip(header, values, strict=True))
    except UnicodeDecodeError:
        yield (
            reader.line_num + 1,
            BadRow(reader.line_num + 1, "is not UTF-8; the rest of the file was not read"),
        )
    except csv.Error as error:
        yield (
            reader.line_num,
            BadRow(reader.line_num, f"is not CSV: {error}; the rest of the file was not read"),
        )


def to_copy(rows: Iterable[Row]) -> Iterator[tuple[int, str, str, str, bool]]:
    """The rows as COPY wants them; the payload as JSON text."""
    for row in rows:
        yield row.line, row.key, json.dumps(row.payload, ensure_ascii=False), row.digest, row.sensitive
