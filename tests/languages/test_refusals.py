"""No refusal that a page can show goes past gettext. The API speaks English, so its own doors may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from specs.refusals import Refusal
from tests.catalogs import ROOT

APPS = ("annotation", "specs", "workforce")
ASIDE = {"migrations", "management", "config", "demo", "api"}
COMMANDS = {"annotation/label_files.py"}
"""Modules of one app's commands only, which speak English."""


def _kinds(of: type[Refusal] = Refusal) -> Iterator[str]:
    yield of.__name__
    for one in of.__subclasses__():
        yield from _kinds(one)


def bare(source: str) -> list[int]:
    """The lines that raise a refusal with words of its own, in no gettext."""
    kinds = set(_kinds()) | {"BadValue", "NotCanonical", "Unreadable", "BadRow"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            said = node.args[0] if node.args else None
            plain = isinstance(said, ast.JoinedStr) or (
                isinstance(said, ast.Constant) and isinstance(said.value, str) and " " in said.value
            )
            if name in kinds and plain:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('raise WrongState("It is over.")', [1]),
        ('raise WrongState(f"It is {state}.")', [1]),
        ('raise WrongState(_("It is %(state)s.") % {"state": state})', []),
        ('raise ValueError("a programmer reads this")', []),
    ],
)
def test_a_refusal_past_gettext_is_found(source: str, lines: list[int]) -> None:
    assert bare(source) == lines


@pytest.mark.parametrize("app", APPS)
def test_every_refusal_goes_through_gettext(app: str) -> None:
    assert apps.ready
    paths = [
        path
        for path in sorted((ROOT / app).rglob("*.py"))
        if not set(path.relative_to(ROOT).parts) & ASIDE and str(path.relative_to(ROOT)) not in COMMANDS
    ]
    found: dict[Path, list[int]] = {path: lines for path in paths if (lines := bare(path.read_text()))}
    assert found == {}
