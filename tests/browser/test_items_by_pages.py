"""Items in a real Chromium, by keyboard: a file with problems is corrected, loaded, undone; what is upsetting is agreed to."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests import cast
from tests.browsing import log_in
from workforce import excluding
from workforce.models import Consent, Load, LoadState, Task


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    """Two items that show violence, which nobody has agreed to see."""
    made = cast.stage(overlap=1, max_overlap=1)
    made.load(2)
    violence = excluding.add_category(
        project=made.project, key="violence", name="Violence", warning="Wounds and blood.", by=made.ada
    )
    excluding.mark(category=violence, items=["item-0", "item-1"], by=made.ada)
    return made


def _file(*rows: str) -> FilePayload:
    return {"name": "news.jsonl", "mimeType": "application/x-ndjson", "buffer": "\n".join(rows).encode()}


def test_a_file_with_problems_is_looked_at_corrected_loaded_and_undone(page: Page, stage: cast.Stage) -> None:
    good = json.dumps({"key": "news-0", "text": "It rains."})
    log_in(page, "ada")
    page.goto("/p/rte/queues/main/load/")
    expect(page.get_by_role("link", name="What came in")).to_have_attribute("aria-current", "page")

    # without a file nothing is sent; a bad one is told line by line, and nothing is kept of it
    page.get_by_role("button", name="Look at it first").press("Enter")
    assert page.evaluate("document.activeElement.name") == "file"
    page.set_input_files("[name=file]", _file(good, "not json", '{"text": "no key"}'))
    page.get_by_role("button", name="Look at it first").press("Enter")
    expect(page.get_by_text("Looked at the first 3 rows, 2 of them bad.")).to_be_visible()
    expect(page.get_by_text("has no key")).to_be_visible()
    page.get_by_role("button", name="Load this file").press("Enter")
    expect(page.get_by_text("has no key")).to_be_visible()
    assert Task.objects.count() == 2

    # corrected: looked at, and loaded as it was looked at
    page.goto("/p/rte/queues/main/load/")
    page.set_input_files("[name=file]", _file(good, json.dumps({"key": "news-1", "text": "It pours."})))
    page.get_by_role("button", name="Look at it first").press("Enter")
    expect(page.get_by_text("Looked at the first 2 rows, 0 of them bad.")).to_be_visible()
    page.get_by_role("button", name="Load this file").press("Enter")
    expect(page.get_by_text("Loaded", exact=True)).to_be_visible()
    assert Task.objects.filter(state="open").count() == 4

    # undone after a question
    page.locator("summary", has_text="Undo").press("Enter")
    expect(page.get_by_text("Nothing of it is held or answered.")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Undone", exact=True)).to_be_visible()
    assert Load.objects.latest("pk").state == LoadState.UNDONE
    assert set(Task.objects.filter(state="open").values_list("item__key", flat=True)) == {"item-0", "item-1"}


def test_an_annotator_agrees_to_see_what_is_sensitive_and_withdraws(page: Page, stage: cast.Stage) -> None:
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.get_by_role("link", name="Read the warnings and decide").press("Enter")
    expect(page.get_by_text("Wounds and blood.")).to_be_visible()
    page.get_by_role("button", name="I have read this; I agree to see Violence").press("Enter")
    expect(page.get_by_text("you agreed")).to_be_visible()
    assert Consent.objects.get().withdrawn_at is None

    page.goto("/p/rte/queues/main/label/")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_text("text 0")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 1")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("the last task")).to_be_visible()

    # withdrawn: of what comes in, nothing of that kind is given to her
    page.goto("/p/rte/sensitive/")
    expect(page.locator(".tile").first).to_contain_text("2")
    page.get_by_role("button", name="Do not show me Violence any more").press("Enter")
    expect(page.get_by_text("not shown to you")).to_be_visible()
    assert Consent.objects.get().withdrawn_at is not None
    stage.load(1, start=2)
    excluding.mark(category=Consent.objects.get().category, items=["item-2"], by=stage.ada)
    page.goto("/p/rte/queues/main/label/")
    expect(page.get_by_role("link", name="Read the warnings and decide")).to_be_visible()
