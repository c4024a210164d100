"""Markdown is text: nothing in it runs, whatever it looks like."""

from __future__ import annotations

import re

import pytest

from specs.markdown import render

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<svg onload=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    '[x](http://a "onmouseover=alert(1)")',
    "![x](http://tracker/x.png)",
    '<div hx-get="/x" hx-trigger="load">x</div>',
    "<style>body{display:none}</style>",
    "<base href=//evil>",
    '<form action="//evil"><input name=csrf></form>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    "<math><mtext></mtext><script>alert(1)</script></math>",
    '<a id="body" name="cookie">x</a>',
    "[a]: javascript:alert(1)\n\n[a]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_active_is_left(text: str) -> None:
    html = render(text)
    tags = re.findall(r"<\s*(/?[a-zA-Z0-9]+)([^>]*)>", html)
    assert {name.lower().lstrip("/") for name, _ in tags} <= {"p", "a", "em", "strong", "br", "code"}
    for _, attributes in tags:
        assert not re.search(
            r"\b(on\w+|hx-[\w-]+|style|id|name|srcdoc)\s*=", re.sub(r'"[^"]*"', '""', attributes), re.I
        )
        assert not re.search(r"href=\"\s*(javascript|data|vbscript)", attributes, re.I)


def test_what_is_meant_is_shown() -> None:
    html = render("A *word* and a [link](https://example.org).")
    assert "<em>word</em>" in html
    assert 'rel="nofollow noopener noreferrer"' in html


def test_deep_nesting_ends() -> None:
    assert len(render(">" * 10_000 + "x")) < 200_000
