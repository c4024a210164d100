"""An item's payload as people read it. Pure: nothing in it is markup, whatever it looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Field:
    """One field: `text` as it is, `long` when it is what people look at rather than a detail beside it."""

    name: str
    title: str
    text: str
    long: bool


def fields(payload: Mapping[str, Any]) -> list[Field]:
    """The payload's fields, what is looked at first; structured values as indented JSON."""
    found = [_field(name, value) for name, value in payload.items()]
    if not any(field.long for field in found):
        found = [Field(field.name, field.title, field.text, True) for field in found]
    order = {name: place for place, name in enumerate(_READ_FIRST)}
    return sorted(found, key=lambda field: (not field.long, order.get(field.name, len(order))))


def _field(name: str, value: Any) -> Field:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value) if plain else json.dumps(value, ensure_ascii=False, indent=2)
    title = name.replace("_", " ").strip().capitalize()
    return Field(name, title, text, name in _READ_FIRST or len(text) > _LONG or not plain)
