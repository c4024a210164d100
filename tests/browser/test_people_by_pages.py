"""Manager and annotator at the pages about people, in a real Chromium: skills, a suspension, the appeal, one's own record."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from specs.models import Member, Role
from tests import cast
from tests.annotation.test_people import _answered
from tests.browsing import log_in
from tests.serving import Site
from workforce import staffing


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=3, max_overlap=3)
    for name in ("mia", "max"):
        staffing.add_member(project=made.project, user=cast.user(name), roles=[Role.MANAGER], by=made.ada)
    _answered(made, *[("yes", "yes", "yes")] * 9, *[("no", "yes", "yes")] * 3, cite="knowledge")
    made.load(3, start=40)
    return made


def _at(browser: Browser, site: Site, name: str) -> Page:
    page = browser.new_context(base_url=site.url).new_page()
    page.set_default_timeout(15_000)
    log_in(page, name)
    page.goto("/")
    return page


def test_a_skill_a_suspension_an_appeal_and_ones_own_record(
    browser: Browser, site: Site, stage: cast.Stage
) -> None:
    mia, ben = _at(browser, site, "mia"), _at(browser, site, "ben")

    # a skill is made, asked for, and granted
    mia.goto("/p/rte/skills/")
    mia.get_by_label("Name", exact=True).fill("Medicine")
    mia.get_by_label("Key", exact=True).fill("medicine")
    mia.get_by_role("button", name="Create").click()
    mia.goto("/p/rte/queues/main/people/")
    mia.get_by_label("Skill (optional)").select_option("medicine")
    mia.get_by_role("button", name="Keep").click()
    expect(mia.get_by_text("0 of 3 enrolled annotators")).to_be_visible()
    ben.goto("/p/rte/queues/main/label/")
    ben.get_by_role("button", name=re.compile("Start|Take|Claim|Begin", re.IGNORECASE)).first.click()
    expect(ben.get_by_text("It asks for the skill Medicine").first).to_be_visible()
    mia.goto("/p/rte/roster/")
    mia.get_by_label("Name", exact=True).fill("ben")
    mia.keyboard.press("Enter")
    mia.get_by_role("link", name=stage.ben.pseudonym).click()
    mia.get_by_role("link", name="Grant a skill").click()
    mia.get_by_label("Skill", exact=True).select_option(label="Medicine")
    mia.get_by_role("button", name="Keep").click()
    expect(mia.get_by_role("cell", name="Medicine")).to_be_visible()
    expect(mia.get_by_text("0.75").first).to_be_visible()

    # she says when she works, and sees what is recorded
    ben.goto("/p/rte/me/")
    ben.get_by_label("Languages").fill("de, en")
    ben.get_by_label("Monday").fill("6")
    ben.get_by_role("button", name="Keep").click()
    ben.goto("/p/rte/mine/record/")
    expect(ben.get_by_text("0.75").first).to_be_visible()
    expect(ben.get_by_text("too few to say").first).to_be_visible()

    # suspended by Mia, she appeals, and Max decides
    mia.reload()
    mia.locator("summary", has_text="Suspend").click()
    mia.get_by_label("Reason").fill("Shared the items.")
    mia.get_by_role("button", name="Suspend now").click()
    expect(mia.get_by_text("log-ins and tokens ended")).to_be_visible()
    ben.goto("/p/rte/queues/main/label/")
    expect(ben).to_have_url(re.compile("/accounts/login/"))
    ben = _at(browser, site, "ben")
    ben.get_by_role("link", name="Why, and what I can do").click()
    expect(ben.get_by_text("Shared the items.")).to_be_visible()
    ben.get_by_label("What was seen wrongly?").fill("It was somebody else.")
    ben.get_by_role("button", name="Send").click()
    max_ = _at(browser, site, "max")
    max_.goto("/p/rte/appeals/")
    max_.get_by_label("Your reason").fill("The log shows another person.")
    max_.get_by_role("button", name="Lift the suspension").click()
    expect(max_.get_by_text("Decided; the person sees it")).to_be_visible()
    ben.reload()
    expect(ben.get_by_text("The log shows another person.")).to_be_visible()
    assert Member.objects.get(pk=stage.member("ben").pk).state == "active"

    # a rule is tried before it is kept
    max_.goto("/p/rte/people-rules/new/?preset=agreement-notice")
    max_.get_by_label("With at least").fill("10")
    max_.get_by_label("… this threshold").fill("0.97")
    max_.get_by_role("button", name="Try it on").click()
    expect(max_.get_by_role("cell", name="found", exact=True)).to_be_visible()
    max_.get_by_role("button", name="Keep").click()
    expect(max_.get_by_text("Whom it finds today")).to_be_visible()
