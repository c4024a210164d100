"""A long table of any tool: a row for each label, with columns for item, annotator, label and time. Pure.

Which column is what may be said (`columns`), and is found by usual names otherwise. Several label columns are several questions.
What else stands in a row is a field of its item where all rows of the item say the same, and is left out where they do not.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from specs.wording import _
from workforce import row_files
from workforce.import_formats import plain
from workforce.import_formats.base import Answer, BadRow, Form, Found, NotCarried, Record, Said
from workforce.import_formats.sniffing import Start, start_of

USUAL = {
    "item": (
        "item",
        "item_id",
        "key",
        "task",
        "task_id",
        "example_id",
        "unit_id",
        "document_id",
        "post_id",
        "id",
    ),
    "annotator": (
        "annotator",
        "annotator_id",
        "worker",
        "worker_id",
        "workerid",
        "coder",
        "rater",
        "user",
        "user_id",
    ),
    "label": ("label", "value", "answer", "rating", "category", "judgment"),
    "time": ("time", "timestamp", "answered_at", "created_at", "submitted_at", "date"),
}
PARTS = tuple(USUAL)
_DELIMITERS = ",;\t|"


class Table(Form):
    title = "CSV"
    kinds = {"column": ("choice", "rating", "number", "text", "multichoice", "ranking", "spans")}

    def begins(self, start: Start) -> bool:
        return False  # what begins like nothing else

    def records(self, source: BinaryIO, max_bytes: int, columns: Mapping[str, list[str]]) -> Found:
        delimiter = _delimiter(start_of(source).data)
        text = io.TextIOWrapper(row_files.unpacked(source), encoding="utf-8-sig", newline="")
        try:
            yield from _records(csv.reader(text, delimiter=delimiter, strict=True), columns)
        except UnicodeDecodeError:
            yield 1, BadRow(1, _("is not UTF-8; the rest of the file was not read"))
        except csv.Error as error:
            yield (
                1,
                BadRow(1, _("is not CSV: %(error)s; the rest of the file was not read") % {"error": error}),
            )
        finally:
            text.detach()

    def value_of(self, kind: str, said: Said, data: Mapping[str, Any]) -> Any:
        """A cell: JSON for what has parts, several values with `|` between."""
        text = said.value
        if kind in ("choice", "text", "number", "rating"):
            return plain.value_of(kind, text, data)
        if text[:1] in "[{":
            from specs import canonical

            try:
                return plain.value_of(kind, canonical.loads_strict(text), data)
            except canonical.NotCanonical as error:
                raise NotCarried(_("begin like JSON, and are none")) from error
        return plain.value_of(kind, [one.strip() for one in text.split("|") if one.strip()], data)


def _delimiter(start: bytes) -> str:
    first = start.decode("utf-8", "replace").partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _records(rows: Any, columns: Mapping[str, list[str]]) -> Found:
    header = [name.strip() for name in next(rows, [])]
    if not header or not all(header) or len(set(header)) != len(header):
        yield 1, BadRow(1, _("the header is missing, or names a column twice or not at all"))
        return
    place = {part: places_of(part, header, columns) for part in PARTS}
    missing = [part for part in ("item", "label") if not place[part]]
    if missing:
        yield (
            1,
            BadRow(
                1,
                _("names no column for: %(missing)s; it has %(header)s")
                % {"missing": ", ".join(missing), "header": ", ".join(header)[:300]},
            ),
        )
        return
    taken = {index for part in PARTS for index in place[part]}
    others = [index for index in range(len(header)) if index not in taken]
    found: dict[str, Record] = {}
    apart: Counter[str] = Counter()
    for row in rows:
        line = rows.line_num
        if not row:
            continue
        if len(row) != len(header):
            yield line, BadRow(line, _("has more or fewer fields than the header"))
            continue
        key = row[place["item"][0]].strip()
        if not key:
            yield line, BadRow(line, _("names no item"))
            continue
        data = {header[index]: row[index] for index in others}
        record = found.setdefault(key, Record(key, data))
        for name in [name for name, value in data.items() if record.data.get(name, value) != value]:
            apart[name] += 1
        who = row[place["annotator"][0]].strip() if place["annotator"] else ""
        said = {header[index]: Said("column", row[index]) for index in place["label"] if row[index].strip()}
        at = row[place["time"][0]].strip() if place["time"] else ""
        if said:
            record.answers.append(Answer(_who(who), said, at))
    for line, record in enumerate(found.values(), 2):
        for name in apart:
            record.data.pop(name, None)
        if line == 2:
            for name, n in apart.items():
                record.left_out[
                    _("column %(name)s, which differs between rows of one item") % {"name": name}
                ] += n
        yield line, record


def places_of(part: str, header: Sequence[str], columns: Mapping[str, list[str]]) -> list[int]:
    """Places of the columns of a part: those that were named and are there, else the first that is usually called so."""
    if part in columns:
        return [header.index(name) for name in columns[part] if name in header]
    lower = [name.lower().replace(" ", "_") for name in header]
    return next(([lower.index(name)] for name in USUAL[part] if name in lower), [])


def _who(name: str) -> str:
    """Whoever a table calls so, by a name that is none of a person's."""
    return f"table-{hashlib.sha256(name.encode()).hexdigest()[:12]}" if name else "table-unknown"


form = Table()
