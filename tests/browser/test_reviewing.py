"""An answer returned by a reviewer and given anew, by keyboard only, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Resolution, Review
from tests import cast
from tests.browser.keyboard import press
from tests.browsing import log_in, settled
from workforce import review_stages, staffing


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=1, max_overlap=1)


def test_an_answer_is_returned_reworked_and_accepted_by_keyboard(page: Page, stage: cast.Stage) -> None:
    where = review_stages.add(queue=stage.queue, terms=review_stages.Terms(), by=stage.ada)
    staffing.enrol(queue=where.review_queue, annotator=stage.dov, by=stage.ada)
    stage.load(1)
    stage.answer(stage.ben, "yes", cite=["whole"])
    log_in(page, "dov")
    page.goto("/p/rte/queues/main-review-1/label/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    settled(page)
    page.keyboard.press("z")
    expect(page.locator("#clause")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Whose knowledge?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No answer waits for your review")).to_be_visible()
    assert Review.objects.get().state == "returned"

    page.context.clear_cookies()
    log_in(page, "ben")
    page.goto("/")
    expect(page.get_by_text("1 answer of yours was returned")).to_be_visible()
    press(page.get_by_role("link", name="Rework"))
    settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Whose knowledge?")).to_be_visible()
    expect(page.locator("input[value=yes]")).to_be_checked()
    settled(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That was the last task")).to_be_visible()
    assert Review.objects.latest("pk").round == 2

    page.context.clear_cookies()
    log_in(page, "dov")
    page.goto("/p/rte/queues/main-review-1/review/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Whose knowledge?")).to_be_visible()
    settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Reviewed.")).to_be_visible()
    assert Resolution.objects.get().value == "no"
