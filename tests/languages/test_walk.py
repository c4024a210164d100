"""Every page of an annotator as a German reader gets it: it says so, and nothing that has a German text is in English."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import catalogs
from tests.furnished import Furnished, furnish
from tests.languages.test_templates import Said
from tests.security.routes import ROUTES

THEIRS = {"Yes", "No", "Numbers", "The whole", "Does it follow?", "Main", "New"}
"""What the people of this project wrote, in words that the program has as well."""


@pytest.fixture
def furnished(db: None) -> Furnished:
    return furnish("rte", versions=2)


def _said(html: str) -> set[str]:
    page = Said()
    page.feed(html)
    page.close()
    return {words.strip(":·.↵ ") for _line, words in page.found} | {words for _line, words in page.found}


def test_no_page_of_an_annotator_falls_back_into_english(furnished: Furnished) -> None:
    known = {message.id: message.string for message in catalogs.catalog("de") if isinstance(message.id, str)}
    english = {text for text, said in known.items() if text != said} - set(known.values()) - THEIRS
    reader = Client(headers={"accept-language": "de"})
    reader.force_login(furnished.stage.member("ben").user)  # type: ignore[arg-type]
    ids: dict[str, Any] = {**furnished.ids, "queue": "main"}
    seen = 0
    left: dict[str, set[str]] = {}
    for address in [
        "/",
        *(route.address("rte", ids) for route in ROUTES if route.in_project and not route.is_api),
    ]:
        reply = reader.get(address)
        if reply.status_code != 200 or not reply.headers["Content-Type"].startswith("text/html"):
            continue
        html = reply.content.decode()
        if "<html" in html:
            assert '<html lang="de" dir="ltr">' in html, address
            seen += 1
        if found := _said(html) & english:
            left[address] = found
    assert left == {}
    assert seen >= 5
