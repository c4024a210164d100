"""A newcomer goes the whole path by keyboard, in a real Chromium: reading, practice, shadow, probation, and through."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from specs.models import Role
from tests import cast
from tests.browsing import settled
from tests.workforce.test_goldkeeping import bring_in
from workforce import paths, staffing
from workforce.models import Annotator, Enrolment, OnboardingStep, Task


@pytest.fixture
def gus(committed_db: None) -> Annotator:
    """Gus begins where Ben and Chi have settled one task."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(4)
    bring_in(
        stage,
        *(
            {
                "key": f"gold-{k}",
                "value": "yes",
                "clauses": "whole",
                "text": f"gold {k}",
                "explanation": "As said.",
            }
            for k in range(2)
        ),
    )
    for who in (stage.ben, stage.chi):
        stage.answer(who, "yes")
    tried = {"wanted": 1, "share": 1.0, "at_most": 3}
    path = {"read": {}, "practice": tried, "shadow": tried, "probation": {"wanted": 1, "review_share": 1.0}}
    paths.lay(queue=stage.queue, path=path, by=stage.ada)
    member = staffing.add_member(
        project=stage.project, user=cast.user("gus"), roles=[Role.ANNOTATOR], by=stage.ada
    )
    made = staffing.annotator_for(member=member)
    staffing.enrol(queue=stage.queue, annotator=made, by=stage.ada)
    return made


def _answer(page: Page, key: str) -> None:
    """Choose by its key, and send what is chosen."""
    settled(page)
    page.keyboard.press(key)
    expect(page.get_by_role("radio").nth(int(key) - 1)).to_be_checked()
    page.keyboard.press("Enter")


def test_a_newcomer_goes_the_whole_path_by_keyboard(page: Page, gus: Annotator) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "gus")
    page.fill("[name=password]", cast.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    expect(page.get_by_role("link", name="Read", exact=True)).to_be_visible()

    # reading: the start leads to the spec, confirming it to practice
    page.goto("/p/rte/queues/main/label/")
    expect(page.get_by_text("Read the spec and confirm it")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/changes/"))
    page.get_by_role("button", name="I have read").press("Enter")

    # practice: told at once, with the clause that decides; wrong, then right
    expect(page.get_by_text("Practice", exact=True)).to_be_visible()
    _answer(page, "2")
    told = page.get_by_role("status", name="Your last answer")
    expect(told.get_by_text("not right")).to_be_visible()
    expect(told.get_by_text("The whole decides.")).to_be_visible()
    _answer(page, "1")
    expect(told.get_by_text("right", exact=True)).to_be_visible()

    # shadow: a real item, without a word about it; then probation, and through
    expect(page.get_by_text("Shadow", exact=True)).to_be_visible()
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    _answer(page, "1")
    expect(page.get_by_text("Probation", exact=True)).to_be_visible(timeout=15_000)
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    _answer(page, "1")
    expect(page.get_by_text("You are through.")).to_be_visible(timeout=15_000)
    page.goto("/p/rte/queues/main/my-path/")
    expect(page.get_by_role("cell", name="its rule")).to_have_count(4)
    assert Enrolment.objects.get(annotator=gus).stage == ""
    steps = OnboardingStep.objects.filter(annotator=gus).order_by("pk").values_list("after", flat=True)
    assert list(steps) == ["read", "practice", "shadow", "probation", ""]
    assert Task.objects.filter(assignments__annotator=gus, purpose="work", n_answers=1).count() == 1
