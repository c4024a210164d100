"""Typed readers of the environment. A wrong value stops the start, and the message names the variable.

What `NAME` would say may stand in the file that `NAME_FILE` names: secrets are then in nobody's environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}

T = TypeVar("T")


def raw(name: str) -> str | None:
    """The variable as it stands, or what its file holds without the last line break; None where neither is set."""
    said, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if path is None:
        return said
    if said is not None:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    try:
        return Path(path).read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE is wrong: {path} cannot be read: {error}") from error


def _read(name: str, parse: Callable[[str], T], default: T | None) -> T:
    """The parsed value; `parse` refuses by `ValueError`. Without a default the variable is required."""
    said = raw(name)
    if said is None:
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set.")
        return default
    try:
        return parse(said)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is wrong: {error}") from error


def text(name: str, default: str | Callable[[], str] | None = None) -> str:
    """The variable as it stands; a callable default is called only when there is none."""
    if callable(default):
        default = None if raw(name) is not None else default()
    return _read(name, str, default)


def folder(name: str, default: Path) -> Path:
    """An absolute path; a relative one is taken from the current folder."""
    return Path(text(name, str(default))).absolute()


def number(name: str, default: int, *, low: int = 0, high: int = 2**53) -> int:
    """A whole number from `low` to `high`, both included."""

    def parse(raw: str) -> int:
        try:
            value = int(raw)
        except ValueError:
            raise ValueError(f"{raw!r} is not a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return value

    return _read(name, parse, default)


def seconds(name: str, default: int, *, low: int = 0, high: int = 10**9) -> timedelta:
    """A duration, written as whole seconds."""
    return timedelta(seconds=number(name, default, low=low, high=high))


def flag(name: str, default: bool) -> bool:
    def parse(raw: str) -> bool:
        if raw.lower() not in _YES | _NO:
            raise ValueError(f"{raw!r} is neither yes nor no")
        return raw.lower() in _YES

    return _read(name, parse, default)


def names(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def some_of(name: str, default: list[str], *choices: str) -> list[str]:
    """A list of known names separated by commas, at least one."""

    def parse(raw: str) -> list[str]:
        found = [part.strip() for part in raw.split(",") if part.strip()]
        if not found or not set(found) <= set(choices):
            raise ValueError(f"{raw!r} is not one or more of {', '.join(choices)}")
        return found

    return _read(name, parse, default)


def one_of(name: str, default: str, *choices: str) -> str:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError(f"{raw!r} is not one of {', '.join(choices)}")
        return raw

    return _read(name, parse, default)


def address(name: str, *schemes: str, default: str | None = None) -> str:
    """A URL with one of the schemes, such as `postgresql://user@host/name`."""

    def parse(raw: str) -> str:
        if urlsplit(raw).scheme not in schemes:
            raise ValueError(f"it must begin with {' or '.join(scheme + '://' for scheme in schemes)}")
        return raw

    return _read(name, parse, default)
