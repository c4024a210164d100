"""Each kind of question in a real Chromium: twenty items by keyboard only, by pointer, and on a narrow page by touch.

The short suite has five of them by pointer and five by touch; `--long` has all twenty.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from annotation.models import Annotation
from tests import cast, questions
from tests.browsing import log_in, settled
from tests.serving import Site
from workforce import loading

N = 20
N_SHORT = 5
ANSWER: dict[str, Any] = {
    "topics": ["art", "law"],
    "severity": 4,
    "why": "Names one.",
    "order": [["b"], ["a", "c"]],
    "height": 1.8,
}


@pytest.fixture
def n_items() -> int:
    return N_SHORT


@pytest.fixture
def stage(committed_db: None, n_items: int) -> cast.Stage:
    made = cast.stage(questions=questions.ALL, overlap=3, max_overlap=3)
    rows = "\n".join(json.dumps(questions.item(number)) for number in range(n_items))
    loading.load(
        project=made.project, queue=made.queue, source=BytesIO(rows.encode()), name="i.jsonl", by=made.ada
    )
    return made


def at_work(browser: Browser, site: Site, name: str, wrong: list[str], **options: Any) -> Page:
    """The page of somebody who holds her first task; what goes wrong on it is told in the end."""
    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    log_in(page, name)
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    return page


def asked(page: Page, key: str) -> Locator:
    return page.locator(f"[data-question={key}]")


def is_there(page: Page, number: int) -> None:
    expect(asked(page, "fixed").locator("textarea")).to_have_value(f"This are sentence {number}.")
    expect(asked(page, "order").locator(".pick").first).to_be_visible()
    settled(page)


def by_keyboard(page: Page, number: int) -> None:
    """Numbers answer the question at hand; Tab leads on to the next one."""
    press = page.keyboard.press
    press("1")
    press("3")
    press("Tab")
    press("Tab")
    press("4")
    press("Tab")
    page.keyboard.type("Names one.")
    press("Tab")
    for key in ("2", "1", "=", "3", "Tab", "Tab"):
        press(key)
    press("Control+a")
    page.keyboard.type(f"This is sentence {number}.")
    press("Tab")
    page.keyboard.type("1.8")
    press("Escape")
    press("Enter")


def by_pointer(page: Page, number: int) -> None:
    for value in ("art", "law"):
        asked(page, "topics").locator(f"label:has([value={value}])").click()
    asked(page, "severity").locator("label:has([value='4'])").click()
    asked(page, "why").locator("textarea").fill("Names one.")
    for name in ("second", "first"):
        asked(page, "order").get_by_role("button", name=f"The {name}", exact=True).click()
    page.get_by_role("button", name="shares the last place").click()
    asked(page, "order").get_by_role("button", name="The third", exact=True).click()
    asked(page, "fixed").locator("textarea").fill(f"This is sentence {number}.")
    asked(page, "height").locator("input").fill("1,8")
    page.get_by_role("button", name="Submit and next").click()


TELEPHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "has_touch": True}


@pytest.mark.parametrize(
    ("name", "answer", "options", "n_items"),
    [
        ("ben", by_keyboard, {}, N),
        ("chi", by_pointer, {}, N_SHORT),
        ("dov", by_pointer, TELEPHONE, N_SHORT),
        pytest.param("chi", by_pointer, {}, N, marks=pytest.mark.long),
        pytest.param("dov", by_pointer, TELEPHONE, N, marks=pytest.mark.long),
    ],
)
def test_items_with_every_kind(
    browser: Browser,
    site: Site,
    stage: cast.Stage,
    name: str,
    answer: Any,
    options: dict[str, Any],
    n_items: int,
) -> None:
    wrong: list[str] = []
    page = at_work(browser, site, name, wrong, **options)
    for number in range(n_items):
        is_there(page, number)
        answer(page, number)
    expect(page.get_by_text("the last task").first).to_be_visible()
    page.context.close()
    wanted = [{**ANSWER, "fixed": f"This is sentence {number}."} for number in range(n_items)]
    assert [one.values for one in Annotation.objects.order_by("pk")] == wanted
    assert wrong == []


def test_options_by_the_hundred_are_found_by_typing(browser: Browser, site: Site, committed_db: None) -> None:
    many = {"key": "events", "kind": "multichoice", "title": "Which words?", "options_from": "options"}
    stage = cast.stage(questions=[{**many, "labels": []}, questions.SEVERITY])
    item = {"key": "i", "text": "t", "options": [f"word {number}" for number in range(176)]}
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=BytesIO(json.dumps(item).encode()),
        name="i.jsonl",
        by=stage.ada,
    )
    wrong: list[str] = []
    page = at_work(browser, site, "ben", wrong)
    said = asked(page, "events").locator("[data-said]")
    expect(said).to_have_text("Nothing chosen yet")
    settled(page)
    page.keyboard.press("/")
    page.keyboard.type("WORD 17")
    expect(said).to_have_text("8 of 176 options")
    page.keyboard.press("Enter")
    page.keyboard.type("99")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Chosen: word 17, word 99")
    page.keyboard.type("170")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    asked(page, "severity").locator("input").first.focus()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("the last task").first).to_be_visible()
    page.context.close()
    assert Annotation.objects.get().values == {"events": ["word 17", "word 99", "word 170"], "severity": 2}
    assert wrong == []


def test_what_is_said_moved_and_taken_back_by_keyboard(
    browser: Browser, site: Site, stage: cast.Stage
) -> None:
    wrong: list[str] = []
    page = at_work(browser, site, "ben", wrong)
    is_there(page, 0)
    order, said = asked(page, "order"), asked(page, "order").locator("[data-said]")
    order.locator(".pick").first.focus()
    for key in ("1", "2", "3"):
        page.keyboard.press(key)
    expect(said).to_have_text("The third: place 3 of 3")
    page.keyboard.press("ArrowUp")
    expect(said).to_have_text("The third: place 2 of 3")
    expect(order.locator(".pick").nth(1)).to_be_focused()
    page.keyboard.press("2")
    expect(said).to_have_text("The second: no place")
    expect(order.locator("select").nth(1)).to_have_value("2")
    asked(page, "topics").locator("input").nth(3).check()
    asked(page, "topics").locator("input").first.check()
    expect(asked(page, "topics").locator("input:checked")).to_have_count(1)
    expect(asked(page, "why")).to_be_hidden()
    asked(page, "severity").locator("[value='5']").check()
    expect(asked(page, "why")).to_be_visible()
    fixed = asked(page, "fixed")
    fixed.locator("textarea").fill("This is sentence 0.")
    expect(fixed.locator("del")).to_contain_text("are")
    expect(fixed.locator("ins")).to_contain_text("is")
    page.context.close()
    assert wrong == []
