"""The adjudication console with many disputes open: what a lead waits for from Enter to the next dispute on the screen.

    .venv/bin/python -m tests.benchmarks.console [--disputes 100000] [--rulings 60]

One lead in Chromium, by keyboard: `1` and `E` rule, Enter sends, the next dispute comes back leased. Before that the statements
and the time of its parts: a page of the list in each order, the next dispute, a ruling. Goal: 150 ms at p95, the machine idle.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests import staging
from tests.benchmarks import claiming
from tests.browsing import FLAGS, chromium, settled

DISPUTES = "/p/rte/disputes/"

_STAGE = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from specs.session_store import SessionStore
from tests import cast
from workforce.models import Queue
stage = cast.stage(overlap=2, max_overlap=2)
Queue.objects.filter(purpose="adjudication").update(gold_share="0", gold_first=0)
stage.load(1)
for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
    stage.answer(who, value, cite=["whole"])
user = stage.ada.user
store = SessionStore()
store[SESSION_KEY], store[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[0]
store[HASH_SESSION_KEY] = user.get_session_auth_hash()
store.create()
print(json.dumps({"session": store.session_key, "cookie": settings.SESSION_COOKIE_NAME}))
"""

# Copies of the one real dispute, with all that hangs on it, each row under a number of its own. As the owner and past the
# triggers: what they hold of a row holds of its copies.
_COPIES = """
import sys
import django
django.setup()
from django.db import connection
from annotation.models import Annotation, Citation, Dispute
from workforce.models import Assignment, Barred, Item, Lease, Task
n = int(sys.argv[1])
STEP = 10_000_000
def copies(model, rows, **told):
    columns = [f for f in model._meta.concrete_fields if not f.generated]
    links = {"item_id": Item, "task_id": Task, "work_id": Task, "assignment_id": Assignment, "annotation_id": Annotation}
    def value(field):
        name = field.column
        if name in told:
            return told[name]
        if name == "id" or name in links:
            return f"CASE WHEN {name} IS NULL THEN NULL ELSE {name} * {STEP} + k END"
        return f'"{name}"'
    names = ", ".join(f'"{f.column}"' for f in columns)
    picked = ", ".join(value(f) for f in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {picked} FROM {model._meta.db_table}, generate_series(1, %s) k "
            f"WHERE id = ANY(%s)", [n, [row.pk for row in rows]])
tables = [model._meta.db_table for model in (Item, Task, Assignment, Barred, Annotation, Citation, Dispute)]
with connection.cursor() as cursor:
    for table in tables:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
tasks = list(Task.objects.all())
slots = list(Assignment.objects.all())
answers = list(Annotation.objects.all())
copies(Item, list(Item.objects.all()), key="key || '-' || k")
copies(Task, tasks, rank="rank + k::bigint * 1000000")
copies(Assignment, slots, rank="rank + k::bigint * 1000000", token="CASE WHEN token IS NULL THEN NULL ELSE gen_random_uuid() END")
copies(Barred, list(Barred.objects.all()))
copies(Annotation, answers, client_key="gen_random_uuid()::text", lease_token="gen_random_uuid()")
copies(Citation, list(Citation.objects.all()))
copies(Dispute, list(Dispute.objects.all()), confidence="0.5 + (k %% 50) / 100.0", unflagged="k %% 3 > 0")
with connection.cursor() as cursor:
    for table in tables:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    cursor.execute("ANALYZE")
print(Dispute.objects.filter(state="open").count())
"""

_PARTS = """
import json, statistics, sys, time
import django
django.setup()
from django.db import connection
from django.test.utils import CaptureQueriesContext
from annotation import adjudicating, choosing
from specs.models import Member, Project
from workforce import staffing
project = Project.objects.get()
ada = Member.objects.get(user__username="ada")
lead = staffing.annotator_for(member=ada)
def measured(what, n=20):
    took = []
    for _ in range(n):
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as seen:
            what()
        took.append((time.perf_counter() - began) * 1000)
    return [round(statistics.median(took), 1), round(max(took), 1), len(seen.captured_queries)]
def listed(**asked):
    return lambda: choosing.open_of(member=ada, project=project, asked=choosing.Asked(**asked), limit=51)
def ruled():
    found = choosing.take_next(member=ada, project=project, asked=choosing.Asked())
    dispute, served = found
    adjudicating.rule(dispute=dispute, annotator=lead, assignment_id=served.assignment_id, token=served.token,
                      values={"entailed": "yes"}, cause="annotator-erred", by=ada)
from annotation.models import Dispute
one = Dispute.objects.filter(state="open").first()
far = Dispute.objects.filter(state="open").order_by("place", "unflagged", "pk")[int(sys.argv[1]) * 9 // 10]
beyond = {"member": ada, "project": project, "asked": choosing.Asked(), "limit": 51, "after": choosing.Asked().mark(far)}
print(json.dumps({
    "worst first": measured(listed()),
    "nine tenths down": measured(lambda: choosing.open_of(**beyond)),
    "oldest first": measured(listed(order="age")),
    "one queue": measured(listed(queue=one.queue_id)),
    "one clause": measured(listed(clause=one.clauses[0])),
    "one pair": measured(listed(pair=one.pair)),
    "like one": measured(listed(likeness=one.likeness)),
    "take the next and rule": measured(ruled),
}))
"""

# From the key to the frame after the next dispute stands on the page.
_WATCH = """
    let began = 0, answered = 0;
    window.waited = [];
    addEventListener("keydown", (event) => { if (event.key === "Enter") began = performance.now(); }, true);
    addEventListener("htmx:beforeSwap", () => { answered = performance.now(); });
    addEventListener("htmx:afterSettle", () => requestAnimationFrame(() => setTimeout(() => {
        if (began) waited.push([performance.now() - began, answered - began]);
        began = 0;
    })));
"""


def in_a_browser(environment: dict[str, str], made: dict[str, Any], rulings: int) -> None:
    with (
        claiming.serving("annotation.config.wsgi", environment, "/healthz") as port,
        sync_playwright() as playwright,
    ):
        url = f"http://127.0.0.1:{port}"
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(base_url=url)
        context.add_cookies([{"name": made["cookie"], "value": made["session"], "url": url}])
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.goto(DISPUTES)
        settled(page)
        page.keyboard.press("Enter")
        page.locator("#ruling [name=token]").wait_for(state="attached")
        settled(page)
        for _ in range(rulings):
            _rule(page)
        page.locator("#ruling [name=token]").wait_for(state="attached")
        page.wait_for_timeout(500)
        waits = page.evaluate("waited")[10:]
        browser.close()
    print(f"{len(waits)} rulings, from Enter on:")
    for name, waited in zip(
        ("next dispute on the screen", "reply of the server"), zip(*waits, strict=True), strict=True
    ):
        p95 = statistics.quantiles(waited, n=20)[-1]
        print(f"{name}: p50 {statistics.median(waited):.0f} ms, p95 {p95:.0f} ms")


def _rule(page: Page) -> None:
    page.locator("#ruling [name=token]").wait_for(state="attached")
    token = page.locator("#ruling [name=token]").get_attribute("value")
    page.wait_for_timeout(100)  # a lead looks; what is asked is how long she waits after it
    page.keyboard.press("1")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.locator(f"#ruling [name=token]:not([value='{token}'])").wait_for(state="attached")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--disputes", type=int, default=100_000)
    parser.add_argument("--rulings", type=int, default=60)
    options = parser.parse_args()
    with staging.engines() as environment:
        made = json.loads(staging.run(environment, _STAGE))
        owner = {**environment, "CONCORDAT_DB_ROLE": "owner"}
        n_open = staging.run(owner, _COPIES, options.disputes)
        print(f"{int(n_open):,} disputes open")
        parts = json.loads(staging.run(environment, _PARTS, options.disputes))
        for name, (middle, most, statements) in parts.items():
            print(f"{name}: {middle} ms at the median, {most} ms at most, {statements} statements")
        in_a_browser(environment, made, options.rulings)


if __name__ == "__main__":
    main()
