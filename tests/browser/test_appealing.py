"""An appeal against a ruling that another lead reverses, by keyboard only, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.models import AnswerAppeal, Dispute, Resolution
from specs.models import Role
from tests import cast
from tests.browser.keyboard import pick, press, write
from tests.browsing import log_in, settled
from workforce import staffing


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=2, max_overlap=2)


def test_an_appeal_is_filed_decided_blind_and_reversed_by_keyboard(page: Page, stage: cast.Stage) -> None:
    staffing.add_member(project=stage.project, user=cast.user("gil"), roles=[Role.LEAD], by=stage.ada)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    dispute = Dispute.objects.get()
    cast.ruled(stage, dispute)
    log_in(page, "ben")
    page.goto("/p/rte/mine/")
    press(page.locator("details.appeal summary"))
    write(page.get_by_label("Why should somebody else look again?"), "It follows.")
    press(page.get_by_role("button", name="Send the appeal"))
    expect(page.get_by_text("Waits for another lead")).to_be_visible()

    page.context.clear_cookies()
    log_in(page, "gil")
    page.goto(f"/p/rte/disputes/{dispute.pk}/")
    expect(page.get_by_text("It does not say whose.")).to_have_count(0)
    settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Why did they disagree?")).to_be_visible()
    settled(page)
    pick(page.get_by_role("radio", name="Yes"))
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ruled. The task is resolved.").first).to_be_visible()
    assert AnswerAppeal.objects.get().outcome == "reversed"
    assert Resolution.objects.current().get().value == "yes"

    page.context.clear_cookies()
    log_in(page, "ben")
    page.goto("/p/rte/mine/")
    expect(page.get_by_text("Reversed", exact=True)).to_be_visible()
