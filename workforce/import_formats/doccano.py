"""doccano: JSON Lines of a project, or the ZIP of them that its export is. Pure.

A line has `text` and, by kind of project, `label` (texts of a class or an answer, or `[start, end, label]` each), `cats`, or
`entities` with `relations`. It does not say who annotated: an archive has a file for each person, and everything else is one's.

Source: the exports of doccano 1.8, whose places count code points.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from specs.wording import _
from workforce import row_files
from workforce.import_formats import plain
from workforce.import_formats.argilla import row_of
from workforce.import_formats.base import Answer, BadRow, Form, Found, Record, Said
from workforce.import_formats.sniffing import Start, start_of

_SAID = ("label", "labels", "cats", "entities")
_NOT_CARRIED = ("relations", "Comments", "comments")
_MOST_FILES = 1_000


class Doccano(Form):
    title = "doccano"
    kinds = plain.TYPES

    def begins(self, start: Start) -> bool:
        if start.data.startswith(b"PK\x03\x04"):
            return True
        first = start.first
        return (
            not start.array and ("text" in first or "data" in first) and any(name in first for name in _SAID)
        )

    def records(self, source: BinaryIO, max_bytes: int, columns: Mapping[str, list[str]]) -> Found:
        found: dict[str, Record] = {}
        for line, who, row in _rows(source, max_bytes):
            if isinstance(row, BadRow):
                yield line, row
                continue
            key = row.get("id")
            data = {name: value for name, value in row.items() if name not in ("id", *_SAID, *_NOT_CARRIED)}
            if not isinstance(key, str | int) or isinstance(key, bool):
                yield line, BadRow(line, _("has no id"))
            elif not data:
                yield line, BadRow(line, _("has no text"))
            else:
                record = found.setdefault(str(key), Record(str(key), data))
                for name in _NOT_CARRIED:
                    if row.get(name):
                        record.left_out[name.lower()] += len(row[name]) if isinstance(row[name], list) else 1
                record.answers.append(Answer(who, _said(row)))
        for line, record in enumerate(found.values(), 1):
            yield line, record

    def value_of(self, kind: str, said: Said, data: Mapping[str, Any]) -> Any:
        return plain.value_of(kind, said.value, data)


def _said(row: Mapping[str, Any]) -> dict[str, Said]:
    found = {}
    for name in _SAID:
        value = row.get(name)
        if name == "entities" and isinstance(value, list):
            value = [_entity(one) for one in value]
        if isinstance(value, list):
            found["label" if name == "labels" else name] = Said(plain.type_of(value) or "list", value)
    return found


def _entity(one: Any) -> Any:
    if isinstance(one, dict) and {"start_offset", "end_offset", "label"} <= set(one):
        return [one["start_offset"], one["end_offset"], one["label"]]
    return one


def _rows(source: BinaryIO, max_bytes: int) -> Iterator[tuple[int, str, dict[str, Any] | BadRow]]:
    """`(line, whose, row)`; lines of an archive are those of its files."""
    if not start_of(source).data.startswith(b"PK\x03\x04"):
        for line, row in _lines(row_files.unpacked(source), max_bytes):
            yield line, "doccano-all", row
        return
    try:
        with zipfile.ZipFile(source) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith(".jsonl"))
            if not 0 < len(names) <= _MOST_FILES:
                yield 1, "", BadRow(1, _("is an archive without a file that ends in .jsonl"))
            for name in names[:_MOST_FILES]:
                with archive.open(name) as file:
                    for line, row in _lines(cast(BinaryIO, io.BufferedReader(file)), max_bytes):
                        yield line, _who(name), row
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        yield 1, "", BadRow(1, _("is a damaged archive: %(error)s") % {"error": error})


def _lines(source: BinaryIO, max_bytes: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    for line, raw in row_files.read(source, form="jsonl", max_bytes=max_bytes):
        yield line, row_of(line, raw)


def _who(name: str) -> str:
    """Whose file of an archive this is: files are called by the names people log in with, which stay out."""
    stem = PurePosixPath(name).stem
    return f"doccano-{stem if stem in ('all', 'unknown') else hashlib.sha256(stem.encode()).hexdigest()[:12]}"


form = Doccano()
