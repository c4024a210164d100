"""The console by keyboard only, in a real Chromium: what stays plural, one ruling for many, and a reading before the answers."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from annotation import exporting
from annotation.models import Dispute, FirstReading, Ruling
from specs import ledger, store
from tests import cast
from tests.browser.keyboard import press
from tests.browsing import log_in, settled
from workforce.models import Queue


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=2)
    Queue.objects.filter(purpose="adjudication").update(gold_share="0", gold_first=0)
    return made


def _disputes(stage: cast.Stage, n: int) -> None:
    stage.load(n)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        for _ in range(n):
            stage.answer(who, value)


def _begin(page: Page) -> None:
    log_in(page, "ada")
    page.goto("/p/rte/disputes/")
    settled(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("item-0").first).to_be_visible()
    _ready(page)


def _ready(page: Page) -> None:
    """A page that a form brought listens to keys once it is loaded whole."""
    page.wait_for_load_state()
    settled(page)


def test_what_stays_plural_is_ruled_by_keyboard_and_exported_as_a_soft_label(
    page: Page, stage: cast.Stage
) -> None:
    _disputes(stage, 2)
    _begin(page)
    page.keyboard.press("k")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    expect(page.locator("#work").get_by_text("Ruled. The task is resolved.")).to_be_visible()
    expect(page.get_by_role("button", name="Rule and next")).to_be_visible()  # the next one, leased
    expect(page.get_by_text("item-1").first).to_be_visible()
    ledger.seal_all(project_id=stage.project.pk)
    snapshot = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    exporting.build(snapshot_id=snapshot.pk)
    with store.opened(snapshot.files.get(name="labels.jsonl").digest) as source:
        label = json.loads(source.readline())["labels"]["entailed"]
    assert [one["share"] for one in label["soft_label"]] == [0.5, 0.5]


def test_the_next_dispute_takes_the_place_of_the_last_one_with_focus_title_address_and_a_word(
    page: Page, stage: cast.Stage
) -> None:
    _disputes(stage, 2)
    _begin(page)
    first = page.url
    page.evaluate("document.body.dataset.stays = 'yes'")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The ruling is not complete.")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_focused()
    assert page.get_by_role("radio", checked=True).count() == 1  # what was chosen stays chosen
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dispute item-1")
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page).to_have_title("Dispute item-1 · Concordat")
    expect(page.locator("#live")).to_have_text("Ruled. The task is resolved.")
    expect(page.locator("body")).to_have_attribute("data-stays", "yes")  # no other page was loaded
    assert page.url != first
    assert page.url.endswith(f"/disputes/{Dispute.objects.get(state='open').pk}/")
    page.go_back()
    expect(page.get_by_role("heading", name="The ruling")).to_be_visible()
    assert page.url == first
    page.go_forward()
    expect(page.get_by_role("button", name="Rule and next")).to_be_visible()
    _ready(page)
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No dispute is left for you here just now.")).to_be_visible()
    expect(page).to_have_url(first.rsplit("/", 2)[0] + "/")  # the list, whole


def test_one_ruling_decides_those_that_look_the_same_by_keyboard(page: Page, stage: cast.Stage) -> None:
    _disputes(stage, 4)
    _begin(page)
    page.keyboard.press("1")
    page.keyboard.press("e")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Disputes that look the same")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(3)
    _ready(page)
    press(page.get_by_role("checkbox", name="item-3"), "Space")
    press(page.get_by_role("button", name="Rule on those chosen"))
    expect(page.get_by_text("Ruled on 2 more disputes.")).to_be_visible()
    assert [one.task.item.key for one in Dispute.objects.filter(state="open")] == ["item-3"]
    assert Ruling.objects.filter(along_with__isnull=False).count() == 2


def test_an_independent_dispute_shows_the_answers_after_what_the_lead_thinks(
    page: Page, stage: cast.Stage
) -> None:
    Queue.objects.filter(purpose="adjudication").update(independent_share="1")
    _disputes(stage, 1)
    _begin(page)
    expect(page.get_by_text("1 answer", exact=True)).to_have_count(0)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You said before you saw the answers:")).to_be_visible()
    expect(page.get_by_text("1 answer", exact=True)).to_have_count(2)
    assert FirstReading.objects.get().values == {"entailed": "no"}
    _ready(page)
    page.keyboard.press("g")
    press(page.get_by_label("What is to happen with it"), "ArrowDown")
    press(page.get_by_role("button", name="Pass it on and next"))
    expect(page.get_by_text("The task wants more answers now.").first).to_be_visible()
