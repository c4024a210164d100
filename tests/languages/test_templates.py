"""No template says anything that gettext does not know: neither in its text nor in what attributes say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.catalogs import ROOT

TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
SPOKEN = {
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "alt",
    "label",
    "content",
    "data-key-label",
}
SILENT = {"script", "style", "code", "kbd", "svg"}
ALIKE = {
    "alpha",  # the coefficient
    "kappa",  # the same
    "cc",  # how tokens of the API begin
    "CSV",
    "JSON",
    "SVG",
}
"""Names that are the same in every language."""
_TRANSLATED = re.compile(r"{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}", re.DOTALL)
_COMMENT = re.compile(r"{#.*?#}|{%\s*comment\b.*?{%\s*endcomment\s*%}", re.DOTALL)
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_SAID_BY_A_TAG = re.compile(r"""\b(?:reason|label|title|text|hint|words|legend)=(?:"([^"]*)"|'([^']*)')""")
_ATTRIBUTE = re.compile(r"""[\w:-]+=(?:"[^"]*"|'[^']*')""")
"""A template that is part of a tag is nothing but attributes."""
_WORD = re.compile(r"[^\W\d_]{2,}")


class Said(HTMLParser):
    """Collects the words of a page with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = 0
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        name = dict(attrs).get("name")
        for attribute, value in attrs:
            if attribute in SPOKEN and not (tag == "meta" and name != "description"):
                self.say(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.say(data)

    def say(self, text: str) -> None:
        if set(_WORD.findall(text)) - ALIKE:
            self.found.append((self.getpos()[0], " ".join(text.split())))


def bare(source: str) -> list[tuple[int, str]]:
    """`(line, words)` of a template that no translation reaches."""
    keep_lines = lambda match: "\n" * match.group().count("\n")  # noqa: E731
    source = _TRANSLATED.sub(keep_lines, _COMMENT.sub(keep_lines, source))
    in_tags = [
        (source.count("\n", 0, tag.start()) + 1, one or other)
        for tag in _TAG.finditer(source)
        for one, other in _SAID_BY_A_TAG.findall(tag.group())
        if tag.group().startswith(("{% include", "{% with")) and set(_WORD.findall(one or other)) - ALIKE
    ]
    page = Said()
    html = _TAG.sub(keep_lines, source)
    page.feed(html if "<" in html else _ATTRIBUTE.sub("", html))
    page.close()
    return page.found + in_tags


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{% translate 'Queue' %} {{ queue.name }}</p>", []),
        ("<p>Queue {{ queue.name }}</p>", [(1, "Queue")]),
        ("\n<a title=\"{% translate 'Queue' %}\" aria-label='Open it'>{# a note #}</a>", [(2, "Open it")]),
        ("{% blocktranslate %}Open {{ it }}{% endblocktranslate %}<code>git add</code>", []),
        ('{% include "a.html" with label="Open" %}', [(1, "Open")]),
        ('action="" hx-request=\'{"timeout": 30000}\'', []),
    ],
)
def test_words_outside_gettext_are_found(source: str, found: list[tuple[int, str]]) -> None:
    assert bare(source) == found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_says_nothing_outside_gettext(path: Path) -> None:
    assert bare(path.read_text()) == []
