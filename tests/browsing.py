"""A real Chromium: `$CHROMIUM`, else one on PATH, else Playwright's own. A missing one fails, it never skips."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.serving import Site

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
if os.geteuid() == 0:
    FLAGS.append("--no-sandbox")  # Chromium's sandbox refuses root


def chromium() -> str | None:
    """The program to use, or None for the one that Playwright brought."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's loop runs in this thread, which makes Django refuse the ORM although nothing here is asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def context(browser: Browser, site: Site, committed_db: None) -> Iterator[BrowserContext]:
    """A fresh profile whose addresses are relative to the test server."""
    fresh = browser.new_context(base_url=site.url)
    fresh.set_default_timeout(10_000)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def settled(page: Page) -> None:
    """Wait until htmx, and the copies kept in this browser, are in place: before that, focus may still move."""
    # A locator looks without `eval`, which the pages' policy refuses as soon as a condition must be waited for.
    expect(
        page.locator("#work[aria-busy], .htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
    ).to_have_count(0)


def log_in(page: Page, name: str) -> None:
    """Somebody's session in this browser, in place of an earlier one. The log-in page itself has tests of its own."""
    # Only here: a benchmark takes this module's browser, and has no Django of its own.
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username=name))
    page.context.clear_cookies()
    page.context.add_cookies(
        [
            {"name": one.key, "value": one.value, "domain": "127.0.0.1", "path": "/"}
            for one in client.cookies.values()
        ]
    )
