"""Every template compiles and stays within the content security policy, whatever page is added later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
BREAKS = {
    "a style attribute": re.compile(r"<[^>]*\sstyle="),
    "a style element": re.compile(r"<style\b"),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+="),
    "htmx that evaluates": re.compile(r"hx-on\b|hx-on:|hx-vals=['\"]js:|hx-trigger=['\"][^'\"]*\[[^\]]"),
    "a script without a file": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)"),
    "a file from elsewhere": re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=['\"](?:https?:)?//"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_a_template_holds_nothing_that_the_policy_blocks(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    assert [what for what, pattern in BREAKS.items() if pattern.search(text)] == []


def test_a_comment_of_several_lines_is_not_shown() -> None:
    """A comment of the short form ends with its line; what follows would stand on the page."""
    unended = re.compile(r"\{#(?:(?!#\}).)*$", re.MULTILINE)
    assert [name for name in PAGES if unended.search((TEMPLATES / name).read_text())] == []
