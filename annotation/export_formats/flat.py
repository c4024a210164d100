"""Rows as cells: which columns a table has, and what stands in them. CSV and Parquet hold the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

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
    if "answers" in layout.columns:
        found["answers"] = "json"
    return found


def cells(layout: Layout) -> Callable[[Row], dict[str, Any]]:
    """What makes the cells of a row, by column; what a row has not is left out."""
    asked = [(one["key"], one, kind_of(one)) for one in layout.questions]
    fields = layout.item_fields
    holds = columns(layout)

    def of(row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {name: row[name] for name in ("key", "split", "queue") if name in row}
        if (payload := row.get("payload")) is not None:
            if fields is None:
                found["payload"] = as_json(payload)
            else:
                found |= {f"item.{name}": _text(payload[name]) for name in fields if name in payload}
        for question, one, kind in asked:
            label = row["labels"].get(question)
            if label is None:
                continue
            if label["value"] is not None:
                found |= kind.rows(one, label["value"])
            for name, value in label.items():
                column = f"{question}.{name}"
                if name != "value" and value is not None and column in holds:
                    found[column] = as_json(value) if holds[column] == "json" else value
        found |= {f"selection.{name}": value for name, value in row.get("selection", {}).items()}
        if "answers" in row:
            found["answers"] = as_json(row["answers"])
        return found

    return of


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else as_json(value)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def only_known(found: Mapping[str, Any], holds: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in holds}
