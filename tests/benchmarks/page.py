"""The labelling page: the work of people through it against the bare floor, and what one person waits for in a browser.

    .venv/bin/python -m tests.benchmarks.page [--tasks 30000] [--clients 16 32] [--seconds 12] [--turns 6] [--answers 60]

First clients that do what the page does: the form is sent as htmx sends it, and the next task comes with the reply as HTML.
Annotations per second, their ratio to the floor's in the same run, CPU per annotation, the statements of such a request. Then
one person in Chromium: from Enter to the next item on the screen, what was loaded (as it is and compressed), and whether
anything moved. Goals: 0.30 of the floor; 100 ms at p95 on an idle machine; 150 kB without media; no layout shift.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page, Response, sync_playwright

from tests import staging
from tests.benchmarks import claiming
from tests.browsing import FLAGS, chromium

WORK = "/p/rte/queues/main/label/"
CSRF = "0123456789abcdefghijklmnopqrstuv"
_ACTION = re.compile(rb'<form id="answer"[^>]*?action="([^"]+)"')
_TOKEN = re.compile(rb'name="token" value="([^"]+)"')

_STAGE = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from specs.session_store import SessionStore
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests import cast
from workforce import staffing
tasks, people, overlap, stagger = (int(a) for a in sys.argv[1:5])
stage = cast.stage(overlap=overlap, max_overlap=overlap, stagger=stagger)
stage.load(tasks)
def session(user):
    store = SessionStore()
    store[SESSION_KEY], store[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return store.session_key
sessions = []
for number in range(people):
    user = cast.user(f"w{number}")
    member = staffing.add_member(project=stage.project, user=user, roles=["annotator"], by=stage.ada)
    staffing.enrol(queue=stage.queue, annotator=staffing.annotator_for(member=member), by=stage.ada)
    sessions.append(session(user))
from tests.benchmarks import page
client = Client(headers={"host": "127.0.0.1", "hx-request": "true"})
client.cookies[settings.SESSION_COOKIE_NAME] = sessions[-1]
client.post(page.WORK + "claim/")
found = client.get(page.WORK).content
for _ in range(3):
    path, data = page.answer_to(found)
    with CaptureQueriesContext(connection) as seen:
        found = client.post(path, data).content
plain = [q["sql"] for q in seen.captured_queries if q["sql"].split()[0] not in ("BEGIN", "COMMIT")]
print(json.dumps({"sessions": sessions, "statements": len(plain), "sql": plain, "bytes": len(found),
                  "cookies": [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME]}))
"""

# From the key to the frame after the one in which the next task stands on the page.
_WATCH = """
    window.waited = [];
    window.moved = 0;
    let began = null;
    addEventListener("keydown", (event) => { if (event.key === "Enter") began = performance.now(); }, true);
    addEventListener("htmx:afterSwap", () => requestAnimationFrame(() => setTimeout(() => {
        if (began !== null) window.waited.push(performance.now() - began);
        began = null;
    })));
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.moved += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


def answer_to(page: bytes) -> tuple[str, dict[str, str]]:
    """Where the task of a page is answered, and an answer."""
    action, token = _ACTION.search(page), _TOKEN.search(page)
    assert action is not None, page[:2000]
    assert token is not None
    fields = {"token": token[1].decode(), "draft_revision": "0", "q.entailed": "yes", "cite": "whole"}
    return action[1].decode(), fields


def page_loop(made: dict[str, Any]) -> claiming.Loop:
    """The work as the page does it: an answer goes out, the next task comes back."""
    pages: dict[int, bytes] = {}
    session, csrf = made["cookies"]

    def loop(number: int, connection: HTTPConnection) -> tuple[float, float] | None:
        headers = {"Cookie": f"{session}={made['sessions'][number]}; {csrf}={CSRF}", "X-CSRFToken": CSRF}
        form = {**headers, "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        if number not in pages:
            claiming.send(connection, "POST", f"{WORK}claim/", b"", form)
            pages[number] = claiming.send(connection, "GET", WORK, b"", {**headers, "HX-Request": "true"})[1]
        path, data = answer_to(pages.pop(number))
        status, content, took = claiming.send(connection, "POST", path, urlencode(data).encode(), form)
        if status != 200 or b'id="answer"' not in content:
            return None
        pages[number] = content
        return 0.0, took

    return loop


def throughput(environment: dict[str, str], made: dict[str, Any], options: argparse.Namespace) -> None:
    url, folder = environment["OWNER_DATABASE_URL"], f"{environment['CONCORDAT_HOME']}/postgres"
    claiming.floor_tables(url, options)
    with (
        claiming.serving(
            "tests.benchmarks.floor", {**environment, "FLOOR_DATABASE_URL": url}, claiming.FLOOR_ANSWERS
        ) as floor,
        claiming.serving("annotation.config.wsgi", environment, "/healthz") as port,
    ):
        for clients in options.clients:
            found = claiming.in_turns(
                {"floor": (floor, claiming.floor_loop), "page": (port, page_loop(made))},
                clients,
                options,
                folder,
            )
            for name, figures in found.items():
                claiming.compare(f"{name} {clients}", figures, found["floor"])
    print(f"an answer with the next task: {made['statements']} statements, {made['bytes']} bytes of HTML")


def in_a_browser(environment: dict[str, str], made: dict[str, Any], answers: int) -> None:
    """One person, by keyboard: `1` chooses, Enter sends."""
    with (
        claiming.serving("annotation.config.wsgi", environment, "/healthz") as port,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
        context.add_cookies(
            [{"name": made["cookies"][0], "value": made["sessions"][-1], "url": f"http://127.0.0.1:{port}"}]
        )
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.goto(WORK)
        page.locator("button.go").click()
        page.locator("#answer").wait_for()
        loaded: list[Response] = []
        page.on("response", lambda each: loaded.append(each))
        page.reload(wait_until="networkidle")
        first = _weigh(loaded)
        for _ in range(answers):
            _answer(page)
        waited = sorted(page.evaluate("window.waited"))
        later = _weigh([each for each in loaded if "/submit/" in each.url])
        moved = page.evaluate("window.moved")
        browser.close()
    p95 = statistics.quantiles(waited, n=20)[-1]
    print(
        f"{len(waited)} answers: Enter to the next item on the screen p50 {statistics.median(waited):.0f} ms, p95 {p95:.0f} ms"
    )
    print(f"the page: {first[0]} requests, {first[1]:,} bytes, {first[2]:,} compressed")
    print(
        f"an answer: {later[0] / len(waited):.0f} request, {later[1] / len(waited):,.0f} bytes, {later[2] / len(waited):,.0f}"
    )
    print(f"layout shift {moved:.4f}")


def _answer(page: Page) -> None:
    token = page.locator("#answer [name=token]").get_attribute("value")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator(f"#answer [name=token]:not([value='{token}'])").wait_for(state="attached")
    page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added").first.wait_for(
        state="detached"
    )


def _weigh(loaded: list[Response]) -> tuple[int, int, int]:
    """Responses, their bytes, and the same by gzip as a server in front of it would send them."""
    bodies = [each.body() for each in loaded if each.status == 200]
    return len(bodies), sum(map(len, bodies)), sum(len(gzip.compress(body)) for body in bodies)


def main() -> None:
    parser = claiming.options_of(__doc__)
    parser.add_argument("--answers", type=int, default=60)
    options = parser.parse_args()
    with staging.engines() as environment:
        people = max(options.clients) + 1
        made = json.loads(
            staging.run(environment, _STAGE, options.tasks, people, options.overlap, options.stagger)
        )
        in_a_browser(environment, made, options.answers)
        throughput(environment, made, options)


if __name__ == "__main__":
    main()
