"""An item's payload as people read it. Pure: nothing in it is markup, whatever it looks like.

What a field is stands in the project's settings (`specs.item_fields`), or is seen from its value; each kind has a template
`components/fields/<kind>.html`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from specs import item_fields

_READ_FIRST = (
    "title",
    "text",
    "premise",
    "hypothesis",
    "prompt",
    "question",
    "response",
    "message",
    "content",
    "document",
)
_LONG = 60
_TARGET = "target_turn"


@dataclass(frozen=True)
class Field:
    """One field: `long` when it is what people look at rather than a detail beside it.

    `text` is the value as text; `value` what the kind's template reads: turns, candidates, rows, media.
    """

    name: str
    title: str
    text: str
    long: bool
    kind: str = "text"
    value: Any = None

    @property
    def template(self) -> str:
        return f"components/fields/{self.kind}.html"


def fields(payload: Mapping[str, Any], *, declared: str = "", without: Collection[str] = ()) -> list[Field]:
    """The payload's fields, what is looked at first. *declared* are the project's lines; *without* fields that others show."""
    kinds = _kinds(declared)
    shown = {name: value for name, value in payload.items() if name not in without}
    found = [_field(name, value, kinds.get(name), payload) for name, value in shown.items()]
    found = [field for field in found if field.kind != "hidden"]
    if len(shown) == len(payload) and not any(field.long for field in found):
        found = [Field(field.name, field.title, field.text, True, field.kind, field.value) for field in found]
    order = {name: place for place, name in enumerate([*kinds, *_READ_FIRST])}
    return sorted(found, key=lambda field: (not field.long, order.get(field.name, len(order))))


def _kinds(declared: str) -> dict[str, str]:
    try:
        return item_fields.declared(declared)
    except ValueError:  # settings refuse such lines; a page shows its item all the same
        return {}


def _field(name: str, value: Any, declared: str | None, payload: Mapping[str, Any]) -> Field:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False, indent=2)
    title = name.replace("_", " ").strip().capitalize()
    kind, read = _read(declared, value, payload)
    if kind == "detail":
        return Field(name, title, text, False)
    long = declared is not None or name in _READ_FIRST or len(text) > _LONG or not plain
    return Field(name, title, text, long, kind, read)


def _read(declared: str | None, value: Any, payload: Mapping[str, Any]) -> tuple[str, Any]:
    """The kind as it is shown, and the value in its form: what does not fit its declaration is shown as what it looks like."""
    for kind in (declared, item_fields.seen(value)):
        match kind:
            case "conversation" if found := item_fields.turns(value, payload.get(_TARGET)):
                return kind, found
            case "candidates" if found := item_fields.candidates(value):
                return kind, found
            case "table" if table := item_fields.rows(value):
                return kind, table
            case "image" | "audio" if (media := item_fields.media_of(value)) and media["type"].startswith(
                kind
            ):
                return kind, media
            case "markdown" | "html" if isinstance(value, str):
                return kind, value
            case "text" | "json" | "detail" | "hidden":
                return kind, None
    return ("json" if isinstance(value, dict | list) else "text"), None
