"""Drafts with several windows and several people: an older one never overwrites a newer one, and nobody sees another's."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from annotation.models import Annotation, AnswerDraft
from specs.models import Session
from tests import cast
from tests.browser.test_keeping import answer, at_work, begin, gone_on, log_in, queue_for
from tests.browsing import settled

KEPT = "Object.keys(localStorage).filter((name) => name.startsWith('kept:')).length"


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    stage = cast.stage(overlap=1, max_overlap=1)
    queue_for(stage, "text")
    return stage


def write(page: Page, text: str) -> None:
    page.bring_to_front()
    page.locator("textarea[name='q.summary']").press_sequentially(text)


def drafts() -> list[str]:
    return [draft.values["summary"] for draft in AnswerDraft.objects.all()]


def test_two_windows_show_both_and_the_older_one_overwrites_nothing(
    context: BrowserContext, stage: cast.Stage
) -> None:
    first, second = context.new_page(), context.new_page()
    log_in(first, "ben")
    begin(first, "text")
    begun = begin(second, "text")
    write(first, "red")
    expect(first.locator("#draft-state")).to_have_text("Draft kept")
    write(second, "blue")
    expect(second.locator("#draft-state")).to_contain_text("Another window holds a newer draft")
    expect(second.locator("#draft-state b")).to_have_text("red")
    expect(second.locator("textarea[name='q.summary']")).to_have_value("blue")
    assert drafts() == ["red"]

    write(second, " sky")  # she has seen both, and goes on with hers
    expect(second.locator("#draft-state")).to_have_text("Draft kept")
    assert drafts() == ["blue sky"]
    write(first, "!")
    expect(first.locator("#draft-state b")).to_have_text("blue sky")
    first.reload()  # what only this window had stands beside what is newer, once more
    at_work(first, "text")
    expect(first.locator("textarea[name='q.summary']")).to_have_value("red!")
    expect(first.locator("#answer .message b")).to_have_text("blue sky")
    first.get_by_role("link", name="take the newer one").click()
    at_work(first, "text")
    expect(first.locator("textarea[name='q.summary']")).to_have_value("blue sky")

    first.keyboard.press("Enter")
    gone_on(first, begun)
    write(second, "!")
    expect(second.locator("#draft-state")).to_contain_text("You have answered this task already")
    assert [one.values["summary"] for one in Annotation.objects.all()] == ["blue sky"]
    assert drafts() == []


def test_a_draft_that_comes_after_its_answer_is_not_kept(context: BrowserContext, stage: cast.Stage) -> None:
    page = context.new_page()
    log_in(page, "ben")
    begun = begin(page, "text")
    held: list[Route] = []
    page.route("**/draft/", lambda route: held.append(route))
    with page.expect_request("**/draft/"):
        answer(page, "text")
    page.keyboard.press("Enter")
    gone_on(page, begun)
    with page.expect_response("**/draft/"):
        held[0].continue_()
    settled(page)
    assert (Annotation.objects.count(), drafts()) == (1, [])
    expect(page.locator("#draft-revision")).to_have_value("0")  # the next task's own
    assert page.evaluate(KEPT) == 0


def unsaved(page: Page) -> None:
    """Ben writes, and the server never hears of it: a copy is left in the browser."""
    begin(page, "text")
    page.route("**/draft/", lambda route: route.abort())
    answer(page, "text")
    expect(page.get_by_text("kept in this browser meanwhile")).to_be_visible()
    assert page.evaluate(KEPT) == 1


def test_logging_out_takes_what_was_kept_in_the_browser_along(
    context: BrowserContext, stage: cast.Stage
) -> None:
    page = context.new_page()
    log_in(page, "ben")
    unsaved(page)
    page.get_by_role("button", name="Menu of ben").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/accounts/login/**")
    assert page.evaluate(KEPT) == 0


def test_somebody_else_in_the_same_browser_sees_nothing_and_sends_nothing_in_her_name(
    context: BrowserContext, stage: cast.Stage
) -> None:
    page = context.new_page()
    log_in(page, "ben")
    unsaved(page)
    Session.objects.all().delete()
    context.clear_cookies()
    other = context.new_page()
    log_in(other, "chi")
    assert other.evaluate(KEPT) == 0
    begin(other, "text")
    expect(other.locator("textarea[name='q.summary']")).to_have_value("")

    page.bring_to_front()  # the window that Ben left open
    page.keyboard.press("Enter")
    expect(page.get_by_text("Somebody else is logged in")).to_be_visible()
    settled(page)
    assert not Annotation.objects.exists()
    assert drafts() == []
