"""Exports of other tools, found by file name: `argilla.py` is `argilla`. Adding one edits no list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import BinaryIO

from workforce.import_formats.base import Answer, BadRow, Form, NotCarried, Predicted, Record, Said
from workforce.import_formats.sniffing import start_of

__all__ = ["FORMATS", "Answer", "BadRow", "Form", "NotCarried", "Predicted", "Record", "Said", "form_of"]
_NO_FORMS = ("base", "plain", "sniffing")


class _Found(Mapping[str, Form]):
    """Every form by its name; a module is imported when its form is asked for."""

    def __getitem__(self, name: str) -> Form:
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


@cache
def _names() -> tuple[str, ...]:
    names = (
        module.name.replace("_", "-") for module in iter_modules(__path__) if module.name not in _NO_FORMS
    )
    return tuple(sorted(names))


@cache
def _load(name: str) -> Form:
    if name not in _names():
        raise KeyError(name)
    found = import_module(f"{__name__}.{name.replace('-', '_')}").form
    assert isinstance(found, Form)
    return found


FORMATS: Mapping[str, Form] = _Found()


def form_of(source: BinaryIO) -> Form:
    """The form that a file begins like; a table where it begins like none. The source is left at its start."""
    start = start_of(source)
    return next((one for one in FORMATS.values() if one.begins(start)), FORMATS["table"])
