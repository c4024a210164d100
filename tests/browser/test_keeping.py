"""Nothing is lost: every way to be interrupted x every kind of question. The answer comes back and is counted once.

The short suite has each interruption with one kind; `--long` has all of them with all kinds.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import BrowserContext, Error, Page, Route, expect

from annotation.models import Annotation
from specs import drafting, publishing, task_types
from specs.models import Session
from tests import cast
from tests.browsing import settled
from tests.serving import Site
from workforce import loading, queues, staffing
from workforce.models import Assignment, Queue

PATIENCE = 40_000  # ms: when an attempt was under way while the clock was moved, the next one comes half a minute later
N_CELLS = 12  # items of each queue: one for each interruption, and some to spare


Interruption = Callable[[Page, str, Site], None]


@dataclass(frozen=True)
class Keys:
    """How a kind is answered by keyboard, and with what. `ready` is there once its script has prepared the question."""

    presses: tuple[str, ...]
    value: Any
    ready: str = "#answer"
    item: dict[str, Any] | None = None


_SPAN = {"start": 0, "end": 3, "label": "person", "text": "Ada"}
_BOX = {"label": "cat", "x": 160, "y": 120, "width": 80, "height": 60}
KEYS = {
    "choice": Keys(("2",), "green"),
    "multichoice": Keys(("1", "2"), ["sport", "trade"]),
    "rating": Keys(("2",), -2),
    "number": Keys(("1", "type:12.5", "Escape"), 12.5),
    "text": Keys(("1", "type:a cat sleeps", "Escape"), "a cat sleeps"),
    "ranking": Keys(("2", "1", "3"), [["b"], ["a"], ["c"]], ready=".things[data-ready]"),
    "spans": Keys(
        ("ArrowRight", "Control+Home", "1"),
        [_SPAN],
        ready="[data-value]:enabled",
        item={"text": "Ada met Zoë."},
    ),
    "boxes": Keys(("ArrowRight", "1"), [_BOX], ready="[data-value]:enabled", item={"image": "media:red.png"}),
}


# --- The stage: one queue for each kind, in each of which Ben has begun to answer


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=1, max_overlap=1)


def queue_for(stage: cast.Stage, kind: str) -> Queue:
    """A queue that asks the kind's own sample question."""
    sample = task_types.get(kind).sample()
    spec = drafting.create_spec(project=stage.project, key=kind, title=kind, by=stage.ada)
    draft = drafting.open_draft(spec=spec, by=stage.ada)
    drafting.set_questions(draft=draft, questions=[sample["question"]], by=stage.ada)
    drafting.add_clause(
        draft=draft,
        key="whole",
        title="The whole",
        blocks=[{"type": "definition", "text": "It decides."}],
        by=stage.ada,
    )
    publishing.publish(draft=draft, notes="The first.", rationale="There was none.", by=stage.ada)
    queue = queues.create_queue(
        project=stage.project,
        key=kind,
        name=kind.title(),
        spec=spec,
        owner=stage.ada,
        by=stage.ada,
        **cast.QUIET,
        overlap=1,
        max_overlap=1,
        citing="never",
        entry="none",
    )
    for who in (stage.ben, stage.chi):
        staffing.enrol(queue=queue, annotator=who, by=stage.ada)
    if kind == "boxes":
        from tests.workforce.test_media import picture
        from workforce import media

        media.add(project=stage.project, source=io.BytesIO(picture(400, 300)), name="red.png", by=stage.ada)
    item = KEYS[kind].item or sample["item"]
    rows = "\n".join(
        json.dumps({"key": f"{kind}-{n}", "n": n, **item}, ensure_ascii=False) for n in range(N_CELLS)
    )
    loading.load(
        project=stage.project, queue=queue, source=io.BytesIO(rows.encode()), name="i.jsonl", by=stage.ada
    )
    return queue


def log_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/")
    fill_in(page, name)


def fill_in(page: Page, name: str) -> None:
    page.fill("[name=login]", name)
    page.fill("[name=password]", cast.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)


def address(kind: str) -> str:
    return f"/p/rte/queues/{kind}/label/"


def at_work(page: Page, kind: str) -> None:
    """Wait until the task is there, with whatever this browser had kept of it, and its keys."""
    expect(page.locator(KEYS[kind].ready).first).to_be_attached()
    expect(page.locator("#work[aria-busy]")).to_have_count(0)
    settled(page)


def begin(page: Page, kind: str) -> int:
    """Take the next task; the assignment that is on the page."""
    page.goto(address(kind))
    if page.get_by_role("button", name="Start").count():
        page.keyboard.press("Enter")
    at_work(page, kind)
    return assignment(page)


def assignment(page: Page) -> int:
    return int((page.locator("#answer").get_attribute("data-restore") or "").split("/")[-3])


def answer(page: Page, kind: str) -> None:
    for key in KEYS[kind].presses:
        if key.startswith("type:"):
            page.keyboard.type(key.removeprefix("type:"))
        else:
            page.keyboard.press(key)


def gone_on(page: Page, before: int) -> None:
    """Wait until the answer is taken: the task before is not on the page any more."""
    expect(page.locator(f"#answer[data-restore*='/{before}/']")).to_have_count(0, timeout=PATIENCE)
    settled(page)


def waits(page: Page) -> None:
    """Wait until the page says that the answer is kept, and is sent by itself."""
    expect(page.get_by_text("sent by itself as soon as it can be")).to_be_visible(timeout=PATIENCE)


# --- The interruptions. Each begins with an answer on the page and ends with it sent


def reload(page: Page, kind: str, site: Site) -> None:
    page.reload()
    at_work(page, kind)
    page.keyboard.press("Enter")


def another_window(page: Page, kind: str, site: Site) -> None:
    """The window is closed, and another one opened."""
    context = page.context
    page.close()
    fresh = context.new_page()
    fresh.goto(address(kind))
    at_work(fresh, kind)
    fresh.keyboard.press("Enter")


def session_over(page: Page, kind: str, site: Site) -> None:
    Session.objects.all().delete()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Log in and go on here").press("Enter")
    expect(page.locator("[name=password]")).to_be_visible()
    fill_in(page, "ben")
    at_work(page, kind)
    page.keyboard.press("Enter")


def token_rotated(page: Page, kind: str, site: Site) -> None:
    """The session ended, and she logged in in another window: the forms of this one are not trusted any more."""
    Session.objects.all().delete()
    page.context.clear_cookies()
    other = page.context.new_page()
    log_in(other, "ben")
    other.close()
    page.bring_to_front()
    page.keyboard.press("Enter")


def five_minutes_offline(page: Page, kind: str, site: Site) -> None:
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    waits(page)
    page.clock.fast_forward("05:00")
    assert not Annotation.objects.filter(queue__key=kind, assignment_id=assignment(page)).exists()
    page.context.set_offline(False)


def deploy(page: Page, kind: str, site: Site) -> None:
    """The server goes and another one comes, which has the scripts under other names."""
    with site.gone():
        page.keyboard.press("Enter")
        waits(page)
        page.route("**/static/**", lambda route: route.fulfill(status=404, body=""))
    page.clock.fast_forward("00:40")


def proxy_alone(page: Page, kind: str, site: Site) -> None:
    """The proxy has nobody behind it, until it was asked twice at least."""
    statuses = itertools.cycle((502, 503))

    def say(route: Route) -> None:
        route.fulfill(status=next(statuses), body="<h1>Not just now</h1>", content_type="text/html")

    page.route("**/submit/", say)
    page.keyboard.press("Enter")
    waits(page)
    with page.expect_response("**/submit/"):
        page.clock.fast_forward("00:40")
    waits(page)
    page.unroute_all(behavior="wait")
    page.clock.fast_forward("00:40")


def lease_over(page: Page, kind: str, site: Site) -> None:
    """Her time ends; the start page offers to take the task up again."""
    end_lease(assignment(page))
    page.reload()
    page.get_by_role("button", name="Take it up again").press("Enter")
    at_work(page, kind)
    page.keyboard.press("Enter")


def lease_over_and_sent(page: Page, kind: str, site: Site) -> None:
    """Her time ends unseen, and she sends it: it counts through a slot that is free."""
    end_lease(assignment(page))
    page.keyboard.press("Enter")


def reply_lost(page: Page, kind: str, site: Site) -> None:
    """The answer arrives, what the server says does not: the page sends it again."""
    line = page.context.new_cdp_session(
        page
    )  # a route would have to send the request by itself, in a way of its own

    def cut(paused: dict[str, Any]) -> None:
        line.send("Fetch.failRequest", {"requestId": paused["requestId"], "errorReason": "ConnectionReset"})

    line.on("Fetch.requestPaused", cut)
    line.send("Fetch.enable", {"patterns": [{"urlPattern": "*/submit/", "requestStage": "Response"}]})
    before = assignment(page)
    page.keyboard.press("Enter")
    waits(page)
    assert Annotation.objects.filter(assignment_id=before).exists()
    line.send("Fetch.disable")
    page.clock.fast_forward("00:40")


def end_lease(assignment_id: int) -> None:
    Assignment.objects.filter(pk=assignment_id).update(
        leased_at=F("leased_at") - timedelta(days=1), lease_until=F("leased_at") - timedelta(hours=1)
    )


INTERRUPTIONS = (
    reload,
    another_window,
    session_over,
    token_rotated,
    five_minutes_offline,
    deploy,
    proxy_alone,
    lease_over,
    lease_over_and_sent,
    reply_lost,
)

# --- The matrix


def cells(kinds: Sequence[str], *, all_of_them: bool) -> Iterator[tuple[str, Interruption]]:
    """Each interruption with all kinds, or with one of them, all in turn."""
    for place, interruption in enumerate(INTERRUPTIONS):
        for kind in kinds if all_of_them else [kinds[place % len(kinds)]]:
            yield kind, interruption


def test_every_kind_of_question_has_its_keys_here() -> None:
    assert set(task_types.kinds()) <= set(KEYS), "say in KEYS how the new kind is answered by keyboard"


def test_an_answer_comes_back_from_every_interruption_and_counts_once(
    context: BrowserContext, stage: cast.Stage, site: Site
) -> None:
    _try(context, stage, site, list(cells(task_types.kinds(), all_of_them=False)))


@pytest.mark.long
@pytest.mark.parametrize("kind", task_types.kinds())
def test_an_answer_of_the_kind_comes_back_from_every_interruption(
    context: BrowserContext, stage: cast.Stage, site: Site, kind: str
) -> None:
    _try(context, stage, site, list(cells([kind], all_of_them=True)))


def _try(
    context: BrowserContext, stage: cast.Stage, site: Site, tried: list[tuple[str, Interruption]]
) -> None:
    for kind in {kind for kind, _ in tried}:
        queue_for(stage, kind)
    page = context.new_page()
    log_in(page, "ben")
    page.close()
    wrong = [
        f"{interruption.__name__} x {kind}: {found}"
        for kind, interruption in tried
        if (found := _cell(context, site, kind, interruption))
    ]
    print(f"{len(tried)} cells, {len(wrong)} wrong")
    assert wrong == []


def _cell(
    context: BrowserContext,
    site: Site,
    kind: str,
    interruption: Interruption,
) -> str:
    """What went wrong, else nothing."""
    page = context.new_page()
    page.clock.install()
    begun = begin(page, kind)
    task = Assignment.objects.get(pk=begun).task_id
    answer(page, kind)
    try:
        interruption(page, kind, site)
        gone_on(context.pages[-1], begun)
    except (AssertionError, Error) as error:
        return str(error).splitlines()[0]
    finally:
        context.set_offline(False)
        context.pages[-1].close()
    given = [one.values for one in Annotation.objects.filter(task_id=task)]
    question = task_types.get(kind).sample()["question"]["key"]
    return "" if given == [{question: KEYS[kind].value}] else f"stored {given}"
