"""Rows of items as they come in, checked one by one, every problem with its line and reason. Pure.

What most rows are (one flat object of text, whole numbers and truth values) takes a short way; whatever it is not sure about
goes the long way through `canonical.loads_strict`. Both give the same bytes and the same refusals (tested by properties).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, BinaryIO

import orjson

from specs import canonical
from workforce import row_files
from workforce.row_files import BadRow

__all__ = ["BadRow", "Row", "form_of", "read", "to_copy"]

MAX_KEY = 200
_RESERVED = ("key", "id", "item_id")
_PLAIN = frozenset((str, bool, int, type(None)))
_DUMP = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_SHALLOW = 16  # levels that the short way follows; deeper rows take the long way


@dataclass(frozen=True, slots=True)
class Row:
    """A good row: `payload` is the canonical JSON of what will be kept, `digest` of exactly these bytes.

    With `gone` it says that its source has the key no more, and nothing else.
    """

    line: int
    key: str
    payload: bytes
    digest: str
    sensitive: bool
    gone: bool = False

    def fields(self) -> dict[str, Any]:
        """The payload as an object."""
        found: dict[str, Any] = orjson.loads(self.payload)
        return found


def read(
    source: BinaryIO, *, form: str, max_bytes: int, after: int = 0, updates: bool = False
) -> Iterator[Row | BadRow]:
    """Rows of a file beyond line *after*; `form` is one of `row_files.FORMS`.

    A key field is named `key`, `item_id` or `id`; the rest is the payload, of at most *max_bytes* canonical bytes. Where
    *updates* are asked for, a row whose field `deleted` is true says that its key is gone.
    """
    for line, fields in row_files.read(source, form=form, max_bytes=max_bytes, after=after):
        if isinstance(fields, BadRow):
            yield fields
        elif updates and (gone := _gone(line, fields, max_bytes)) is not None:
            yield gone
        elif isinstance(fields, bytes):
            yield _short(line, fields, max_bytes) or _long(line, fields, max_bytes)
        else:
            yield _row(line, fields, max_bytes)


def form_of(name: str) -> str:
    """The form a file name stands for; JSON Lines unless its ending says something else."""
    return row_files.form_of(name)


def _gone(line: int, fields: bytes | dict[str, Any], max_bytes: int) -> Row | BadRow | None:
    """The row of a key that is gone; None where the row says something else."""
    if isinstance(fields, bytes):
        if b'"deleted"' not in fields:
            return None
        try:
            fields = orjson.loads(fields)
        except orjson.JSONDecodeError:
            return None
    if not isinstance(fields, dict) or fields.get("deleted") not in (True, "1", "true"):
        return None
    key = next((fields[name] for name in _RESERVED if fields.get(name) not in (None, "")), None)
    checked = _checked(line, {"key": key, "deleted": True}, max_bytes)
    return checked if isinstance(checked, BadRow) else replace(checked, payload=b"null", gone=True)


def _short(line: int, raw: bytes, max_bytes: int) -> Row | None:
    """The row of a line of JSON, or None where this way cannot tell."""
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if type(fields) is not dict or b"\\u003" in raw:
        return None
    n_colons = raw.count(b":")
    return _plain_row(line, fields, n_colons, max_bytes)


def _plain_row(line: int, fields: dict[str, Any], n_colons: int | None, max_bytes: int) -> Row | None:
    for value in fields.values():
        if type(value) not in _PLAIN and not _is_plain(value, 1):
            return None
    name = next((name for name in _RESERVED if fields.get(name) not in (None, "")), None)
    if name is None:
        return None
    key = fields.pop(name)
    if type(key) is int:
        key = str(key)
    if type(key) is not str or not 0 < len(key) <= MAX_KEY or key != key.strip() or "\x00" in key:
        return None
    n_taken = 1 + key.count(":")
    sensitive = False
    if "sensitive" in fields:
        given = fields.pop("sensitive")
        if type(given) is not bool:
            return None
        sensitive = given
        n_taken += 1
    if not fields:
        return None
    try:
        data = orjson.dumps(fields, option=_DUMP)
    except (orjson.JSONEncodeError, TypeError):
        return None
    # A member that stands twice left its colon behind in the line and nothing in the object.
    if n_colons is not None and n_colons != data.count(b":") + n_taken:
        return None
    if len(data) > max_bytes or b"\\u0000" in data:
        return None
    return Row(line, key, data, "sha256:" + sha256(data).hexdigest(), sensitive)


def _is_plain(value: Any, depth: int) -> bool:
    """Whether the value holds no fraction and nothing too deep: what both JSON writers put down alike."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if depth > _SHALLOW:
        return False
    if kind is dict:
        return all(_is_plain(child, depth + 1) for child in value.values())
    return kind is list and all(_is_plain(child, depth + 1) for child in value)


def _long(line: int, raw: bytes, max_bytes: int) -> Row | BadRow:
    try:
        fields = canonical.loads_strict(raw)
    except canonical.NotCanonical as error:
        return BadRow(line, str(error))
    if not isinstance(fields, dict):
        return BadRow(line, "is not a JSON object")
    return _checked(line, fields, max_bytes)


def _row(line: int, fields: dict[str, Any], max_bytes: int) -> Row | BadRow:
    try:
        return _plain_row(line, dict(fields), None, max_bytes) or _checked(line, fields, max_bytes)
    except UnicodeEncodeError:
        return _checked(line, fields, max_bytes)


def _checked(line: int, fields: dict[str, Any], max_bytes: int) -> Row | BadRow:
    fields = dict(fields)
    name = next((name for name in _RESERVED if fields.get(name) not in (None, "")), None)
    if name is None:
        return BadRow(line, "has no key (a field named key, item_id or id)")
    key = fields.pop(name)
    if isinstance(key, bool) or not isinstance(key, str | int):
        return BadRow(line, "the key is neither text nor a whole number")
    key = str(key)
    if not 0 < len(key) <= MAX_KEY or key != key.strip() or "\x00" in key:
        return BadRow(line, f"the key is empty, padded, longer than {MAX_KEY} characters or holds a NUL")
    sensitive = fields.pop("sensitive", False)
    if sensitive not in (True, False, "0", "1", "true", "false", "", None):
        return BadRow(line, "sensitive is neither true nor false")
    if not fields:
        return BadRow(line, "has nothing but a key")
    try:
        data = canonical.dumps(fields)
    except canonical.NotCanonical as error:
        return BadRow(line, str(error))
    if len(data) > max_bytes:
        return BadRow(line, f"is larger than {max_bytes} bytes")
    return Row(line, key, data, canonical.digest(data), sensitive in (True, "1", "true"))


def to_copy(load: int, project: int, rows: Iterable[Row], *, sensitive: bool = False) -> bytes:
    """The rows as COPY's text form: project, load, line, key, payload, digest, sensitive, gone."""
    start, blurred = f"{project}\t{load}\t", "t\t" if sensitive else "f\t"
    return "".join(
        [
            f"{start}{row.line}\t{_escaped(row.key)}\t{_escaped_json(row.payload)}\t{row.digest}\t"
            + ("t\t" if row.sensitive else blurred)
            + ("t\n" if row.gone else "f\n")
            for row in rows
        ]
    ).encode()


def _escaped_json(data: bytes) -> str:
    """JSON holds no line end and no tab outside its escapes, so only the backslash means something to COPY."""
    text = data.decode()
    return text.replace("\\", "\\\\") if "\\" in text else text


def _escaped(text: str) -> str:
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text
