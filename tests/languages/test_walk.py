"""Every page as a German reader gets it: it says so, and says nothing that has a German text in English."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import catalogs
from tests.furnished import Furnished, furnish
from tests.languages.test_templates import Said
from tests.security.routes import ROUTES
from workforce.people_rules import PRESETS

THEIRS = {"Yes", "No", "Numbers", "The whole", "Does it follow?", "Main", "New", "Again", "no"}
THEIRS |= {"train", "eval", "test"}  # names of splits, as files have them
THEIRS |= {str(terms[name]) for terms in PRESETS.values() for name in ("name", "reason")}
"""What the people of this project wrote, in words that the program has as well; rules keep the words of their preset."""


@pytest.fixture
def furnished(db: None) -> Furnished:
    return furnish("rte", versions=2)


def _said(html: str) -> set[str]:
    page = Said()
    page.feed(html)
    page.close()
    return {words.strip(":·.↵ ") for _line, words in page.found} | {words for _line, words in page.found}


@pytest.mark.parametrize(("who", "at_least"), [("ada", 30), ("ben", 5)])
def test_no_page_falls_back_into_english(furnished: Furnished, who: str, at_least: int) -> None:
    known = {message.id: message.string for message in catalogs.catalog("de") if isinstance(message.id, str)}
    english = {text for text, said in known.items() if text != said} - set(known.values()) - THEIRS
    reader = Client(headers={"accept-language": "de"})
    stage = furnished.stage
    reader.force_login((stage.ada if who == "ada" else stage.member(who)).user)  # type: ignore[arg-type]
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
    assert seen >= at_least
