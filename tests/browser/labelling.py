"""What browser tests of the labelling page begin and end with, with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, settled
from tests.serving import Site

ADDRESS = "/p/rte/queues/main/label/"


def at_desk(page: Page, name: str, problems: list[str]) -> None:
    """Logged in; what the console says from then on goes to *problems*."""
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    log_in(page, name)


def begin_any(page: Page, problems: list[str]) -> None:
    """Ben logs in and takes the first task."""
    at_desk(page, "ben", problems)
    page.goto(ADDRESS)
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_be_attached()
    settled(page)


def begin(page: Page, problems: list[str]) -> None:
    """The same, where the first question is one whose script fills a list."""
    begin_any(page, problems)
    expect(page.locator("[data-value]:enabled").first).to_be_attached()


def answered(page: Page, n: int) -> None:
    """Wait until the page has gone on after the n-th answer."""
    expect(page.get_by_text(f"{n} answer{'s' * (n != 1)} today").first).to_be_visible()
    settled(page)


@contextmanager
def without_script(browser: Browser, site: Site) -> Iterator[Page]:
    """The page of Ben in a browser that runs no scripts, with his first task on it."""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.set_default_timeout(5000)
    page = context.new_page()
    log_in(page, "ben")
    page.goto(ADDRESS)
    page.get_by_role("button", name="Start").click()
    yield page
    context.close()


@contextmanager
def telephone(browser: Browser, site: Site) -> Iterator[Page]:
    """A page of a browser that is touched."""
    context = browser.new_context(
        base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(5000)
    yield context.new_page()
    context.close()


def finger(page: Page, *points: tuple[float, float], held_for: int = 0) -> None:
    """A finger put down at the first point, held for so many milliseconds, drawn over the others and lifted."""
    line = page.context.new_cdp_session(page)  # stays: to end it ends the touches of others as well
    for place, (x, y) in enumerate(points):
        kind = "touchMove" if place else "touchStart"
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        if not place:
            page.wait_for_timeout(held_for)
    line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
