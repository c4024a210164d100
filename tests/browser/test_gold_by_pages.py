"""Gold by pages: a manager brings known answers in, an annotator meets one unseen and is told, a lead confirms candidates."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests import cast
from tests.browsing import log_in
from workforce.models import KnownAnswer, Probe, Queue


def test_gold_from_the_file_to_the_feedback(page: Page, tmp_path: Path) -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    for who in (stage.chi, stage.dov):
        for _ in range(3):
            stage.answer(who, "yes", cite=["whole"])
    file = tmp_path / "gold.csv"
    file.write_text(
        "key,value,clauses,explanation,text\n"
        "item-70,yes,whole,It is said in the text.,A dog runs.\n"
        "item-71,no,numbers,Two is not three.,Two dogs run.\n"
    )

    log_in(page, "ada")
    page.goto("/p/rte/queues/main/")
    page.get_by_role("link", name="Gold", exact=True).click()
    expect(page.get_by_role("heading", name="No known answers yet")).to_be_visible()
    page.keyboard.press("b")
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Bring in").click()
    expect(page.get_by_role("cell", name="item-71")).to_be_visible()

    page.get_by_role("button", name="Among unanimous tasks").click()
    expect(
        page.get_by_text("3 new candidates.")
    ).to_be_hidden()  # two people are not the three that were asked for
    page.fill("[name=least]", "2")
    page.get_by_role("button", name="Among unanimous tasks").click()
    expect(page.get_by_text("3 new candidates.")).to_be_visible()
    page.get_by_label("item-0").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Confirm the ticked").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 are in use now.")).to_be_visible()
    assert KnownAnswer.objects.filter(state="in-use").count() == 3

    # The next claims of whoever comes are gold, and she is told.
    Queue.objects.filter(pk=stage.queue.pk).update(gold_first=3, gold_first_of=3, gold_feedback="at-once")
    page.context.clear_cookies()
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.get_by_role("button", name="Start").click()
    item = page.locator("#work .card h2 .badge").first
    expect(item).to_be_visible()
    assert "gold" not in page.content().lower()
    key = item.inner_text()
    wrong = "no" if KnownAnswer.objects.get(item__key=key, state="in-use").value == "yes" else "yes"
    page.check(f"input[value={wrong}]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status", name="Your last answer")).to_contain_text("not right")
    expect(item).not_to_have_text(key)
    assert Probe.objects.filter(annotator=stage.ben).count() == 2

    page.context.clear_cookies()
    log_in(page, "ada")
    page.goto("/p/rte/queues/main/gold/people/")
    expect(page.get_by_role("cell", name=stage.ben.pseudonym)).to_be_visible()
    page.goto("/p/rte/queues/main/gold/")
    page.get_by_role("link", name=key).click()
    expect(page.get_by_role("cell", name="wrong")).to_be_visible()
    page.get_by_label("Set it aside, because").fill("It is not that clear.")
    page.get_by_role("button", name="Set aside").click()
    expect(page.get_by_text("It is served no more.")).to_be_visible()
