"""A manager's morning in a real Chromium: the board, why a queue is behind, what would help, a measure, an alert, the hours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from tests import cast
from tests.browsing import log_in
from tests.workforce.worked import work
from workforce import leasing, watching
from workforce.models import Alert, Degradation, QueueGauge


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=3)
    made.load(6)
    for who in (made.ben, made.chi):
        made.answer(who, "yes", cite=["whole"])
    work(made, made.dov, leasing.database_now() - timedelta(hours=1), timedelta(minutes=7))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_task SET created_at = now() - interval '9 days' WHERE state = 'open'"
        )
    QueueGauge.objects.all().delete()
    watching.watch(project=made.project)
    return made


def test_a_managers_morning(page: Page, stage: cast.Stage) -> None:
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    log_in(page, "ada")
    page.goto("/")

    # the inbox says that something is wrong; the board says what, the worst queue first
    page.get_by_role("link", name="Alerts").first.click()
    expect(page.get_by_text("The service level is missed")).to_be_visible()
    page.get_by_text("Take on", exact=True).click()
    page.get_by_label("Note").fill("I look at it.")
    page.get_by_role("button", name="I take it on").click()
    expect(page.get_by_text("Taken on")).to_be_visible()
    assert Alert.objects.get().state == "acknowledged"
    page.get_by_role("link", name="Board", exact=True).click()
    first = page.locator("#board tbody tr").first
    expect(first).to_contain_text("the oldest task is older than it may be")

    # one queue: charts with their tables, and a what-if that answers in place
    first.get_by_role("link").click()
    expect(page.get_by_role("img", name="Answers wanted by the age of the task")).to_be_visible()
    page.get_by_label("More annotators").fill("3")
    page.get_by_role("button", name="Reckon").press("Enter")
    expect(page.get_by_text("As it would be")).to_be_visible()
    assert "people" not in page.url, "it was answered in place"

    # a measure, with a reason and an end
    page.get_by_text("Put a measure into use").press("Enter")
    page.get_by_label("Measure").select_option("priority")
    page.get_by_label("Why").fill("The campaign brought more than was planned.")
    page.get_by_role("button", name="Put into use").press("Enter")
    expect(page.get_by_text("The campaign brought more")).to_be_visible()
    page.get_by_role("button", name="End it now").press("Enter")
    expect(page.get_by_text("what was is restored")).to_be_visible()
    assert Degradation.objects.get().ended_at is not None

    # what it cost, to the second, to take away
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Queues").click()
    page.get_by_role("link", name="Timesheet", exact=True).click()
    expect(page.get_by_text(stage.ben.pseudonym).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Everybody as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("annotator,day,time_zone,queue,work,seconds")
    page.get_by_role("link", name="Cost", exact=True).click()
    expect(page.get_by_text("First answers")).to_be_visible()
    assert wrong == []
