"""Drawing boxes in a real Chromium: by keyboard only, by pointer on a telephone, moved, resized, zoomed; and as a plain form."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from annotation.models import Annotation
from tests import cast
from tests.browser.labelling import answered, begin, finger, telephone, without_script
from tests.browser.test_every_page import SCHEMES, broken_rules
from tests.browsing import settled
from tests.serving import Site
from tests.workforce.test_media import picture
from workforce import loading, media

QUESTION = {
    "key": "animals",
    "kind": "boxes",
    "title": "Where are the animals?",
    "required": True,
    "labels": [{"value": "cat", "title": "Cat"}, {"value": "dog", "title": "Dog"}],
}
SIZE = (400, 300)


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(questions=[QUESTION], overlap=1, max_overlap=1)


def load(stage: cast.Stage, n: int) -> None:
    media.add(project=stage.project, source=io.BytesIO(picture(*SIZE)), name="red.png", by=stage.ada)
    rows = "\n".join(json.dumps({"key": f"item-{k:03}", "image": "media:red.png"}) for k in range(n))
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(rows.encode()),
        name="i.jsonl",
        by=stage.ada,
    )


def values() -> list[Any]:
    return [answer.values["animals"] for answer in Annotation.objects.order_by("pk")]


def test_twenty_items_by_keyboard_only(page: Page, stage: cast.Stage) -> None:
    load(stage, 20)
    problems: list[str] = []
    begin(page, problems)
    for n in range(1, 21):
        page.keyboard.press("ArrowRight")  # onto the image
        page.keyboard.press("1")  # a box in the middle
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Control+ArrowUp")
        page.keyboard.press("Enter")
        answered(page, n)
    step = 8  # a fortieth of the shorter side
    box = {"label": "cat", "x": 160 - step, "y": 120 - 1, "width": 80, "height": 60 + step}
    assert values() == [[box]] * 20
    assert problems == []


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the image, in its pixels."""
    frame = page.locator("[data-sheet]").bounding_box()
    assert frame is not None
    scale = frame["width"] / SIZE[0]
    page.mouse.move(frame["x"] + start[0] * scale, frame["y"] + start[1] * scale)
    page.mouse.down()
    page.mouse.move(frame["x"] + end[0] * scale, frame["y"] + end[1] * scale, steps=3)
    page.mouse.up()


def near(box: dict[str, Any], **sides: float) -> bool:
    """Whether a box drawn by hand is where it was meant, to two pixels of the image."""
    return all(abs(box[name] - value) <= 2 for name, value in sides.items())


@pytest.mark.parametrize("n_items", [5, pytest.param(20, marks=pytest.mark.long)])
def test_items_by_pointer_on_a_telephone(page: Page, stage: cast.Stage, n_items: int) -> None:
    load(stage, n_items)
    problems: list[str] = []
    page.set_viewport_size({"width": 390, "height": 844})
    begin(page, problems)
    for n in range(1, n_items + 1):
        page.locator("[data-sheet]").scroll_into_view_if_needed()
        drag(page, (50, 40), (150, 120))
        drag(page, (100, 80), (120, 100))  # moves it
        page.get_by_role("button", name="Dog").first.click()
        page.get_by_role("button", name="Submit and next").click()
        answered(page, n)
    for (box,) in values():
        assert near(box, x=70, y=60, width=100, height=80)
        assert box["label"] == "dog"
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert problems == []


def choose(page: Page, label: str) -> None:
    """Tap the label until the box has it: so soon after a drag, Chromium drops the click of a tap now and then."""
    for _ in range(5):
        page.get_by_role("button", name=label).first.tap()
        page.wait_for_timeout(300)
        if label in page.locator("[data-list] li").inner_text():
            return


@pytest.mark.long
def test_twenty_items_by_touch(browser: Browser, site: Site, stage: cast.Stage) -> None:
    load(stage, 20)
    problems: list[str] = []
    with telephone(browser, site) as page:
        begin(page, problems)
        for n in range(1, 21):
            page.locator("[data-sheet]").scroll_into_view_if_needed()
            frame = page.locator("[data-sheet]").bounding_box()
            assert frame is not None
            scale, places = frame["width"] / SIZE[0], ((50, 40), (100, 80), (150, 120))
            finger(page, *((frame["x"] + x * scale, frame["y"] + y * scale) for x, y in places))
            choose(page, "Dog")
            page.get_by_role("button", name="Submit and next").tap()
            answered(page, n)
    for (box,) in values():
        assert near(box, x=50, y=40, width=100, height=80)
        assert box["label"] == "dog"
    assert problems == []


def test_boxes_are_resized_zoomed_typed_and_removed(page: Page, stage: cast.Stage) -> None:
    load(stage, 1)
    problems: list[str] = []
    begin(page, problems)
    listed, said = page.locator("[data-list] li"), page.locator("[data-said]")
    page.locator("[data-sheet]").scroll_into_view_if_needed()
    drag(page, (100, 100), (200, 200))
    drag(page, (200, 200), (250, 220))  # by its corner
    expect(listed).to_have_count(1)
    page.get_by_role("button", name="Larger").click()
    expect(listed.get_by_label("width")).to_have_value("150")
    listed.get_by_label("width").fill("90")
    listed.get_by_label("width").press("Tab")
    listed.get_by_label("x").fill("390")
    listed.get_by_label("x").press("Tab")
    expect(listed.get_by_label("width")).to_have_value("10")  # cut at the edge
    page.get_by_role("button", name="Whole image").click()
    drag(page, (10, 10), (60, 60))
    expect(listed).to_have_count(2)
    page.keyboard.press("]")
    expect(said).to_contain_text("1 of 2")
    assert [rule for scheme in SCHEMES for rule in broken_rules(page, scheme)] == []
    with page.expect_response("**/draft/"):
        page.keyboard.press("Delete")
        expect(listed).to_have_count(1)
    page.reload()
    settled(page)
    expect(listed).to_have_count(1)
    page.get_by_role("button", name="Submit and next").click()
    expect(page.get_by_text("the last task").first).to_be_visible()
    ((box,),) = values()
    assert near(box, x=10, y=10, width=50, height=50)
    assert problems == []


def test_without_script_rows_answer(browser: Browser, site: Site, stage: cast.Stage) -> None:
    load(stage, 1)
    with without_script(browser, site) as page:
        row = page.locator("[data-plain] [data-mark]").first
        row.get_by_label("Label").select_option("cat")
        for name, value in (("Left edge", "10"), ("Upper edge", "20.5"), ("Width", "30"), ("Height", "0")):
            row.get_by_label(name).fill(value)
        page.get_by_role("button", name="Submit and next").click()
        expect(page.get_by_text("has a side of no length").last).to_be_visible()
        expect(row.get_by_label("Upper edge")).to_have_value("20.5")
        row.get_by_label("Height").fill("40")
        page.get_by_role("button", name="Submit and next").click()
        expect(page.get_by_text("the last task").first).to_be_visible()
    assert values() == [[{"label": "cat", "x": 10, "y": 20.5, "width": 30, "height": 40}]]
