"""Forms in which a snapshot's rows leave the house, found by file name: `jsonl.py` is `jsonl`. Adding one edits no list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from annotation.export_formats.base import Format, Layout, Writer

__all__ = ["FORMATS", "Format", "Layout", "Writer"]


class _Found(Mapping[str, Format]):
    """Every form by its name; a module is imported when its form is asked for."""

    def __getitem__(self, name: str) -> Format:
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


@cache
def _names() -> tuple[str, ...]:
    names = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name for name in names if name not in ("base", "flat")))


@cache
def _load(name: str) -> Format:
    if name not in _names():
        raise KeyError(name)
    found = import_module(f"{__name__}.{name}").form
    assert isinstance(found, Format)
    return found


FORMATS: Mapping[str, Format] = _Found()
