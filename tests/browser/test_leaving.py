"""What happens to a task besides an answer, by the pages: by keyboard for who labels, by forms for who manages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation import asking
from annotation.models import Annotation, Inquiry
from tests import cast
from tests.browsing import log_in
from workforce.models import Assignment, Hold, Recall, Skip, SlotState


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=1, max_overlap=1, skips_per_hour=1)


def _on(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=True)).to_be_visible()


def test_every_way_out_of_a_task_by_keyboard(page: Page, stage: cast.Stage) -> None:
    stage.load(6)
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    _on(page, "text 0")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")  # the focus is on the category
    page.keyboard.press("Tab")
    page.keyboard.type("torn in the middle")
    page.keyboard.press("Enter")
    _on(page, "text 1")
    answer = Annotation.objects.get()
    assert (answer.cannot, answer.notes.get().text) == ("empty", "torn in the middle")
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    _on(page, "text 2")
    assert Skip.objects.get().reason == "cannot-decide"
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("as many as this queue allows")).to_be_visible()
    _on(page, "text 2")
    page.keyboard.press("h")
    page.keyboard.press("Tab")
    page.keyboard.type("Does a title count?")
    page.keyboard.press("Enter")
    _on(page, "text 3")
    page.keyboard.press("z")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Handed back.")).to_be_visible()
    assert not Assignment.objects.filter(state=SlotState.LEASED).exists()
    asking.answer(inquiry=Inquiry.objects.get(), text="It does.", by=stage.ada)
    page.keyboard.press("Enter")
    _on(page, "text 2")
    page.keyboard.press("?")
    for words in (
        "Skip this task",
        "It cannot be labelled",
        "Ask about a clause and hold",
        "Hand this task back",
    ):
        expect(page.locator("#keys").get_by_text(words)).to_be_visible()


def test_a_manager_gives_work_by_name_takes_it_back_and_lets_held_tasks_go_on(
    page: Page, stage: cast.Stage
) -> None:
    stage.load(4)
    lease = stage.claim(stage.chi)
    asking.ask_and_hold(
        assignment_id=lease.assignment_id,
        annotator=stage.chi,
        token=lease.token,
        clause_key="whole",
        text="Does a title count?",
        by=stage.member("chi"),
    )
    out = stage.claim(stage.dov)
    log_in(page, "ada")
    page.goto("/p/rte/queues/main/tasks/")
    box = page.get_by_label("item-3")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_label("Annotator", exact=True).fill(stage.ben.pseudonym)
    page.get_by_role("button", name="Give them to her").click()
    expect(page.get_by_text(f"1 tasks are kept for {stage.ben.pseudonym}")).to_be_visible()
    assert Assignment.objects.get(state=SlotState.RESERVED).annotator == stage.ben
    page.get_by_label("item-1").check()
    page.get_by_label("Why: whoever holds").fill("Ben knows the author.")
    page.get_by_label("Keep them for the annotator").check()
    page.get_by_label("Annotator", exact=True).fill(stage.ben.pseudonym)
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_text("1 leases were taken away")).to_be_visible()
    assert Recall.objects.get().assignment_id == out.assignment_id
    page.get_by_role("button", name="Let item-0 go on").click()
    expect(page.get_by_text("The task goes on")).to_be_visible()
    assert Hold.objects.get().outcome == "released"
    page.get_by_label("all open ones of these items").check()
    page.get_by_role("textbox", name="Items, one key a line").fill("item-1\nitem-3")
    page.get_by_role("button", name="Open what is kept").click()
    expect(page.get_by_text("2 slots are open to all again.")).to_be_visible()
    log_in(page, "dov")
    page.goto("/p/rte/queues/main/label/")
    expect(page.get_by_text("was taken back from you: Ben knows the author.")).to_be_visible()
