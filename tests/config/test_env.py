"""Typed readers: what they return, and that every refusal names its variable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from annotation.config import env


@pytest.mark.parametrize(
    ("raw", "read", "expected"),
    [
        ("12", lambda: env.number("X", 3), 12),
        ("90", lambda: env.seconds("X", 3), timedelta(seconds=90)),
        ("Yes", lambda: env.flag("X", False), True),
        ("", lambda: env.flag("X", True), False),
        (" a, b ,,", lambda: env.names("X"), ["a", "b"]),
        ("app", lambda: env.one_of("X", "owner", "owner", "app"), "app"),
        ("redis://there/0", lambda: env.address("X", "redis", "unix"), "redis://there/0"),
        ("/somewhere", lambda: env.folder("X", Path("/else")), Path("/somewhere")),
    ],
)
def test_a_reader_parses_its_variable(
    monkeypatch: pytest.MonkeyPatch, raw: str, read: Callable[[], object], expected: object
) -> None:
    monkeypatch.setenv("X", raw)
    assert read() == expected


@pytest.mark.parametrize(
    ("raw", "read", "reason"),
    [
        ("many", lambda: env.number("X", 3), "not a whole number"),
        ("0", lambda: env.number("X", 3, low=1), "not between 1 and"),
        ("501", lambda: env.seconds("X", 3, high=500), "not between 0 and 500"),
        ("perhaps", lambda: env.flag("X", False), "neither yes nor no"),
        ("root", lambda: env.one_of("X", "app", "app", "owner"), "not one of app, owner"),
        ("sqlite:///x", lambda: env.address("X", "postgresql"), "begin with postgresql://"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_reason(
    monkeypatch: pytest.MonkeyPatch, raw: str, read: Callable[[], object], reason: str
) -> None:
    monkeypatch.setenv("X", raw)
    with pytest.raises(ImproperlyConfigured, match=f"^X is wrong: .*{reason}"):
        read()


def test_a_required_variable_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X", raising=False)
    with pytest.raises(ImproperlyConfigured, match=r"^X is not set\.$"):
        env.text("X")


def test_a_costly_default_is_made_only_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "given")
    assert env.text("X", lambda: pytest.fail("made without need")) == "given"


def test_what_a_variable_says_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("redis://there/0\n")
    monkeypatch.setenv("X_FILE", str(secret))
    assert env.address("X", "redis") == "redis://there/0"
    assert env.text("X", lambda: "made anew") == "redis://there/0"
    monkeypatch.setenv("X", "redis://elsewhere/0")
    with pytest.raises(ImproperlyConfigured, match="X and X_FILE are both set"):
        env.address("X", "redis")
    monkeypatch.delenv("X")
    secret.unlink()
    with pytest.raises(ImproperlyConfigured, match=r"X_FILE is wrong: .*cannot be read"):
        env.text("X", lambda: "made anew")
