"""A page used by real keys alone: Tab until something has the focus, arrows within it; nothing is focused from outside."""

from __future__ import annotations

from playwright.sync_api import Locator

MOST = 250
"""Presses of one key after which what is looked for cannot be reached."""
_WAY = """(wanted, radio) => {
    const here = document.activeElement;
    if (here === wanted || (radio && here?.name === wanted.name && here.form === wanted.form)) return "";
    const inside = here && here !== document.body && here.id !== "main";
    return inside && wanted.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING ? "Shift+Tab" : "Tab";
}"""


def reach(target: Locator, *, radio: bool = False) -> Locator:
    """Tab, forth or back, until it has the focus; of a group of radio buttons any of them."""
    for _ in range(MOST):
        key = target.evaluate(_WAY, radio)
        if not key:
            return target
        target.page.keyboard.press(key)
    raise AssertionError(f"Tab does not reach {target}")


def press(target: Locator, key: str = "Enter") -> None:
    reach(target)
    target.page.keyboard.press(key)


def write(target: Locator, text: str) -> None:
    """In place of what stands in a field."""
    press(target, "ControlOrMeta+a")
    target.page.keyboard.type(text)


def pick(radio: Locator) -> None:
    """One of a group of radio buttons: Tab to the group, then arrows."""
    reach(radio, radio=True)
    for _ in range(MOST):
        if radio.evaluate("e => e === document.activeElement"):
            break
        radio.page.keyboard.press("ArrowDown")
    if not radio.is_checked():
        radio.page.keyboard.press("Space")
    assert radio.is_checked()


def choose(select: Locator, value: str) -> None:
    """An option of a list, by arrows from its first one."""
    press(select, "Home")
    for _ in range(MOST):
        if select.input_value() == value:
            return
        select.page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} is no option of {select}")
