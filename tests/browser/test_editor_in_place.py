"""The editor's outline: clauses and sections are added, split and merged where they stand, and nobody's words are lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, expect

from specs import drafting, restructuring
from specs.models import DraftClause, SpecVersion
from tests import cast
from tests.browser.test_loop_by_pages import Person
from tests.browsing import settled
from tests.serving import Site


@pytest.fixture
def draft(committed_db: None) -> SpecVersion:
    stage = cast.stage()
    opened = drafting.open_draft(spec=stage.spec, by=stage.ada)
    restructuring.move_clause(clause=_row("numbers"), to=3, section="Figures", by=stage.ada)
    return opened


@pytest.fixture
def ada(browser: Browser, site: Site, draft: SpecVersion) -> Person:
    person = Person(browser, site, "ada")
    person.page.on("pageerror", lambda error: pytest.fail(str(error)))
    person.go("specs/rte/draft/")
    person.page.evaluate("window.sameVisit = true")
    return person


def _row(key: str) -> DraftClause:
    return DraftClause.objects.select_related("clause", "version", "edited_by").get(clause__key=key)


def _slot(person: Person, key: str) -> Locator:
    return person.page.locator(".slot", has=person.page.locator(f"#clause-{key}"))


def _reword(key: str, *texts: str) -> None:
    row = _row(key)
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[{"type": "definition", "text": text} for text in texts],
        governs=row.governs,
        by=row.edited_by,
    )


def _stayed(person: Person) -> None:
    """No page was loaded since the draft was opened."""
    assert person.page.evaluate("window.sameVisit") is True


def test_a_clause_and_a_section_are_added_where_they_stand_by_keyboard(ada: Person) -> None:
    page, keys = ada.page, ada.page.keyboard
    page.get_by_role("link", name="Add a clause to Figures").press("Enter")
    expect(page.locator("[name=key]")).to_be_focused()
    keys.type("numbers")
    keys.press("Tab")
    keys.type("Dates")
    page.locator("[name='block.0.text']").focus()
    keys.type("Dates are those of the text.")
    page.get_by_role("button", name="Keep the clause").press("Enter")
    # the key is taken: what stands there is shown, what was typed is kept
    expect(page.locator(".errors")).to_contain_text("There is a clause numbers")
    expect(page.locator(".errors")).to_be_focused()
    expect(page.locator(".clause-form .notice")).to_contain_text("Numbers decides.")
    expect(page.locator("[name='block.0.text']")).to_have_value("Dates are those of the text.")
    page.locator("[name=key]").fill("dates")
    page.locator("[name=key]").press("Enter")
    expect(_slot(ada, "dates").get_by_role("link", name="Reword")).to_be_focused()
    expect(page.locator("#live")).to_have_text("Added: Dates.")
    expect(page.locator("#clause-dates .key")).to_have_text("§3.2")
    expect(page.locator("#draft-state")).to_contain_text(
        "a rule for cases that no clause covered"
    )  # the state of the draft follows
    keys.press("s")
    expect(page.locator("[name=section]").last).to_be_focused()
    keys.type("Places")
    keys.press("Tab")
    keys.type("places")
    keys.press("Enter")
    expect(page.locator(".section-head h3").last).to_have_text("Places")
    expect(_slot(ada, "places").get_by_role("link", name="Reword")).to_be_focused()
    assert _row("places").section == "Places"
    # left without a word: the way in has the focus again
    keys.press("n")
    expect(page.locator("[name=key]")).to_be_focused()
    settled(page)
    page.get_by_role("link", name="Leave it").press("Enter")
    expect(page.get_by_role("link", name="Add a clause", exact=True)).to_be_focused()
    _stayed(ada)


def test_two_texts_under_one_key_are_put_together(ada: Person) -> None:
    page = ada.page
    page.keyboard.press("n")
    page.locator("[name=key]").fill("numbers")
    page.locator("[name=title]").fill("Numbers")
    page.locator("[name='block.0.text']").fill("Figures as well.")
    page.get_by_role("button", name="Keep the clause").click()
    page.get_by_role("button", name="Put them together").click()
    page.get_by_role("radio", name="Both, theirs first").check()
    page.get_by_role("button", name="Keep what I chose").click()
    expect(page.locator("#clause-numbers")).to_contain_text("Figures as well.")
    assert [block["text"] for block in _row("numbers").blocks] == ["Numbers decides.", "Figures as well."]
    expect(page.locator("#clause-numbers")).to_have_count(1)
    _stayed(ada)


def test_a_split_of_what_somebody_reworded_shows_both_texts_and_keeps_the_choice(ada: Person) -> None:
    _reword("knowledge", "One.", "Two.")
    ada.page.reload()
    ada.page.evaluate("window.sameVisit = true")
    _slot(ada, "knowledge").get_by_role("link", name="Split").press("Enter")
    expect(ada.page.get_by_role("checkbox", name="One.")).to_be_focused()
    ada.page.get_by_role("checkbox", name="Two.").check()
    ada.page.get_by_label("Key of the new clause").fill("facts")
    ada.page.get_by_label("Its title").fill("Facts")
    _reword("knowledge", "Nought.", "One.", "Two.")
    ada.page.get_by_label("Its title").press("Enter")
    both = ada.page.locator(".joint")
    expect(both).to_contain_text("ada reworded Common knowledge meanwhile.")
    expect(both.locator(".cols2")).to_contain_text("Nought.")
    expect(ada.page.get_by_role("checkbox", name="Two.")).to_be_checked()  # the block, wherever it stands now
    expect(ada.page.get_by_role("checkbox", name="One.")).not_to_be_checked()
    ada.page.get_by_label("Its title").press("Enter")
    expect(_slot(ada, "facts").get_by_role("link", name="Reword")).to_be_focused()
    assert [block["text"] for block in _row("facts").blocks] == ["Two."]
    assert [block["text"] for block in _row("knowledge").blocks] == ["Nought.", "One."]
    _stayed(ada)


def test_a_merge_shows_both_clauses_and_takes_in_nothing_unseen(ada: Person) -> None:
    page = ada.page
    _slot(ada, "whole").get_by_role("link", name="Merge").press("Enter")
    expect(page.get_by_label("Clause to take in")).to_be_focused()
    settled(page)
    page.get_by_label("Clause to take in").select_option("numbers")
    expect(page.locator(".merge-preview")).to_contain_text("Numbers decides.")
    settled(page)
    _reword("numbers", "Figures decide.")
    page.get_by_role("button", name="Merge", exact=True).press("Enter")
    expect(page.locator(".joint .notice")).to_contain_text("ada reworded Numbers meanwhile.")
    settled(page)
    assert DraftClause.objects.count() == 3
    page.get_by_role("button", name="Merge", exact=True).press("Enter")
    expect(_slot(ada, "whole").get_by_role("link", name="Reword")).to_be_focused()
    expect(page.locator("#clause-numbers")).to_have_count(0)
    assert [block["text"] for block in _row("whole").blocks] == ["The whole decides.", "Figures decide."]
    _stayed(ada)


def test_what_is_being_written_stays_when_the_outline_changes_round_it(ada: Person) -> None:
    page = ada.page
    page.keyboard.press("n")
    page.locator("[name=key]").fill("dates")
    page.locator("[name='block.0.text']").fill("Half a sentence")
    comments = _slot(ada, "knowledge").locator(".comments")
    comments.locator("summary").click()
    comments.locator("textarea").fill("Half a comment")
    page.get_by_role("button", name="Move Numbers down").press("Enter")
    expect(page.get_by_role("button", name="Move Numbers down")).to_be_focused()
    expect(page.locator(".section-head")).to_have_count(0)
    expect(page.locator("[name='block.0.text']")).to_have_value("Half a sentence")
    expect(comments.locator("textarea")).to_have_value("Half a comment")
    page.get_by_role("button", name="One more block").click()
    expect(page.locator("[name='block.1.text']")).to_be_visible()
    page.get_by_role("button", name="Keep the clause").click()
    expect(page.locator("#clause-dates")).to_contain_text("Half a sentence")
    expect(comments.locator("textarea")).to_have_value("Half a comment")
    _stayed(ada)


def test_a_clause_reworded_meanwhile_is_not_withdrawn_unread(ada: Person) -> None:
    _reword("knowledge", "Read me first.")
    slot = _slot(ada, "knowledge")
    slot.locator("summary", has_text="Withdraw").press("Enter")
    slot.get_by_role("button", name="Withdraw").press("Enter")
    expect(slot).to_contain_text("Read me first.")
    expect(slot.locator(".errors")).to_be_focused()
    slot.locator("summary", has_text="Withdraw").press("Enter")
    slot.get_by_role("button", name="Withdraw").press("Enter")
    expect(slot).to_have_count(0)
    assert not DraftClause.objects.filter(clause__key="knowledge").exists()
    _stayed(ada)
