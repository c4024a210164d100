"""All kinds of question on one page: no rule broken, and answered in full by a plain form; on the lead's console as well."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from annotation.models import Annotation, Dispute
from specs import task_types
from tests import cast
from tests.browser.labelling import at_desk, begin, without_script
from tests.browser.test_every_page import SCHEMES, WIDER, broken_rules
from tests.browsing import settled
from tests.serving import Site
from tests.workforce.test_media import picture
from workforce import leasing, loading, media

SAMPLES = {kind: task_types.get(kind).sample() for kind in task_types.kinds()}
QUESTIONS: list[dict[str, Any]] = [sample["question"] for sample in SAMPLES.values()]


def values(place: int) -> dict[str, Any]:
    """The answer with the sample of this place of each kind."""
    return {sample["question"]["key"]: sample["values"][place] for sample in SAMPLES.values()}


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(questions=QUESTIONS, overlap=2, max_overlap=2)
    media.add(project=made.project, source=io.BytesIO(picture(400, 300)), name="red.png", by=made.ada)
    fields = {name: value for sample in SAMPLES.values() for name, value in sample["item"].items()}
    row = json.dumps({"key": "a", **fields, "image": "media:red.png"}).encode()
    loading.load(project=made.project, queue=made.queue, source=io.BytesIO(row), name="i.jsonl", by=made.ada)
    return made


def faults(page: Page) -> list[Any]:
    """What breaks a rule, light and dark, or sticks out of a wide or a narrow page."""
    settled(page)
    found: list[Any] = [rule for scheme in SCHEMES for rule in broken_rules(page, scheme)]
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
            found.append((width, page.evaluate(WIDER)))
    return found


def test_no_kind_breaks_a_rule_for_annotator_or_lead(page: Page, stage: cast.Stage) -> None:
    problems: list[str] = []
    begin(page, problems)
    expect(page.locator("fieldset.question")).to_have_count(len(QUESTIONS))
    assert faults(page) == []
    page.get_by_role("button", name="Submit and next").click()  # nothing is answered: each says so
    expect(page.locator("fieldset.question .bad:visible")).not_to_have_count(0)
    assert faults(page) == []
    [held] = leasing.held(annotator=stage.ben)
    stage.submit(stage.ben, held, values(0))
    stage.submit(stage.chi, stage.claim(stage.chi), values(1))
    at_desk(page, "ada", [])
    page.goto(f"/p/rte/disputes/{Dispute.objects.get().pk}/")
    page.keyboard.press("Enter")  # take it
    expect(page.get_by_role("button", name="Rule and next")).to_be_visible()
    assert faults(page) == []
    assert [problem for problem in problems if "422" not in problem] == []


def test_each_kind_is_answered_by_a_plain_form(browser: Browser, site: Site, stage: cast.Stage) -> None:
    with without_script(browser, site) as page:
        for sample in SAMPLES.values():
            for name, texts in posted(sample["question"], sample["values"][0]).items():
                for place, text in enumerate(texts):
                    fill(page, name, place, text)
        page.get_by_role("button", name="Submit and next").click()
        expect(page.get_by_text("the last task").first).to_be_visible()
    assert Annotation.objects.get().values == values(0)


def posted(question: dict[str, Any], value: Any) -> dict[str, list[str]]:
    """The fields of the plain form and what is entered in them, row by row where the value is a list of marks."""
    if isinstance(value, list) and all(isinstance(mark, dict) for mark in value):
        return {f"q.{question['key']}.{part}": [str(mark[part]) for mark in value] for part in value[0]}
    return task_types.get(question["kind"]).form(question, value)


def fill(page: Page, name: str, place: int, text: str) -> None:
    """Enter a text in the field of a name, the one in this place of several; hidden ones have it already."""
    field = page.locator(f"[name='{name}']:not([disabled])")
    match field.first.evaluate("field => field.type"):
        case "radio" | "checkbox":
            page.locator(f"[name='{name}'][value='{text}']").check()
        case "hidden":
            expect(field.nth(place)).to_have_value(text)
        case "select-one":
            field.nth(place).select_option(text)
        case _:
            field.nth(place).fill(text)
