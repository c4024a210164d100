"""Texts that were written down in English, in the language of whoever reads them now.

Background jobs have no reader: why they failed, which rows of a file are bad, why a figure cannot be told is stored in English,
and means the same to everybody. What is stored is one of the program's own texts with its parts filled in; the catalog knows
that text, so it is found again and said anew. Words of people stay as they are.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from functools import cache, lru_cache

from django.conf import settings
from django.utils.translation import get_language, gettext, override
from django.utils.translation.trans_real import translation

_PART = re.compile(r"%\((\w+)\)[srd]")
_LEAST = 6  # characters of its own that a text needs to be told from another


def in_english() -> AbstractContextManager[None]:
    """What is said inside is said in English, whoever caused it: for what is written down."""
    return override(settings.LANGUAGE_CODE)


def retold(text: str) -> str:
    """The text in the reader's language; as it is, where it is none of the program's."""
    language = get_language()
    if not text or not language or language == settings.LANGUAGE_CODE:
        return text
    return _retold(language, text)


@lru_cache(maxsize=4096)
def _retold(language: str, text: str) -> str:
    if (whole := gettext(text)) != text:
        return whole
    for pattern, meant in _patterns(language):
        if found := pattern.fullmatch(text):
            return meant % {name: retold(part) for name, part in found.groupdict().items()}
    return text


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """`(how the English looks when it is filled in, the translation)`, those that say most of their own first."""
    known = translation(language)._catalog.items()  # type: ignore[attr-defined]  # there is no public way to all texts
    found = [(_own(key), key, meant) for key, meant in known if isinstance(key, str) and _PART.search(key)]
    return [
        (_filled_in(key), meant)
        for own, key, meant in sorted(found, key=lambda one: -len(one[0]))
        if len(own) >= _LEAST
    ]


def _own(text: str) -> str:
    return _PART.sub("", text).replace("%%", "%").strip()


def _filled_in(text: str) -> re.Pattern[str]:
    """What the text matches once its parts are there; a part that comes twice is the same both times."""
    seen: set[str] = set()

    def part(name: str) -> str:
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.+)"

    pieces = _PART.split(text)
    return re.compile(
        "".join(
            part(piece) if index % 2 else re.escape(piece.replace("%%", "%"))
            for index, piece in enumerate(pieces)
        ),
        re.DOTALL,
    )
