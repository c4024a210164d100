"""Scripts say nothing of their own: what they show comes from the page, through data attributes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.catalogs import ROOT

SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
NOT_WORDS: dict[str, set[str]] = {}
"""By script: strings that look like words and reach nobody."""
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\\\"'`])//[^\n]*", re.DOTALL)
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
_HOLE = re.compile(r"\$\{[^}]*\}")
_SELECTOR = re.compile(r"[#.\[\]:>=~*+]|^(?:[a-z-]+(?:, )?)+$")
_WORDS = re.compile(r"[A-Za-zÀ-ÿ]{2,}[,.!?…]? +[A-Za-zÀ-ÿ]+|^[A-Z][a-z]{2,}[.!?…]?$")
_NAMES_OF_THE_BROWSER = re.compile(r"^(?:[A-Z][a-zA-Z]*|Digit|Numpad)$")


def words_of(source: str) -> list[str]:
    """The strings of a script that look like something somebody reads."""
    strings = (next(filter(None, groups), "") for groups in _STRING.findall(_COMMENT.sub("", source)))
    bare = (_HOLE.sub(" ", one).strip() for one in strings)
    return [
        one
        for one in bare
        if _WORDS.search(one) and not _SELECTOR.search(one) and not _NAMES_OF_THE_BROWSER.match(one)
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('say("The server is gone")', ["The server is gone"]),
        ("say(`Only ${n} are left`)", ["Only   are left"]),
        ('const found = document.querySelector("fieldset > .opts input");', []),
        ('// it says "not yet" here\nsay(element.dataset.saidNotYet);', []),
        ('if (event.key === "Enter") go("Escape");', []),
    ],
)
def test_words_of_a_script_are_found(source: str, words: list[str]) -> None:
    assert words_of(source) == words


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "static" / "js")))
def test_a_script_has_no_words(path: Path) -> None:
    assert set(words_of(path.read_text())) - NOT_WORDS.get(path.name, set()) == set()
