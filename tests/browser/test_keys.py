"""Annotators never reach for the mouse, and a key never acts behind their back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import show

WORK = """
<form id="form" method="dialog">
  <label class="opt"><input type="radio" name="q" value="none" data-key="1"><kbd>1</kbd> None</label>
  <label class="opt"><input type="radio" name="q" value="insult" data-key="2"><kbd>2</kbd> Insult</label>
  <input id="note" data-key="n" data-key-label="Write a note">
  <button id="skip" type="button" data-key="s" data-key-label="Skip this item">Skip</button>
  <button id="off" type="button" data-key="o" disabled>Off</button>
  <div hidden><button id="gone" type="button" data-key="g">Gone</button></div>
  <button id="submit" type="button" data-key="Enter">Submit and next <kbd>Enter</kbd></button>
</form>
<button id="plain" type="button">Plain</button>
<details class="sensitive"><summary data-key="v">Show</summary><p>Text</p></details>
"""
COUNT = """() => {
  window.clicks = {};
  document.addEventListener("click", (event) => {
    const id = event.target.closest("button")?.id;
    if (id) window.clicks[id] = (window.clicks[id] ?? 0) + 1;
  });
}"""


@pytest.fixture
def work(bare: Page) -> Page:
    show(bare, WORK)
    bare.evaluate(COUNT)
    return bare


def clicks(page: Page) -> dict[str, int]:
    counted: dict[str, int] = page.evaluate("window.clicks")
    return counted


def test_a_number_chooses(work: Page) -> None:
    work.keyboard.press("2")
    expect(work.locator("input[value=insult]")).to_be_checked()


def test_a_number_chooses_again_while_an_option_has_the_focus(work: Page) -> None:
    work.keyboard.press("2")
    work.keyboard.press("1")
    expect(work.locator("input[value=none]")).to_be_checked()


def test_a_number_of_the_other_pad_chooses(work: Page) -> None:
    work.keyboard.press("Numpad2")
    expect(work.locator("input[value=insult]")).to_be_checked()


def test_a_letter_acts_with_caps_lock_too(work: Page) -> None:
    work.keyboard.press("s")
    work.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'S', bubbles: true}))")
    assert clicks(work) == {"skip": 2}


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta", "Shift"])
def test_a_letter_with_a_modifier_is_not_ours(work: Page, modifier: str) -> None:
    work.keyboard.press(f"{modifier}+s")
    assert clicks(work) == {}


def test_a_key_focuses_a_field_and_is_not_typed_into_it(work: Page) -> None:
    work.keyboard.press("n")
    expect(work.locator("#note")).to_be_focused()
    expect(work.locator("#note")).to_have_value("")


def test_keys_do_nothing_while_typing(work: Page) -> None:
    work.locator("#note").focus()
    work.keyboard.type("s2?")
    expect(work.locator("#note")).to_have_value("s2?")
    expect(work.locator("#keys")).to_be_hidden()
    assert clicks(work) == {}


def test_escape_leaves_the_field_and_keys_work_again(work: Page) -> None:
    work.locator("#note").focus()
    work.keyboard.press("Escape")
    work.keyboard.press("s")
    assert clicks(work) == {"skip": 1}


def test_what_is_disabled_or_hidden_has_no_key(work: Page) -> None:
    work.keyboard.press("o")
    work.keyboard.press("g")
    assert clicks(work) == {}


def test_a_held_down_enter_submits_once(work: Page) -> None:
    for _ in range(5):
        work.keyboard.down("Enter")
    work.keyboard.up("Enter")
    assert clicks(work) == {"submit": 1}


def test_a_held_down_enter_submits_once_with_an_option_or_the_button_in_focus(work: Page) -> None:
    for focused in ("input[value=none]", "#submit"):
        work.locator(focused).focus()
        for _ in range(5):
            work.keyboard.down("Enter")
        work.keyboard.up("Enter")
    assert clicks(work) == {"submit": 2}


def test_enter_on_another_button_presses_that_button(work: Page) -> None:
    work.locator("#plain").focus()
    work.keyboard.press("Enter")
    assert clicks(work) == {"plain": 1}


def test_a_key_lifts_the_veil_and_lowers_it(work: Page) -> None:
    work.keyboard.press("v")
    expect(work.get_by_text("Text", exact=True)).to_be_visible()
    work.keyboard.press("v")
    expect(work.get_by_text("Text", exact=True)).to_be_hidden()


def test_keys_work_in_what_came_later(work: Page) -> None:
    later = '<button id="new" type="button" data-key="w">New</button>'
    work.evaluate("(html) => { document.getElementById('form').innerHTML = html }", later)
    work.keyboard.press("w")
    assert clicks(work) == {"new": 1}


def test_a_question_mark_lists_the_keys_of_the_page(work: Page) -> None:
    work.keyboard.press("?")
    rows = work.evaluate(
        "[...document.querySelectorAll('#keys dt')].map((t) => [t.innerText, t.nextElementSibling.innerText])"
    )
    assert rows[:6] == [
        ["1", "None"],
        ["2", "Insult"],
        ["N", "Write a note"],
        ["S", "Skip this item"],
        ["Enter", "Submit and next"],
        ["V", "Show"],
    ]
    assert [row[0] for row in rows[6:]] == ["?", "Esc"]


def test_the_list_closes_by_escape_and_opens_without_doubles(work: Page) -> None:
    for _ in range(2):
        work.keyboard.press("?")
        expect(work.locator("#keys")).to_be_visible()
        assert work.locator("#keys dt").count() == 8
        work.keyboard.press("Escape")
        expect(work.locator("#keys")).to_be_hidden()


def test_keys_of_the_page_rest_while_a_dialog_is_open(work: Page) -> None:
    work.keyboard.press("?")
    work.keyboard.press("s")
    assert clicks(work) == {}
