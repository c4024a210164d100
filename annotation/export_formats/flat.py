"""Rows as cells: which columns a table has, and what stands in them. CSV and Parquet hold the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from annotation.export_formats.base import Layout, Row, kind_of

OF_LABELS = {
    "distribution": "json",
    "share": "number",
    "entropy": "number",
    "n_answers": "whole",
    "spec_version": "text",
    "settled_at": "text",
    "clauses": "texts",
}
"""Columns of every label, and what they hold."""
_WHOLE = ("answers", "predictions")
OF_RULINGS = {"ruling": "whole", "cause": "text", "decisive_clause": "text"}


def columns(layout: Layout) -> dict[str, str]:
    """The columns in their order, and what each holds: text, whole, number, yes, json or texts."""
    found = {"key": "text", **({"split": "text"} if layout.split else {})}
    if "payload" in layout.columns:
        found |= (
            {"payload": "json"}
            if layout.item_fields is None
            else {f"item.{name}": "text" for name in layout.item_fields}
        )
    if "queue" in layout.columns:
        found["queue"] = "text"
    for asked in layout.questions:
        question = asked["key"]
        found |= kind_of(asked).columns(asked)
        found[f"{question}.basis"] = "text"
        found |= {f"{question}.{name}": holds for name, holds in OF_LABELS.items() if name in layout.columns}
        if layout.soft:
            found[f"{question}.soft"] = "json"
        if layout.plural:
            found[f"{question}.soft_label"] = "json"
        if layout.chance and "share" in layout.columns:
            found[f"{question}.chance"] = "number"
        if layout.sure:
            found[f"{question}.confidence"] = "json"
        if "ruling" in layout.columns:
            found |= {f"{question}.{name}": holds for name, holds in OF_RULINGS.items()}
        found[f"{question}.cannot_be_labelled"] = "text"
    if layout.selected:
        found |= {f"selection.{name}": "text" for name in ("reason", "source", "happened_at")}
        found["selection.probability"] = "number"
    found |= {name: "json" for name in _WHOLE if name in layout.columns}
    return found


def cells(layout: Layout) -> Callable[[Row], dict[str, Any]]:
    """What makes the cells of a row, by column; what a row has not is left out."""
    holds = columns(layout)
    fields = layout.item_fields
    asked = [(one["key"], one, kind_of(one), _of_label(one["key"], holds)) for one in layout.questions]

    def of(row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {name: row[name] for name in ("key", "split", "queue") if name in row}
        if (payload := row.get("payload")) is not None:
            if fields is None:
                found["payload"] = as_json(payload)
            else:
                for name in fields:
                    if name in payload:
                        found[f"item.{name}"] = _text(payload[name])
        labels = row["labels"]
        for question, one, kind, told in asked:
            label = labels.get(question)
            if label is None:
                continue
            if label["value"] is not None:
                found |= kind.rows(one, label["value"])
            for name, column, written in told:
                value = label.get(name)
                if value is not None:
                    found[column] = value if written is None else written(value)
        if "selection" in row:
            found |= {f"selection.{name}": value for name, value in row["selection"].items()}
        found |= {name: as_json(row[name]) for name in _WHOLE if name in row}
        return found

    return of


def _of_label(question: str, holds: Mapping[str, str]) -> list[tuple[str, str, Callable[[Any], str] | None]]:
    """What a label of the question brings: its name there, the column, and how it is written where it is JSON."""
    begin = f"{question}."
    return [
        (
            name := column.removeprefix(begin),
            column,
            None if holds[column] != "json" else _counts if name in _COUNTS else as_json,
        )
        for column in holds
        if column.startswith(begin) and column != f"{begin}value"
    ]


_COUNTS = ("distribution", "confidence")


def _counts(value: Mapping[str, int]) -> str:
    """As `as_json`, for whole numbers by name."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else as_json(value)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def only_known(found: Mapping[str, Any], holds: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in holds}
