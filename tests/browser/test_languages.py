"""Another language by keyboard from the log-in on, and the same pages from right to left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation
from specs.models import Preferences
from tests import cast
from tests.serving import Site

BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(3)
    return made


def _log_in(page: Page, name: str) -> None:
    page.fill("[name=login]", name)
    page.fill("[name=password]", cast.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)


def test_somebody_chooses_german_and_labels_by_keyboard(page: Page, stage: cast.Stage) -> None:
    page.goto("/accounts/login/?next=/p/rte/queues/main/label/")
    page.get_by_role("button", name="Deutsch").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    _log_in(page, "ben")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Eine Frage braucht noch einen Blick")
    page.keyboard.press("1")
    expect(page.get_by_text("Entwurf gespeichert")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    assert Annotation.objects.count() == 1
    page.get_by_role("button", name="Menü von ben").press("Enter")
    page.get_by_role("button", name="English").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    assert Preferences.objects.get(user=stage.member("ben").user).language == "en"


def test_from_right_to_left_nothing_sticks_out(page: Page, site: Site, stage: cast.Stage) -> None:
    page.context.add_cookies([{"name": "concordat-language", "value": "ar", "url": site.url}])
    page.goto("/accounts/login/?next=/p/rte/queues/main/label/")
    _log_in(page, "ben")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    _fits(page)
    answer, clauses = (page.locator(one).first.bounding_box() for one in (".question", ".clause"))
    page.context.clear_cookies(name="concordat-session")
    page.goto("/accounts/login/?next=/p/rte/queues/")
    _log_in(page, "ada")
    expect(page.locator("tbody tr").first).to_be_visible()
    _fits(page)
    assert answer is not None
    assert clauses is not None
    assert clauses["x"] < answer["x"]  # what stands at the right of the answer in English


def _fits(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(BEYOND) == 0, (page.url, width)
