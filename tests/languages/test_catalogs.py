"""Every language that ships is complete: each text translated with its parts, in both forms, and compiled as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from babel.messages.catalog import Message
from django.conf import settings

from tests import catalogs

LANGUAGES = catalogs.languages()
_BRACES = re.compile(r"{\w+}")


def _parts(text: str) -> set[str]:
    return catalogs.placeholders(text) | set(_BRACES.findall(text))


def _forms(text: str | Sequence[str] | None) -> list[str]:
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def _faults(message: Message) -> Iterator[str]:
    """What is wrong with a translation. Of one thing the number need not be said: "your last answer"."""
    counted = not isinstance(message.id, str)
    english, said = _forms(message.id), _forms(message.string)
    wanted = _parts(english[-1])
    for n, form in enumerate(said):
        if not form or message.fuzzy:
            yield "not translated"
        elif not (_parts(form) <= wanted if counted and n == 0 else _parts(form) == wanted):
            yield "filled in with other parts"
        elif [form[:1].isspace(), form[-1:].isspace()] != [
            english[-1][:1].isspace(),
            english[-1][-1:].isspace(),
        ]:
            yield "begins or ends with other white space"


def test_every_language_that_is_offered_but_english_has_a_catalog() -> None:
    assert {code for code, _name in settings.LANGUAGES} - {"ar"} == {
        "en",
        *LANGUAGES,
    }  # ar: see tests.settings


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalog_has_every_text_of_the_program_and_no_other(language: str) -> None:
    has = {message.id for message in catalogs.catalog(language) if message.id}
    counted = {one for one, _many in (found for found in has if isinstance(found, tuple))}
    wants = {
        text.id for text in catalogs.texts() if text.id not in counted
    }  # one that is counted elsewhere stands there
    assert (sorted(map(str, wants - has)), sorted(map(str, has - wants))) == ([], []), (
        "python -m tests.catalogs update takes new texts in and drops old ones"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_the_same_parts(language: str) -> None:
    found = catalogs.catalog(language)
    assert [(message.id, fault) for message in found if message.id for fault in _faults(message)] == []


@pytest.mark.parametrize(
    ("english", "said", "faults"),
    [
        ("%(n)s rows", "%(n)s Zeilen", []),
        ("%(n)s rows", "", ["not translated"]),
        ("%(n)s rows", "%(m)s Zeilen", ["filled in with other parts"]),
        ("{n} of {m}", "{n} von", ["filled in with other parts"]),
        (", %(n)s more", " %(n)s", ["begins or ends with other white space"]),
        (("%(n)s row", "%(n)s rows"), ("Eine Zeile", "%(n)s Zeilen"), []),
        (("%(n)s row", "%(n)s rows"), ("%(n)s Zeile", "Zeilen"), ["filled in with other parts"]),
    ],
)
def test_a_wrong_translation_is_told(english: Any, said: Any, faults: list[str]) -> None:
    assert list(_faults(Message(english, said))) == faults


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_program_reads_is_what_was_translated(language: str) -> None:
    compiled = (catalogs.LOCALE / language / "LC_MESSAGES" / "django.mo").read_bytes()
    assert compiled == catalogs.as_mo(catalogs.catalog(language)), "python -m tests.catalogs compile"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_is_written_as_the_tool_writes_it(language: str) -> None:
    """So that two people who add texts get no other differences than their texts."""
    written = (catalogs.LOCALE / language / "LC_MESSAGES" / "django.po").read_bytes()
    assert written == catalogs.as_po(catalogs.updated(language))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("%(n)s of %(m)d, 95 %% of all", {"%(n)s", "%(m)d"}),
        ("Share of the tasks (%)", set()),
        ("%d files", {"%d"}),
        ("90 %% within %(n)s", {"%(n)s"}),
    ],
)
def test_parts_are_found_and_percent_signs_are_not(text: str, parts: set[str]) -> None:
    assert catalogs.placeholders(text) == parts


def test_a_text_that_does_not_fit_the_file_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above fails for one text too many and for one too few."""
    known = catalogs.texts()
    extra = catalogs.Text("No page says this.", "", "nowhere.py")
    monkeypatch.setattr(catalogs, "texts", lambda: [*known[1:], extra])
    with pytest.raises(AssertionError, match="No page says this"):
        test_the_catalog_has_every_text_of_the_program_and_no_other(LANGUAGES[0])
