"""How a spec becomes law, by the pages in a real Chromium: written by two, tried, approved, published, read, passed, undone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from annotation.models import ClarityRating, Inquiry, Publication
from specs import governing
from specs.models import Acknowledgement, Comment, DraftClause, Role, SpecVersion
from tests import cast
from tests.browser.test_loop_by_pages import Person
from tests.browsing import settled
from tests.serving import Site
from workforce import staffing
from workforce.models import Queue, QuizAttempt

WORDS = "Only what every adult reader knows."


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(entry="quiz", quiz_items=1, overlap=2, max_overlap=2)
    governing.change_settings(project=made.project, approvals=1, gate_items=10, by=made.ada)
    Queue.objects.filter(pk=made.queue.pk).update(entry="none")
    made.load(14)
    for who in (made.ben, made.chi):
        for _ in range(12):
            made.answer(who, "yes", cite=["knowledge"])
    Queue.objects.filter(pk=made.queue.pk).update(entry="quiz")
    for name, roles in {"edi": [Role.EDITOR], "pia": [Role.PUBLISHER]}.items():
        staffing.add_member(project=made.project, user=cast.user(name), roles=roles, by=made.ada)
    return made


def test_two_editors_at_one_clause_lose_nothing(browser: Browser, site: Site, stage: cast.Stage) -> None:
    ada, edi = Person(browser, site, "ada"), Person(browser, site, "edi")
    ada.go("specs/rte/")
    ada.press("Open a draft")
    for person in (ada, edi):
        person.go("specs/rte/draft/")
        slot = person.page.locator(".slot", has=person.page.locator("#clause-knowledge"))
        slot.get_by_role("link", name="Reword").click()
        expect(person.page.locator("[name='block.0.text']")).to_be_visible()
    ada.page.locator("[name='block.0.text']").fill("What Ada wrote.")
    expect(ada.page.locator("[data-kept]")).to_have_text("Kept")
    edi.page.locator("[name=title]").fill("Edi's title")
    edi.sees("reworded knowledge while you wrote")
    both = edi.page.locator(".conflict")
    expect(both).to_contain_text("What Ada wrote.")
    expect(both).to_contain_text("Edi's title")
    both.get_by_role("group", name="Definition").locator("[value=theirs]").check()
    both.get_by_role("button", name="Keep what I chose").click()
    expect(edi.page.locator("#clause-knowledge")).to_contain_text("Edi's title")
    row = DraftClause.objects.get(clause__key="knowledge")
    assert (row.title, row.blocks) == ("Edi's title", [{"type": "definition", "text": "What Ada wrote."}])
    # what Ada types after that is refused in its turn, and shown beside what stands there
    ada.page.locator("[name='block.0.text']").fill("What Ada wrote later.")
    expect(ada.page.locator(".conflict")).to_contain_text("What Ada wrote later.")


def test_from_a_reworded_clause_to_a_passed_quiz_and_back(
    browser: Browser, site: Site, stage: cast.Stage
) -> None:
    edi, pia = Person(browser, site, "edi"), Person(browser, site, "pia")
    ben, dov = Person(browser, site, "ben"), Person(browser, site, "dov")

    # written: a definition and an example; the linter speaks; the outline is moved; a comment
    edi.go("specs/rte/")
    edi.press("Open a draft")
    edi.sees("no-example")
    edi.go("specs/rte/draft/clauses/knowledge/")
    edi.page.locator("[name='block.0.text']").fill(WORDS)
    edi.press("One more block")
    edi.page.locator("[name='block.1.item']").fill("Lyon lies in France.")
    edi.page.locator("[name='block.1.value']").fill("yes")
    edi.page.locator("[name='block.1.why']").fill("Every adult knows.")
    edi.press("Done")
    edi.sees("Lyon lies in France.")
    edi.go("specs/rte/draft/")
    slot = edi.page.locator(".slot", has=edi.page.locator("#clause-knowledge"))
    slot.get_by_text("Comments").click()
    slot.locator("textarea[name=text]").fill("Whose adults?")
    slot.get_by_role("button", name="Comment").click()
    expect(slot.locator(".comments")).to_contain_text("Whose adults?")
    slot.get_by_role("button", name="resolve").click()
    expect(slot.locator(".comments")).to_contain_text("open again")
    assert Comment.objects.get().resolved_at is not None

    # proposed; a pilot by two, which passes the gate; approved; published with the queue
    edi.press("Propose")
    edi.page.locator("[name=notes]").fill("Common knowledge is every adult's.")
    edi.page.locator("[name=rationale]").fill("Two readings.")
    edi.press("Propose")
    edi.go("specs/rte/pilots/")
    edi.page.locator("[name=n_items]").fill("12")
    edi.page.locator("[name=overlap]").fill("2")
    for who in (stage.ben, stage.dov):
        edi.page.get_by_label(who.pseudonym).check()
    edi.press("Start the pilot")
    queue = Queue.objects.get(purpose="pilot")
    for person in (ben, dov):
        person.go(f"queues/{queue.key}/label/")
        person.press("Start")
        person.sees("Read this first")
        person.page.keyboard.press("Enter")
        for _ in range(12):
            expect(person.page.locator("#answer")).to_be_visible()
            token = person.page.locator("#answer [name=token]").input_value()
            person.page.keyboard.press("1")
            person.page.locator("[name=cite][value=knowledge]").check()
            person.page.keyboard.press("Escape")
            person.page.locator("#answer").get_by_role("button", name="Submit and next").click()
            expect(person.page.locator(f'#answer [name=token][value="{token}"]')).to_have_count(0)
    pia.go("specs/rte/draft/publish/")
    pia.sees("passed")
    pia.sees("0 of 1 approvals")
    pia.go("specs/rte/proposal/")
    pia.press("Approve")
    pia.go("specs/rte/draft/publish/")
    assert pia.page.locator("[name=notes]").input_value() == "Common knowledge is every adult's."
    pia.page.get_by_role("checkbox", name="Main").check()
    pia.press("Publish")
    version = SpecVersion.objects.published().newest_first()[0]
    assert (version.number, Publication.objects.get(version=version).passed) == ("2.0.0", True)
    assert Queue.objects.get(key="main").version == version

    # read once, by keyboard; the quiz on the changed clause, wrong first; then the task
    ben.go("queues/main/label/")
    ben.page.keyboard.press("Enter")
    ben.sees("Read this first")
    ben.page.keyboard.press("Enter")
    ben.sees("A few items with known answers")
    assert Acknowledgement.objects.get(version=version).member == stage.member("ben")
    for key, outcome in (("2", "the spec says Yes"), ("1", "Right.")):
        ben.page.keyboard.press("Enter")
        ben.sees("Lyon lies in France.")
        ben.page.keyboard.press(key)
        ben.page.keyboard.press("Enter")
        ben.sees(outcome)
    assert list(QuizAttempt.objects.order_by("number").values_list("state", flat=True)) == [
        "failed",
        "passed",
    ]
    ben.page.keyboard.press("Enter")
    ben.page.wait_for_url(re.compile("label/$"))
    ben.page.keyboard.press("Enter")
    expect(ben.page.locator("#answer")).to_be_visible()

    # a clause is unclear by one key, and asked about beside the item; the answer stands in the reader
    ben.page.keyboard.press("-")
    ben.sees("You find it unclear")
    clause = ben.page.locator("#clauses > div").first
    clause.get_by_text("Ask").first.click()
    clause.locator("textarea[name=text]").fill("Is Lyon well known?")
    clause.get_by_role("button", name="Ask").click()
    ben.sees("The answer will stand beside the clause")
    assert not ClarityRating.objects.get().clear
    edi.go("questions/")
    edi.page.locator("[name=text]").fill("To every adult, yes.")
    edi.press("Answer")
    assert Inquiry.objects.get().task is not None
    ben.go("specs/rte/2.0.0/?q=ADULT")
    assert ben.page.locator(".clause").count() == 1
    ben.go("specs/rte/2.0.0/")
    ben.sees("To every adult, yes.")

    # rolled back: the pointer moves
    pia.go("queues/main/versions/")
    pia.page.locator("select[name=version]").first.select_option(str(stage.version.pk))
    pia.press("Put in force")
    assert Queue.objects.get(key="main").version == stage.version


def test_a_clause_is_written_moved_and_published_by_keyboard_only(
    browser: Browser, site: Site, stage: cast.Stage
) -> None:
    governing.change_settings(project=stage.project, approvals=0, gate="off", by=stage.ada)
    ada = Person(browser, site, "ada")
    keys = ada.page.keyboard
    ada.go("specs/rte/")
    keys.press("e")
    ada.page.wait_for_url(re.compile("draft/$"))
    keys.press("n")  # the form opens in the outline
    expect(ada.page.locator("[name=key]")).to_be_focused()
    settled(ada.page)
    for text in ("dates", "Dates"):  # the key has the focus; then the title
        keys.type(text)
        keys.press("Tab")
    keys.type("What has to agree")
    for _ in range(4):  # the type of the block, whether it stays, its text
        keys.press("Tab")
        if ada.page.evaluate("document.activeElement.name") == "block.0.text":
            break
    keys.type("Dates are those of the text.")
    for _ in range(12):
        keys.press("Tab")
        if ada.page.evaluate("document.activeElement.textContent") == "Keep the clause":
            break
    keys.press("Enter")
    slot = ada.page.locator(".slot", has=ada.page.locator("#clause-dates"))
    expect(slot.get_by_role("link", name="Reword")).to_be_focused()
    up = ada.page.get_by_role("button", name="Move Dates up")
    up.focus()
    keys.press("Enter")
    expect(ada.page.locator(".section-head")).to_have_count(0)  # the first step leads out of the section
    expect(ada.page.get_by_role("button", name="Move Dates up")).to_be_focused()
    keys.press("Enter")
    expect(ada.page.locator("#clause-dates .key")).to_have_text("§3")
    expect(ada.page.get_by_role("button", name="Move Dates up")).to_be_focused()
    keys.press("p")
    ada.page.wait_for_url(re.compile("publish/$"))
    ada.page.locator("[name=notes]").focus()
    keys.type("Dates.")
    keys.press("Tab")
    keys.type("They were asked about.")
    for _ in range(20):
        keys.press("Tab")
        if ada.page.evaluate("document.activeElement.textContent.trim()") == "Publish":
            break
    keys.press("Enter")
    ada.sees("1.1.0 is published")
