"""The kinds of question, found by file name: `choice.py` is the kind `choice`. Adding a kind edits no list. Pure."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from specs.task_types import _settings as own_settings
from specs.task_types._settings import Setting
from specs.task_types.base import BadValue, TaskType

__all__ = ["BadValue", "Setting", "TaskType", "get", "kinds", "own_settings"]


@cache
def kinds() -> tuple[str, ...]:
    """The keys of all kinds, sorted. A file whose name begins with `_` is no kind."""
    names = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name for name in names if name != "base" and not name.startswith("_")))


@cache
def get(kind: str) -> TaskType:
    """The kind of that key. Raises `KeyError` when there is none."""
    if kind not in kinds():
        raise KeyError(kind)
    found = import_module(f"{__name__}.{kind}").task_type
    assert isinstance(found, TaskType)
    return found
