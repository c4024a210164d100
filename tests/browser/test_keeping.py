"""Nothing is lost: every way to be interrupted x every kind of question. The answer comes back and is counted once.

The short suite has most interruptions with two kinds each; `--long` has all of them with all kinds.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db.models import F
from playwright.sync_api import BrowserContext, Error, Page, Route, expect

from annotation.models import Annotation
from specs import drafting, publishing, task_types
from tests import cast
from tests.browsing import settled
from workforce import loading, queues, staffing
from workforce.models import Assignment, Queue

N_CELLS = 12  # items of each queue: one for each interruption, and some to spare


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
    expect(page.locator(f"#answer[data-restore*='/{before}/']")).to_have_count(0)
    settled(page)


def told(page: Page, before: int) -> None:
    """Wait until the page says that the answer waits; or it is sent already, because a draft found the server back."""
    waits = page.get_by_text("sent by itself as soon as it can be")
    expect(waits.or_(page.locator(f"#answer:not([data-restore*='/{before}/'])")).first).to_be_visible()
    settled(page)


# --- The interruptions. Each begins with an answer on the page and ends with it sent


def reload(page: Page, kind: str, stage: cast.Stage) -> None:
    page.reload()
    at_work(page, kind)
    page.keyboard.press("Enter")


def another_window(page: Page, kind: str, stage: cast.Stage) -> None:
    """The window is closed, and another one opened."""
    context = page.context
    page.close()
    fresh = context.new_page()
    fresh.goto(address(kind))
    at_work(fresh, kind)
    fresh.keyboard.press("Enter")


def session_over(page: Page, kind: str, stage: cast.Stage) -> None:
    Session.objects.all().delete()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Log in and go on here").press("Enter")
    expect(page.locator("[name=password]")).to_be_visible()
    fill_in(page, "ben")
    at_work(page, kind)
    page.keyboard.press("Enter")


def token_rotated(page: Page, kind: str, stage: cast.Stage) -> None:
    """The session ended, and she logged in in another window: the forms of this one are not trusted any more."""
    Session.objects.all().delete()
    page.context.clear_cookies()
    other = page.context.new_page()
    log_in(other, "ben")
    other.close()
    page.bring_to_front()
    page.keyboard.press("Enter")


def five_minutes_offline(page: Page, kind: str, stage: cast.Stage) -> None:
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("sent by itself as soon as it can be")).to_be_visible()
    page.clock.fast_forward("05:00")
    assert not Annotation.objects.filter(queue__key=kind, assignment_id=assignment(page)).exists()
    page.context.set_offline(False)


def deploy(page: Page, kind: str, stage: cast.Stage) -> None:
    """The server is gone, then the proxy has nobody behind it, then other scripts are served under other names."""
    replies: list[Callable[[Route], None]] = [
        lambda route: route.abort("connectionrefused"),
        lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html"),
        lambda route: route.fulfill(status=503, body="<h1>Not just now</h1>", content_type="text/html"),
    ]

    def gone(route: Route) -> None:
        (replies.pop(0) if replies else Route.continue_)(route)

    page.route("**/label/**", gone)
    page.route("**/static/**", lambda route: route.fulfill(status=404, body=""))
    before = assignment(page)
    page.keyboard.press("Enter")
    for _ in range(3):
        told(page, before)
        page.clock.fast_forward("00:40")


def lease_over(page: Page, kind: str, stage: cast.Stage) -> None:
    """Her time ends; the start page offers to take the task up again."""
    end_lease(assignment(page))
    page.reload()
    page.get_by_role("button", name="Take it up again").press("Enter")
    at_work(page, kind)
    page.keyboard.press("Enter")


def lease_over_and_sent(page: Page, kind: str, stage: cast.Stage) -> None:
    """Her time ends unseen, and she sends it: it counts through a slot that is free."""
    end_lease(assignment(page))
    page.keyboard.press("Enter")


def reply_lost(page: Page, kind: str, stage: cast.Stage) -> None:
    """The answer arrives, what the server says does not: the page sends it again."""
    lost: list[bool] = []

    def cut(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(True)
        route.fetch()
        route.abort("connectionreset")

    page.route("**/submit/", cut)
    before = assignment(page)
    page.keyboard.press("Enter")
    told(page, before)
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
    lease_over,
    lease_over_and_sent,
    reply_lost,
)

ONLY_LONG = (deploy, reply_lost)
"""They look for words that come and go with each attempt, and on a busy machine miss them now and then."""


# --- The matrix


def cells(all_of_them: bool) -> Iterator[tuple[str, Callable[[Page, str, cast.Stage], None]]]:
    kinds = task_types.kinds()
    for place, interruption in enumerate(INTERRUPTIONS):
        turn = [kinds[(2 * place + one) % len(kinds)] for one in (0, 1)]
        if all_of_them or interruption not in ONLY_LONG:
            for kind in kinds if all_of_them else turn:
                yield kind, interruption


def test_every_kind_of_question_has_its_keys_here() -> None:
    assert set(task_types.kinds()) <= set(KEYS), "say in KEYS how the new kind is answered by keyboard"


@pytest.mark.parametrize("all_of_them", [False, pytest.param(True, marks=pytest.mark.long)])
def test_an_answer_comes_back_from_every_interruption_and_counts_once(
    context: BrowserContext, stage: cast.Stage, all_of_them: bool
) -> None:
    wrong: list[str] = []
    for kind in task_types.kinds():
        queue_for(stage, kind)
    page = context.new_page()
    log_in(page, "ben")
    page.close()
    tried = 0
    for kind, interruption in cells(all_of_them):
        tried += 1
        if (found := _cell(context, stage, kind, interruption)) != "":
            wrong.append(f"{interruption.__name__} x {kind}: {found}")
    print(f"{tried} cells, {len(wrong)} wrong")
    assert wrong == []


def _cell(
    context: BrowserContext,
    stage: cast.Stage,
    kind: str,
    interruption: Callable[[Page, str, cast.Stage], None],
) -> str:
    """What went wrong, else nothing."""
    page = context.new_page()
    page.clock.install()
    begun = begin(page, kind)
    task = Assignment.objects.get(pk=begun).task_id
    answer(page, kind)
    try:
        interruption(page, kind, stage)
        gone_on(context.pages[-1], begun)
    except (AssertionError, Error) as error:
        return str(error).splitlines()[0]
    finally:
        context.set_offline(False)
        context.pages[-1].close()
    given = [one.values for one in Annotation.objects.filter(task_id=task)]
    question = task_types.get(kind).sample()["question"]["key"]
    return "" if given == [{question: KEYS[kind].value}] else f"stored {given}"
