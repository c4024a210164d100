"""The whole loop through the pages in a real Chromium: from an empty project to a verified snapshot of version 2.0.0.

Jobs are run here in place of a Celery worker; everything else is what a person clicks and types.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect

from annotation.models import Resolution
from specs.models import Job, Project, Role, SpecVersion
from tests import cast
from tests.browsing import log_in, settled
from tests.serving import Site
from workforce import staffing


@pytest.fixture
def project(committed_db: None) -> Project:
    made = cast.project()
    for name, roles in {
        "ada": [Role.OWNER],
        "lea": [Role.LEAD],
        "ben": [Role.ANNOTATOR],
        "chi": [Role.ANNOTATOR],
    }.items():
        staffing.add_member(project=made, user=cast.user(name), roles=roles, by=None)
    return made


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Browser, site: Site, name: str) -> None:
        self.page: Page = browser.new_context(base_url=site.url).new_page()
        self.page.set_default_timeout(10_000)
        log_in(self.page, name)

    def go(self, address: str) -> None:
        self.page.goto(f"/p/rte/{address}")

    def fill(self, **fields: str) -> None:
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).first.fill(value)

    def press(self, name: str) -> None:
        """Press the button or follow the link of this name, and wait for what comes."""
        pattern = re.compile(rf"^{re.escape(name)}", re.IGNORECASE)
        target = self.page.locator("main").get_by_role("button", name=pattern)
        if target.count() == 0:
            target = self.page.locator("main").get_by_role("link", name=pattern)
        target.first.click()
        self.page.wait_for_load_state()
        settled(self.page)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()


def _run_jobs() -> None:
    from annotation.config.celery import app

    for job in Job.objects.filter(state="queued"):
        app.tasks[job.kind].apply(args=[job.pk], throw=True)
    connections.close_all()


def test_from_an_empty_project_to_a_verified_snapshot(
    browser: Browser, site: Site, project: Project, tmp_path: Path
) -> None:
    ada, lea = Person(browser, site, "ada"), Person(browser, site, "lea")
    ben, chi = Person(browser, site, "ben"), Person(browser, site, "chi")

    # a spec: questions, two clauses, published
    ada.go("specs/")
    ada.press("New spec")
    ada.fill(Title="Entailment", Key="entailment")
    ada.press("Begin")
    if "draft" not in ada.page.url:
        ada.press("Open a draft")
    ada.press("Edit the questions")
    ada.fill(Question="Does it follow?", Key="follows")
    for place, (value, title) in enumerate((("yes", "Yes"), ("no", "No"))):
        ada.page.get_by_label("Value", exact=True).nth(place).fill(value)
        ada.page.get_by_label("Title", exact=True).nth(place).fill(title)
    ada.press("Keep")
    for key, title, text in (
        ("facts", "Facts", "What the text says counts."),
        ("world", "The world", "What everybody knows may be used."),
    ):
        ada.go("specs/entailment/draft/")
        ada.press("Add a clause")
        ada.fill(Key=key, Title=title)
        ada.page.locator("textarea[name='block.0.text']").fill(text)
        ada.page.locator("input[name=governs]").first.check()
        ada.press("Keep")
    ada.go("specs/entailment/draft/")
    ada.press("Publish")
    ada.page.locator("[name=notes]").fill("The first edition.")
    ada.page.locator("[name=rationale]").fill("There was none.")
    ada.press("Publish")
    assert SpecVersion.objects.get(state="published").number == "1.0.0"

    # a queue: created, loaded, two annotators enrolled
    ada.go("queues/")
    ada.press("New queue")
    ada.fill(Name="Main", Key="main", Answers_per_task="2", At_most="2")
    ada.page.locator("[name=spec]").select_option(index=1)
    ada.press("Keep")
    ada.press("Load items")
    rows = tmp_path / "items.jsonl"
    rows.write_text("\n".join(json.dumps({"key": f"i{n}", "text": f"sentence {n}"}) for n in range(3)))
    ada.page.set_input_files("input[type=file]", str(rows))
    ada.press("Load")
    for name in ("ben", "chi"):
        ada.go("queues/main/")
        ada.page.locator("input[name=member]").fill(name)
        ada.press("Enrol")

    # three tasks answered by both: one alike under the first clause, two apart under the second
    for person, answers in ((ben, "111"), (chi, "122")):
        person.go("queues/main/label/")
        person.press("Start")
        person.sees("Read this first")
        person.page.keyboard.press("Enter")
        for number, key in enumerate(answers):
            person.sees(f"sentence {number}")
            person.page.keyboard.press(key)
            person.page.keyboard.press("b" if number else "a")
            person.page.keyboard.press("Enter")
            person.page.wait_for_load_state()
        person.sees("the last task")
        person.go("mine/")
        person.sees("i2")
    assert Resolution.objects.count() == 1

    # the lead rules on both
    lea.go("disputes/")
    lea.press("i1")
    lea.press("Take this dispute")
    for _ in range(2):  # the next one is hers as soon as she has ruled
        lea.page.keyboard.press("1")
        lea.page.get_by_label("The clause is ambiguous").check()
        lea.page.locator("select[name=clause]").select_option("world")
        lea.page.locator("[name=reason]").fill("Only what every adult knows.")
        lea.page.keyboard.press("Escape")
        lea.press("Rule and next")
    assert Resolution.objects.filter(basis="ruling").count() == 2

    # measured; the clause leads the table
    ada.go("agreement/")
    ada.press("Measure now")
    _run_jobs()
    ada.go("agreement/")
    ada.sees("The world")

    # the clause is reworded: a major version, 2.0.0; what it touches is asked again
    ada.go("specs/entailment/")
    ada.press("Open a draft")
    ada.go("specs/entailment/draft/clauses/world/")
    ada.page.locator("textarea[name='block.0.text']").fill("Only what every adult reader knows.")
    ada.press("Done")
    ada.sees("Only what every adult reader knows.")
    ada.go("specs/entailment/draft/publish/")
    ada.sees("major")
    ada.page.locator("[name=notes]").fill("Sharper.")
    ada.page.locator("[name=rationale]").fill("Two readings.")
    ada.page.locator("[name=override_reason]").fill("No annotator is free for a pilot this week.")
    ada.press("Publish")
    ada.go("relabel/")
    ada.press("What does Entailment 2.0.0 touch")
    ada.go("relabel/")
    ada.press("Main")
    ada.page.locator("[name=reason]").fill("The rest rests on unchanged words.")
    ada.press("Relabel these")
    ada.sees("A blind sample of the others")

    # what is asked again is answered under the new words; one answer that says the same is enough
    ben.go("queues/main-relabel/label/")
    ben.press("Start")
    ben.sees("what changed from 1.0.0 to 2.0.0")
    ben.press("I have read it")
    for _ in range(3):
        expect(ben.page.locator("#answer")).to_be_attached()
        settled(ben.page)
        ben.page.keyboard.press("1")
        ben.page.keyboard.press("b")
        ben.page.keyboard.press("Enter")
        settled(ben.page)
    ben.sees("the last task")

    # a snapshot, verified, downloaded
    ada.go("snapshots/")
    ada.page.locator("[name=name]").fill("first")
    ada.press("Build")
    _run_jobs()
    ada.go("snapshots/")
    ada.press("first")
    ada.press("Verify")
    ada.sees("sha256:")
    with ada.page.expect_download() as download:
        ada.page.get_by_role("link", name="labels.jsonl").click()
    labels = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert ("i0", "yes") in [(row["key"], row["labels"]["follows"]["value"]) for row in labels], labels
    ada.go("jobs/")
    ada.sees("Done")
