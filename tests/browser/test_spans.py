"""Marking spans in a real Chromium: by keyboard only, by pointer, on a telephone; with signs that trip up offsets."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from annotation.models import Annotation, Dispute, Ruling
from tests import cast
from tests.browser.labelling import answered, at_desk, begin, finger, telephone, without_script
from tests.browser.test_every_page import SCHEMES, broken_rules
from tests.browsing import settled
from tests.serving import Site
from workforce import loading

QUESTION = {
    "key": "names",
    "kind": "spans",
    "title": "Which names stand in the text?",
    "required": True,
    "labels": [{"value": "person", "title": "Person"}, {"value": "place", "title": "Place"}],
}
TEXTS = (
    "Ada met Zoë in Paris.",
    "👨🏻‍🚒 Ada left\r\nParis 🇫🇷 today",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d3\u05d4 \u05d1\u05e4\u05e8\u05d9\u05d6",
    "A\u0301da e\u0301tait a\u0300 Paris",
    "𝔸𝕕𝕒 saw 漢字 there",
)


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return staged()


def staged(**settings: Any) -> cast.Stage:
    return cast.stage(questions=[{**QUESTION, "settings": settings}], overlap=1, max_overlap=1)


def load(stage: cast.Stage, texts: list[str] | tuple[str, ...]) -> None:
    rows = "\n".join(json.dumps({"key": f"item-{k:03}", "text": text}) for k, text in enumerate(texts))
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(rows.encode()),
        name="items.jsonl",
        by=stage.ada,
    )


def test_twenty_items_by_keyboard_only(page: Page, stage: cast.Stage) -> None:
    load(stage, TEXTS * 4)
    problems: list[str] = []
    begin(page, problems)
    for n in range(1, 21):
        page.keyboard.press("ArrowRight")  # into the text, at its beginning
        page.keyboard.press("Control+End")
        page.keyboard.press("ArrowLeft")  # the last word
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("2")
        page.keyboard.press("Control+Home")
        page.keyboard.press("1")  # no selection: the word at the cursor, else the next label is held
        page.keyboard.press("Enter")
        answered(page, n)
    marked = [answer.values["names"] for answer in Annotation.objects.order_by("pk")]
    assert [[(span["text"], span["label"]) for span in value] for value in marked[:5]] == [
        [("Ada", "person"), ("Paris", "place")],
        [("today", "place")],
        [("\u05e9\u05dc\u05d5\u05dd", "person"), ("\u05d1\u05e4\u05e8\u05d9\u05d6", "place")],
        [("A\u0301da", "person"), ("Paris", "place")],
        [("𝔸𝕕𝕒", "person"), ("there", "place")],
    ]
    for text, value in zip(TEXTS * 4, marked, strict=True):
        assert all(text[span["start"] : span["end"]] == span["text"] for span in value)
    assert problems == []


def _select(page: Page, start: int, end: int) -> None:
    """Drag the mouse over a range of the text, in UTF-16 units."""
    boxes = page.locator("[data-text]").evaluate(
        """(place, [start, end]) => {
            const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
            const at = (unit) => {
                let seen = 0;
                for (walker.currentNode = place; walker.nextNode(); seen += walker.currentNode.length)
                    if (unit <= seen + walker.currentNode.length) return [walker.currentNode, unit - seen];
            };
            const range = document.createRange();
            range.setStart(...at(start));
            range.setEnd(...at(end));
            const all = [...range.getClientRects()].filter((box) => box.width > 0);
            const [first, last] = [all[0], all.at(-1)];
            return [first.left + 1, first.top + first.height / 2, last.right - 1, last.top + last.height / 2];
        }""",
        [start, end],
    )
    page.mouse.move(boxes[0], boxes[1])
    page.mouse.down()
    page.mouse.move(boxes[2], boxes[3], steps=3)
    page.mouse.up()


@pytest.mark.parametrize("n_items", [5, pytest.param(20, marks=pytest.mark.long)])
def test_items_by_pointer_on_a_telephone(page: Page, stage: cast.Stage, n_items: int) -> None:
    load(stage, ["👨🏻‍🚒 Ada met Zoë in Paris."] * n_items)
    problems: list[str] = []
    page.set_viewport_size({"width": 390, "height": 844})
    begin(page, problems)
    for n in range(1, n_items + 1):
        _select(page, 8, 11)
        page.get_by_role("button", name="Person").first.click()
        _select(page, 22, 27)
        page.get_by_role("button", name="Place").first.click()
        page.get_by_role("button", name="Submit and next").click()
        answered(page, n)
    for answer in Annotation.objects.all():
        assert [(span["text"], span["start"]) for span in answer.values["names"]] == [
            ("Ada", 5),
            ("Paris", 20),
        ]
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert problems == []


@pytest.mark.long
def test_twenty_items_by_touch(browser: Browser, site: Site, stage: cast.Stage) -> None:
    load(stage, ["Ada met Zoë in Paris."] * 20)
    problems: list[str] = []
    with telephone(browser, site) as page:
        begin(page, problems)
        for n in range(1, 21):
            place = page.locator("[data-text]")
            place.scroll_into_view_if_needed()
            x, y = place.evaluate(
                """(place) => {
                    const range = document.createRange();
                    range.setStart(document.createTreeWalker(place, NodeFilter.SHOW_TEXT).nextNode(), 0);
                    const box = range.getBoundingClientRect();
                    return [box.left + 8, box.top + box.height / 2];
                }"""
            )
            finger(page, (x, y), held_for=600)  # the first word
            page.get_by_role("button", name="Place").first.tap()
            expect(page.locator("[data-list] li")).to_contain_text(["Ada"])
            page.get_by_role("button", name="Submit and next").tap()
            answered(page, n)
    marks = [answer.values["names"][0] for answer in Annotation.objects.all()]
    assert [(mark["text"], mark["label"]) for mark in marks] == [("Ada", "place")] * 20
    assert problems == []


def test_marks_are_looked_at_moved_renamed_and_removed_by_keyboard(page: Page, stage: cast.Stage) -> None:
    load(stage, ["one two three four five"])
    problems: list[str] = []
    begin(page, problems)
    listed, said = page.locator("[data-list] li"), page.locator("[data-said]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("1")
    expect(listed).to_have_text([re.compile(r"Person\s+one\s+0–3")])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")  # the word at the cursor
    expect(listed.nth(1)).to_contain_text("three")
    page.keyboard.press("[")
    expect(said).to_contain_text("2 of 2")
    page.keyboard.press("Shift+ArrowRight")
    expect(listed.nth(1)).to_contain_text("three four")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowLeft")
    expect(listed.nth(1)).to_contain_text("two three four")
    page.keyboard.press("Shift+ArrowLeft")
    expect(said).to_contain_text("overlap")
    page.keyboard.press("1")
    expect(listed.nth(1)).to_contain_text("Person")
    page.keyboard.press("]")
    expect(said).to_contain_text("1 of 2")
    assert [rule for scheme in SCHEMES for rule in broken_rules(page, scheme)] == []
    with page.expect_response("**/draft/"):
        page.keyboard.press("Delete")
        expect(listed).to_have_count(1)
    page.keyboard.press(",")
    expect(said).to_contain_text("Remove it first")
    page.reload()
    settled(page)
    expect(listed).to_have_text([re.compile("two three four")])
    listed.get_by_role("button").first.focus()
    page.keyboard.press("Enter")
    listed.get_by_role("button", name="Start later").press("Enter")
    expect(listed).to_have_text([re.compile("three four")])
    listed.get_by_role("button", name="Remove").press("Enter")
    expect(listed).to_have_count(0)
    page.keyboard.press(",")
    page.keyboard.press("Enter")
    expect(page.get_by_text("the last task").first).to_be_visible()
    assert Annotation.objects.get().values == {"names": []}
    assert problems == []


def test_without_script_rows_answer_and_come_back_with_what_is_wrong(
    browser: Browser, site: Site, stage: cast.Stage
) -> None:
    load(stage, ["one two one"])
    with without_script(browser, site) as page:
        row = page.locator("[data-plain] [data-mark]").first
        row.get_by_label("Label").select_option("person")
        row.get_by_label("Words").fill("one")
        page.get_by_role("button", name="Submit and next").click()
        expect(page.get_by_text("stands 2 times").last).to_be_visible()
        expect(row.get_by_label("Words")).to_have_value("one")
        row.get_by_label("From character").fill("8")
        row.get_by_label("To character").fill("11")
        page.get_by_role("button", name="Submit and next").click()
        expect(page.get_by_text("the last task").first).to_be_visible()
    assert Annotation.objects.get().values["names"] == [
        {"start": 8, "end": 11, "label": "person", "text": "one"}
    ]


def test_a_lead_sees_the_answers_over_one_text_and_rules_with_her_own(page: Page, committed_db: None) -> None:
    stage = cast.stage(questions=[QUESTION], overlap=2, max_overlap=2)
    text = "Ada met Zoë\r\nin Paris."
    load(stage, [text])
    person = {"start": 0, "end": 3, "label": "person", "text": "Ada"}
    for who, more in (
        (stage.ben, []),
        (stage.chi, [{"start": 16, "end": 21, "label": "place", "text": "Paris"}]),
    ):
        served = stage.claim(who)
        stage.submit(who, served, {"names": [person, *more]})
    problems: list[str] = []
    at_desk(page, "ada", problems)
    page.goto(f"/p/rte/disputes/{Dispute.objects.get().pk}/")
    page.keyboard.press("Enter")  # take it
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    settled(page)
    over = page.get_by_role("group", name="All answers over one text")
    expect(over.locator("mark")).to_have_text(["Ada", "Paris"])
    expect(over.locator("mark.differs")).to_have_text(["Paris"])
    page.keyboard.press("o")
    page.get_by_role("group", name="Text to mark").focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="Person").first.click()
    page.get_by_role("radio", name="An annotator erred").check()
    page.get_by_role("button", name="Rule and next").click()
    expect(page.get_by_text("Ruled.").first).to_be_visible()
    assert Ruling.objects.get().values == {"names": [person]}
    assert problems == []


def test_a_sensitive_text_is_veiled_until_asked_for(page: Page, stage: cast.Stage) -> None:
    data = json.dumps({"key": "a", "text": "Ada is here.", "sensitive": True}).encode()
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name="i.jsonl", by=stage.ada
    )
    begin(page, [])
    place = page.locator("[data-text]")
    expect(place).to_be_hidden()
    page.keyboard.press("v")
    expect(place).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("the last task").first).to_be_visible()
    assert Annotation.objects.get().values["names"][0]["text"] == "Ada"


def test_one_of_many_labels_is_found_by_typing(page: Page, committed_db: None) -> None:
    labels = [{"value": f"event-{k:03}", "title": f"Event {k:03}"} for k in range(176)]
    stage = cast.stage(questions=[{**QUESTION, "labels": labels}], overlap=1, max_overlap=1)
    load(stage, ["The house burnt down."])
    problems: list[str] = []
    begin(page, problems)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("/")
    page.keyboard.type("142")
    expect(page.locator("[data-label]:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-list] li")).to_contain_text(["house burnt"])
    page.keyboard.press("Enter")
    expect(page.get_by_text("the last task").first).to_be_visible()
    assert Annotation.objects.get().values["names"][0]["label"] == "event-142"
    assert problems == []
