"""How a file begins, unpacked: what tells the forms of exports apart. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from workforce import row_files

_LOOKED_AT = 2**20


@dataclass(frozen=True)
class Start:
    """The first bytes of a file, and the first object in them: of an array (`array`), or of a line."""

    data: bytes
    array: bool = False
    first: dict[str, Any] = field(default_factory=dict)


def start_of(source: BinaryIO) -> Start:
    """The source is left at its start."""
    try:
        data = row_files.unpacked(source).read(_LOOKED_AT)
    except (OSError, EOFError, ValueError):
        data = b""
    finally:
        source.seek(0)
    text = data.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    array = text.startswith("[")
    try:
        first, _end = json.JSONDecoder().raw_decode(text[1:].lstrip() if array else text)
    except (ValueError, RecursionError):
        first = None
    return Start(data, array, first if isinstance(first, dict) else {})
