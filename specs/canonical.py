"""Canonical bytes and the one strict JSON parser of the product. Pure.

Canonical JSON here is: keys sorted by code point, UTF-8, no white space, numbers within 53 bits, text as it is (never
normalised); a float that is a whole number is written as one, any other by its shortest exact form. The same object gives the
same bytes in every process, locale and hash seed, so a digest means something.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from specs.wording import _

FORMAT = 1
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1


class NotCanonical(ValueError):
    """The object or text cannot be represented exactly; the message says where and why."""


def dumps(value: Any) -> bytes:
    """The canonical bytes of a JSON-like object: dict with text keys, list, tuple, str, int, float, bool, None.

    Raises `NotCanonical` for NaN and infinities, lone surrogates, NUL, whole numbers beyond 53 bits and nesting deeper than
    `MAX_DEPTH`.

    >>> dumps({"b": [1, True], "a": "é"}).decode()
    '{"a":"é","b":[1,true]}'
    """
    return json.dumps(
        _checked(value, "$", 0, MAX_DEPTH),
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()


def digest(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def loads_strict(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """Parse JSON, refusing what would be changed silently or break the database later.

    Refused, each with a `NotCanonical` that says why: invalid UTF-8, a byte order mark, NaN and infinities, numbers that
    overflow, integers beyond 53 bits, duplicate keys, NUL and lone surrogates in text, nesting deeper than *max_depth*.
    """
    if isinstance(data, bytes):
        try:
            data = data.decode()
        except UnicodeDecodeError as error:
            raise NotCanonical(_("not UTF-8 at byte %(start)s") % {"start": error.start}) from error
    if data.startswith("\ufeff"):
        raise NotCanonical(_("begins with a byte order mark"))
    try:
        value = json.loads(
            data, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except RecursionError as error:
        raise NotCanonical(_("nested deeper than %(max_depth)s levels") % {"max_depth": max_depth}) from error
    except json.JSONDecodeError as error:
        raise NotCanonical(
            _("not JSON: %(msg)s at line %(lineno)s column %(colno)s")
            % {"msg": error.msg, "lineno": error.lineno, "colno": error.colno}
        ) from error
    return _checked(value, "$", 0, max_depth)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise NotCanonical(_("the key %(key)r stands twice in one object") % {"key": key[:50]})
        found[key] = value
    return found


def _constant(name: str) -> Any:
    raise NotCanonical(_("%(name)s is not a number in JSON") % {"name": name})


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotCanonical(_("the number %(text)s is too large") % {"text": text[:20]})
    return value


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise NotCanonical(_("the number %(text)s is beyond 53 bits; write it as text") % {"text": text[:20]})
    return int(text)


def _checked(value: Any, where: str, depth: int, max_depth: int) -> Any:
    if depth > max_depth:
        raise NotCanonical(_("nested deeper than %(max_depth)s levels") % {"max_depth": max_depth})
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, where)
        case int():
            if abs(value) > MAX_INTEGER:
                raise NotCanonical(
                    _("%(where)s: %(value)s is beyond 53 bits") % {"where": where, "value": str(value)[:20]}
                )
            return int(value)
        case float():
            if math.isnan(value) or math.isinf(value):
                raise NotCanonical(
                    _("%(where)s: %(value)s is not a number") % {"where": where, "value": value}
                )
            return _checked(int(value), where, depth, max_depth) if value == int(value) else value
        case dict():
            return {
                _key(key, where): _checked(child, f"{where}.{key}", depth + 1, max_depth)
                for key, child in value.items()
            }
        case list() | tuple():
            return [
                _checked(child, f"{where}[{index}]", depth + 1, max_depth)
                for index, child in enumerate(value)
            ]
        case _:
            raise NotCanonical(
                _("%(where)s: %(kind)s has no place in JSON") % {"where": where, "kind": type(value).__name__}
            )


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise NotCanonical(_("%(where)s: the key %(key)r is not text") % {"where": where, "key": key})
    return _text(key, where)


def _text(value: str, where: str) -> str:
    if "\x00" in value:
        raise NotCanonical(_("%(where)s: NUL in text") % {"where": where})
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise NotCanonical(_("%(where)s: half of a surrogate pair in text") % {"where": where}) from error
    return value
