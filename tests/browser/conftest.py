"""A page of a real Chromium without a server, for what the scripts of every page do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page


@pytest.fixture(scope="session")
def _tab(browser: Browser) -> Iterator[Page]:
    """One tab for all of them: opening one takes longer than most of these tests."""
    context = browser.new_context()
    context.set_default_timeout(5000)
    yield context.new_page()
    context.close()


@pytest.fixture
def bare(_tab: Page) -> Iterator[Page]:
    """Fails its test when a script breaks on it or the content security policy blocks something."""
    wrong: list[str] = []

    def broke(error: Error) -> None:
        wrong.append(str(error))

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    _tab.on("pageerror", broke)
    _tab.on("console", said)
    yield _tab
    _tab.remove_listener("pageerror", broke)
    _tab.remove_listener("console", said)
    _tab.unroute_all()
    assert wrong == []
