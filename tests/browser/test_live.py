"""What changes without a page load is said, the focus follows the work, and nothing written is replaced."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.stage import ADDRESS, reply, show

PART = f"""
<form id="part" hx-get="{ADDRESS}part" hx-swap="outerHTML" hx-target="#part">
  <input id="note" name="note"><button id="go">Go</button>
</form>
"""


@pytest.fixture
def work(bare: Page) -> Page:
    show(bare, PART)
    bare.fill("#note", "what I wrote")
    return bare


def answer(page: Page, html: str, status: int = 200, **headers: str) -> None:
    """Press the button and let the server answer so."""

    def handle(route: Route) -> None:
        reply(route, html, status, **headers)

    page.route(f"{ADDRESS}part**", handle)
    page.click("#go")


def test_an_announcement_is_read_out_but_not_shown(work: Page) -> None:
    answer(work, "<p>New</p>", HX_Trigger='{"announce": "Draft kept."}')
    expect(work.locator("#live")).to_have_text("Draft kept.")
    expect(work.locator("#live")).not_to_have_class("toast shown")


def test_an_announcement_can_be_shown(work: Page) -> None:
    answer(work, "<p>New</p>", HX_Trigger='{"announce": {"text": "Submitted.", "show": true}}')
    expect(work.locator("#live")).to_have_class("toast shown")


def test_the_focus_goes_where_the_answer_says(work: Page) -> None:
    answer(work, '<div id="part"><h2 data-focus-after-swap>Next item</h2></div>')
    expect(work.get_by_role("heading", name="Next item")).to_be_focused()


def test_a_form_with_errors_takes_its_own_place(work: Page) -> None:
    answer(work, '<form id="part"><p>This field is required.</p></form>', 422)
    expect(work.locator("#part")).to_have_text("This field is required.")


def test_a_refusal_stands_above_and_the_form_stays(work: Page) -> None:
    reason = '<div class="errors" role="alert" tabindex="-1" data-focus-after-swap>Somebody was faster.</div>'
    answer(work, reason, 409, HX_Retarget="#refusal", HX_Reswap="innerHTML")
    expect(work.get_by_role("alert")).to_be_focused()
    expect(work.locator("#note")).to_have_value("what I wrote")


def test_the_next_request_takes_the_refusal_away(work: Page) -> None:
    answer(work, "<p>No.</p>", 409, HX_Retarget="#refusal", HX_Reswap="innerHTML")
    expect(work.locator("#refusal")).to_have_text("No.")
    answer(work, '<p id="part">Done</p>')
    expect(work.locator("#refusal")).to_be_empty()


def test_an_error_of_the_server_is_said_and_the_form_stays(work: Page) -> None:
    answer(work, "<h1>Broken</h1>", 500)
    expect(work.locator("#live.shown")).to_contain_text("did not work")
    expect(work.locator("#note")).to_have_value("what I wrote")


def test_a_lost_connection_is_said_and_the_form_stays(work: Page) -> None:
    work.route(f"{ADDRESS}part**", lambda route: route.abort())
    work.click("#go")
    expect(work.locator("#live.shown")).to_contain_text("cannot be reached")
    expect(work.locator("#note")).to_have_value("what I wrote")


def test_a_lost_session_is_said_and_the_form_stays(work: Page) -> None:
    work.route(f"{ADDRESS}accounts/login/**", lambda route: reply(route, "<h1>Log in</h1>"))
    work.evaluate(
        "document.addEventListener('htmx:configRequest', (e) => { e.detail.path = '/accounts/login/' })"
    )
    work.click("#go")
    expect(work.locator("#live.shown")).to_contain_text("logged out")
    expect(work.locator("#note")).to_have_value("what I wrote")
