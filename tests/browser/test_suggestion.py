"""A suggestion on the labelling page in a real Chromium, by keyboard: seen, taken over, changed; and what is told afterwards."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from annotation.models import Annotation
from tests import cast
from tests.annotation.test_suggesting import bring
from tests.browsing import log_in
from workforce import queues
from workforce.models import Queue, Suggestion


def test_a_suggestion_is_taken_over_and_changed_by_keyboard(page: Page, committed_db: None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1, predictions="experiment", predictions_share="0.999")
    stage.load(3)
    bring(stage, 3)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda one: problems.append(one.text) if one.type in ("error", "warning") else None)
    page.set_viewport_size({"width": 390, "height": 800})
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Suggested by a model")).to_be_visible()
    expect(page.locator("input:checked")).to_have_count(0)
    page.keyboard.press(".")
    expect(page.locator("input[value=yes]")).to_be_checked()
    expect(page.get_by_text("Taken over")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    page.keyboard.press(".")
    expect(page.get_by_text("Taken over")).to_be_visible()
    page.keyboard.press("2")  # she thinks better of it
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 2", exact=True)).to_be_visible()
    assert [one.values["entailed"] for one in Annotation.objects.order_by("pk")] == ["yes", "no"]
    assert Suggestion.objects.filter(taken_at__isnull=False).count() == 2
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    queues.change_settings(queue=Queue.objects.get(pk=stage.queue.pk), by=stage.ada, predictions="after")
    page.reload()
    expect(page.get_by_text("Suggested by a model")).to_have_count(0)
    assert problems == []
