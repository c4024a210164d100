"""Every page in a real Chromium, wide and narrow: nothing sticks out, nothing is refused, everything has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from specs import drafting
from specs.access import permissions_of
from specs.models import Member
from tests import cast
from tests.furnished import Furnished, furnish
from tests.security.routes import ROUTES, Route
from workforce.models import Load

NAMELESS = """
() => [...document.querySelectorAll("main :is(input, select, textarea, button, a, summary)")]
    .filter((e) => e.type !== "hidden" && e.checkVisibility())
    .filter((e) => !(e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.textContent.trim()))
    .map((e) => e.outerHTML.slice(0, 120))
"""
WIDER = """
() => [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .filter((e) => !e.closest(".table-wrap, .scroll, [tabindex='0']")).map((e) => e.outerHTML.slice(0, 120)).slice(0, 3)
"""


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
"""The rules of WCAG 2.2 A and AA as axe-core knows them."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """
async (only) => {
  const told = await axe.run(document, { runOnly: only, resultTypes: ["violations"], preload: false });
  const first = (rule) => [rule.nodes[0].html.slice(0, 160), rule.nodes[0].failureSummary];
  return told.violations.map((rule) => [rule.id, rule.nodes.length, ...first(rule)]);
}
"""


def broken_rules(page: Page, scheme: Literal["light", "dark"]) -> list[list[Any]]:
    """What axe finds; in dark only what colours can break."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    only = (
        {"type": "tag", "values": TAGS}
        if scheme == "light"
        else {"type": "rule", "values": ["color-contrast"]}
    )
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[list[Any]] = page.evaluate(RUN, only)
    return found


@pytest.fixture
def furnished(committed_db: None) -> Furnished:
    made = furnish("rte", versions=2)
    drafting.add_clause(
        draft=drafting.open_draft(spec=made.stage.spec, by=made.stage.ada),
        key="w" * 64,
        title="W" * 200,
        section="S" * 120,
        blocks=[{"type": "definition", "text": "x" * 400}],
        by=made.stage.ada,
    )
    return made


N_PARTS = 2
"""The walk is long: two processes may go one half each."""
WITHOUT_ROUTE = [
    "/api/v1/docs",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/email/",
    "/nowhere/",
]


@pytest.mark.parametrize("part", range(N_PARTS))
@pytest.mark.parametrize("who", ["ada", "ben"])
def test_no_page_sticks_out_or_breaks_a_rule(page: Page, furnished: Furnished, who: str, part: int) -> None:
    page.add_init_script(AXE)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/accounts/login/")
    page.fill("[name=login]", who)
    page.fill("[name=password]", cast.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    ids: dict[str, Any] = {
        **furnished.ids,
        "queue": "main",
        "load": Load.objects.filter(queue__key="main").latest("pk").pk,
    }
    addresses = [route.address("rte", ids) for route in _open_to(who, furnished)] + WITHOUT_ROUTE
    seen = 0
    refusals: set[str] = set()
    faults: list[tuple[object, ...]] = []  # all of them: a walk is long, and one fault hides no other
    for address in addresses[part::N_PARTS]:
        said.clear()
        probe = page.request.get(address)
        if probe.status == 405 or "text/html" not in probe.headers.get("content-type", ""):
            continue  # a page that takes no GET, or a download
        if not probe.ok:
            words = re.sub("<[^>]*>", "", probe.text())
            if words in refusals:
                continue  # many addresses refuse with one and the same page
            refusals.add(words)
        reply = page.goto(address)
        assert reply is not None
        if wrong := [text for text in said if "status of 40" not in text]:
            faults.append((address, wrong))
        faults += [(address, *fault) for fault in _too_wide(page)]
        if reply.ok and "/api/" not in address:
            faults += [(address, *fault) for fault in _unclear(page)]
            seen += 1
    assert not faults, "\n".join(map(str, faults))
    assert seen >= (20 if who == "ada" else 6) // N_PARTS


def _open_to(who: str, furnished: Furnished) -> list[Route]:
    """The pages that her roles open, and one that they do not."""
    member = Member.objects.get(project=furnished.stage.project, user__username=who)
    allowed = permissions_of(member)
    pages = [route for route in ROUTES if not route.is_api]
    closed = [
        route
        for route in pages
        if route.in_project and not any(policy.permission in allowed for policy in route.policies.values())
    ]
    return [route for route in pages if route not in closed[1:]]


def _too_wide(page: Page) -> Iterator[tuple[object, ...]]:
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        overflow = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        if overflow > 0:
            yield width, overflow, page.evaluate(WIDER)


def _unclear(page: Page) -> Iterator[tuple[object, ...]]:
    if (titles := page.locator("h1").count()) != 1:
        yield titles, "h1"
    if nameless := page.evaluate(NAMELESS):
        yield (nameless,)
    for scheme in SCHEMES:
        for broken in broken_rules(page, scheme):
            yield scheme, *broken
