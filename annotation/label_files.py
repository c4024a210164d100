"""The files of a history of labels, read whole and checked before anything is written. Pure.

A folder holds `labels.csv` and, where they are there, `items.csv`, `gold.csv`, `clauses.csv`, `spans.csv` (each also as `.gz`).
Every refusal names file, line and reason.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from specs.refusals import Invalid

TIME = "timestamp"
LONGEST_KEY = 200  # characters of an item's or an annotator's name
PAYLOAD = "concordat_payload"
"""A column of `items.csv` that has all fields of the item as one JSON object."""
OTHERS = "concordat_others"
"""A column of `labels.csv` that has answers to further questions by their keys, as one JSON object; then `label` may be empty."""
Row = dict[str, str]


@dataclass(frozen=True)
class Files:
    """The tables of a folder; `left_out` says in sentences what was there and is not used."""

    labels: list[Row]
    first_labels: list[Row]
    items: list[Row]
    gold: list[Row]
    clauses: list[Row]
    left_out: tuple[str, ...]
    digest: str
    tables: Tables


def read(folder: Path, table: str = "labels", column: str = "label", *, longest: int = LONGEST_KEY) -> Files:
    """Read and check a folder. Raises `Invalid` naming file, line and reason.

    *table* and *column* have the labels, of at most *longest* characters; a folder without that table has `labels` and `label`.
    """
    digest = hashlib.sha256()
    if _path(folder, table) is None:
        table, column = "labels", "label"
    labels = _read(folder, table, {"item_id", "annotator_id", column}, digest)
    if column != "label":
        labels = [{**row, "label": row[column]} for row in labels]
    items = _read(folder, "items", {"item_id"}, digest)
    gold = _read(folder, "gold", {"item_id", "label"}, digest)
    clauses = _read(folder, "clauses", {"clause_id"}, digest)
    if not labels:
        raise Invalid(f"{folder} has no {table}.csv with rows.")
    tables = Tables(folder, {"labels": labels, "items": items, "gold": gold}, table)
    tables.refuse_twice("items", ("item_id",), "an item stands once")
    tables.refuse_twice("gold", ("item_id",), "a gold label stands once per item")
    if items:
        known = {row["item_id"] for row in items}
        for name in ("labels", "gold"):
            tables.refuse_where(name, "item_id", lambda key: key not in known, "items.csv does not have it")
    for name in ("labels", "items", "gold"):
        for part, most in (("item_id", LONGEST_KEY), ("annotator_id", LONGEST_KEY), ("label", longest)):
            tables.refuse_where(name, part, _longer_than(most), f"longer than {most} characters")
    tables.read_times()
    tables.refuse_twice(
        "labels",
        ("item_id", "annotator_id"),
        "two labels of one annotator for one item; mark repeats in a column `repeat`",
    )
    first = [row for row in labels if not _repeat(row)]
    if not first:
        raise Invalid("labels.csv marks every label as a repeat.")
    left_out = tuple(
        f"{other}.csv is not used: it holds answers to another kind of question."
        for other in ("labels", "spans")
        if other != table and _path(folder, other)
    )
    return Files(labels, first, items, gold, clauses, left_out, f"sha256:{digest.hexdigest()}", tables)


def _longer_than(most: int) -> Callable[[str], bool]:
    return lambda text: len(text) > most


def _path(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.exists()), None)


def _read(folder: Path, name: str, needed: set[str], digest: Any) -> list[Row]:
    path = _path(folder, name)
    if path is None:
        return []
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise Invalid(f"{path.name} is no whole gzip file: {error}.") from error
    digest.update(name.encode() + b"\0" + data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} is not UTF-8 at byte {error.start}.") from error
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        raise Invalid(f"{path.name} line {line}: a NUL character.")
    return list(_rows(path.name, text, needed))


def _rows(name: str, text: str, needed: set[str]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := needed - set(header):
            raise Invalid(f"{name} lacks the columns {', '.join(sorted(missing))}.")
        if len(set(header)) != len(header):
            raise Invalid(f"{name} names a column twice.")
        required = [header.index(column) for column in sorted(needed)]
        others = header.index(OTHERS) if OTHERS in header else None
        for row in reader:
            if len(row) != len(header):
                if not row:
                    continue
                raise Invalid(f"{name} line {reader.line_num}: has more or fewer fields than the header.")
            for index in required:
                if not row[index].strip() and not (header[index] == "label" and others and row[others]):
                    raise Invalid(f"{name} line {reader.line_num}: an empty {header[index]}.")
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise Invalid(f"{name} line {reader.line_num}: {error}.") from error


def fields_of(row: Row) -> dict[str, Any]:
    """The fields of an item of `items.csv`."""
    if PAYLOAD in row:
        found: dict[str, Any] = json.loads(row[PAYLOAD])
        return found
    return {name: value for name, value in row.items() if name not in ("item_id", "clause_id")}


def _repeat(row: Row) -> bool:
    return row.get("repeat", "0") not in ("", "0")


@dataclass(frozen=True)
class Tables:
    """The rows of a folder's files, for refusals that name the line."""

    folder: Path
    rows: dict[str, list[Row]]
    table: str = "labels"

    def refuse_where(self, name: str, column: str, bad: Callable[[str], bool], why: str) -> None:
        """Refuse the first row whose column is bad; the values are looked at once each."""
        rows = self.rows[name]
        if not rows or column not in rows[0]:
            return
        wrong = {value for value in {row[column] for row in rows} if bad(value)}
        if wrong:
            index = next(index for index, row in enumerate(rows) if row[column] in wrong)
            more = f" ({len(wrong) - 1:,} more like it)" if len(wrong) > 1 else ""
            raise self.at(name, index, f"{column} {rows[index][column][:60]!r}: {why}{more}")

    def refuse_twice(self, name: str, columns: tuple[str, ...], why: str) -> None:
        """Refuse the first row that repeats an earlier one in these columns."""
        seen = set()
        for index, row in enumerate(self.rows[name]):
            if _repeat(row):
                continue
            value = tuple([row[column] for column in columns])
            if value in seen:
                raise self.at(name, index, f"{', '.join(map(repr, value))}: {why}")
            seen.add(value)

    def read_times(self) -> None:
        """Put the time of each label into the column `timestamp`: ISO 8601, UTC where it names no zone."""
        labels = self.rows["labels"]
        column = next((name for name in (TIME, "answered_at") if name in labels[0]), None)
        if column is None:
            return
        for index, row in enumerate(labels):
            text = row[column]
            if text:
                try:
                    at = datetime.fromisoformat(text)
                except ValueError as error:
                    raise self.at(
                        "labels", index, f"{column} {text[:60]!r} is no time in ISO 8601"
                    ) from error
                row[TIME] = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
            else:
                row[TIME] = ""

    def at(self, name: str, index: int, why: str) -> Invalid:
        """The refusal of a row, by its line: the file is read again up to there."""
        path = _path(self.folder, self.table if name == "labels" else name)
        assert path is not None
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        next(reader)
        line = reader.line_num + 1
        for _ in islice((row for row in reader if row), index):
            line = reader.line_num + 1
        return Invalid(f"{path.name} line {line}: {why}.")
