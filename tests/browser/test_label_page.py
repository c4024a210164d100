"""The labelling page and the console in a real Chromium, by keyboard only."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, AnswerDraft, Citation, Dispute, Ruling
from tests import cast
from tests.browsing import log_in, settled


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=2, max_overlap=2)


@pytest.mark.parametrize("width", [1280, 390])
def test_five_items_by_keyboard_only(page: Page, stage: cast.Stage, width: int) -> None:
    stage.load(5)
    problems: list[str] = []
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_viewport_size({"width": width, "height": 800})
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")  # start
    for number in range(5):
        expect(page.get_by_text(f"text {number}", exact=True)).to_be_visible()
        page.keyboard.press("1" if number % 2 else "2")
        page.keyboard.press("a")  # cites the first clause
        page.keyboard.press("Enter")
    expect(page.get_by_text("the last task").first).to_be_visible()
    assert [a.values["entailed"] for a in Annotation.objects.order_by("pk")] == [
        "no",
        "yes",
        "no",
        "yes",
        "no",
    ]
    assert Citation.objects.count() == 5
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert problems == []


def test_a_held_down_enter_submits_once_and_a_draft_survives_a_reload(page: Page, stage: cast.Stage) -> None:
    stage.load(3)
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("Draft kept")).to_be_visible()
    assert AnswerDraft.objects.get().values == {"entailed": "no"}
    page.reload()
    settled(page)
    expect(page.locator("input[value=no]")).to_be_checked()
    page.keyboard.down("Enter")
    for _ in range(10):
        page.keyboard.down("Enter")  # the repeats of a held key
    page.keyboard.up("Enter")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    assert Annotation.objects.count() == 1


def test_an_answer_that_is_missing_is_asked_for_and_skipping_goes_on(page: Page, stage: cast.Stage) -> None:
    stage.load(2)
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("One question needs a look")
    expect(page.locator("fieldset.question .bad")).to_have_text("has no answer")
    page.keyboard.press("s")
    page.get_by_role("button", name="Skip this task").press("Enter")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()


def test_a_lead_rules_by_keyboard(page: Page, stage: cast.Stage) -> None:
    stage.load(1)
    stage.answer(stage.ben, "yes", cite=["whole"])
    stage.answer(stage.chi, "no")
    dispute = Dispute.objects.get()
    log_in(page, "ada")
    page.goto(f"/p/rte/disputes/{dispute.pk}/")
    page.keyboard.press("Enter")  # take it
    expect(page.get_by_text("Why did they disagree?")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ruled.")).to_be_visible()
    assert Ruling.objects.get().cause == "annotator-erred"
