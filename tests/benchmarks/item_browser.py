"""The item browser with many items: ten searches as whole requests, beside the statement that reads a page by primary key.

    .venv/bin/python -m tests.benchmarks.item_browser [--items 1000000] [--runs 20]

Items are made in the database, with tasks, slots, answers, citations and labels in the proportions of a project under way; what
they are found by is read by the product's own sweep. Each search is asked for `--runs` times, with other words each time,
and its second page as often. Goal: 300 ms at p95 over all ten, the machine idle, and memory that does not grow.
"""

from __future__ import annotations

import argparse
import json
import time

from tests import staging

_STAGE = """
import json
import django
django.setup()
from specs.models import Role
from tests import cast
from workforce import staffing
stage = cast.stage(overlap=2, max_overlap=2)
for k in range(17):
    member = staffing.add_member(project=stage.project, user=cast.user(f"n{k}"), roles=[Role.ANNOTATOR], by=stage.ada)
    staffing.annotator_for(member=member)
print("staged")
"""

# As the owner and past the triggers: what they hold of a row is true of these by the way they are made.
_ITEMS = """
import sys
import django
django.setup()
from django.db import connection
from specs.models import Clause, Project
from workforce.models import Annotator, Queue
n = int(sys.argv[1])
project, queue = Project.objects.get(), Queue.objects.get(key="main")
known = {"n": n, "p": project.pk, "q": queue.pk, "v": queue.version_id,
         "people": list(Annotator.objects.filter(project=project).order_by("pk").values_list("pk", flat=True)),
         "clauses": list(Clause.objects.filter(project=project).order_by("pk").values_list("pk", flat=True))}
TABLES = ("workforce_item", "workforce_task", "workforce_assignment", "annotation_annotation", "annotation_citation",
          "annotation_resolution", "annotation_dispute")
STATEMENTS = (
    '''INSERT INTO workforce_item (id, project_id, key, revision, payload, digest, sensitive, created_at)
       SELECT k, %(p)s, 'case-' || lpad((k::bigint * 7919 %% %(n)s)::text, 7, '0'), 1,
           jsonb_build_object('text', (SELECT string_agg('word' || floor(power(random(), 4) * 20000)::int, ' ')
                                       FROM generate_series(1, 14) w WHERE k = k),
                              'lang', (ARRAY['en', 'en', 'en', 'de', 'fr'])[1 + k %% 5], 'source', 'feed-' || k %% 40),
           'sha256:' || md5(k::text), false, now() - (%(n)s - k) * interval '1 second'
       FROM generate_series(1, %(n)s) k''',
    '''INSERT INTO workforce_task (id, project_id, item_id, queue_id, meaning, round, state, overlap, overlap_basis, n_answers,
           rank, priority, disagreement, purpose, created_at, settled_at)
       SELECT i.id, %(p)s, i.id, %(q)s, 1, 1, s.state, 2, 'fixed', CASE WHEN s.state = 'open' THEN 0 ELSE 2 END, i.id * 10,
           CASE WHEN i.id %% 50 = 0 THEN 500 ELSE 0 END, CASE s.state WHEN 'disputed' THEN 0.5 + i.id %% 50 / 100.0 END, 'work',
           i.created_at, CASE WHEN s.state IN ('resolved', 'unlabellable') THEN i.created_at END
       FROM workforce_item i CROSS JOIN LATERAL (
           SELECT CASE WHEN i.id %% 100 < 55 THEN 'resolved' WHEN i.id %% 100 < 60 THEN 'disputed'
                       WHEN i.id %% 100 < 62 THEN 'unlabellable' ELSE 'open' END AS state) s''',
    '''INSERT INTO workforce_assignment (id, project_id, task_id, queue_id, number, state, rank, returned, n_returns,
           served_digest, n_renewals, annotator_id, version_id, submitted_at)
       SELECT t.id * 2 + k, %(p)s, t.id, %(q)s, k + 1, CASE WHEN t.n_answers > 0 THEN 'submitted' ELSE 'open' END, t.rank,
           false, 0, '', 0, CASE WHEN t.n_answers > 0 THEN (%(people)s::bigint[])[1 + (t.id * 3 + k * 7) %% 20] END,
           CASE WHEN t.n_answers > 0 THEN %(v)s END, CASE WHEN t.n_answers > 0 THEN t.created_at END
       FROM workforce_task t CROSS JOIN generate_series(0, 1) k''',
    '''INSERT INTO annotation_annotation (id, project_id, assignment_id, task_id, queue_id, annotator_id, version_id,
           served_digest, client_key, revision, ordinal, values, cannot, flagged, source, answered_at, recorded_at, event_id)
       SELECT s.id, %(p)s, s.id, s.task_id, %(q)s, s.annotator_id, %(v)s, '', s.id::text, 1, s.number,
           jsonb_build_object('entailed',
               CASE WHEN t.state = 'disputed' AND s.number = 2 OR t.id %% 3 = 0 THEN 'no' ELSE 'yes' END),
           '', t.id %% 97 = 0, 'live', s.submitted_at, s.submitted_at, 1
       FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id WHERE s.state = 'submitted' ''',
    '''INSERT INTO annotation_citation (project_id, annotation_id, question, clause_id)
       SELECT %(p)s, a.id, 'entailed', CASE WHEN a.id %% 200 = 0 THEN NULL ELSE (%(clauses)s::bigint[])[1 + a.id %% 3] END
       FROM annotation_annotation a WHERE a.id %% 5 = 0''',
    '''INSERT INTO annotation_resolution (project_id, task_id, question, revision, value, basis, version_id, distribution,
           answers, rule, resolved_at, event_id)
       SELECT %(p)s, t.id, 'entailed', 1, to_jsonb(CASE WHEN t.id %% 3 = 0 THEN 'no' ELSE 'yes' END::text), 'consensus', %(v)s,
           '{"yes": 2}', ARRAY[t.id * 2, t.id * 2 + 1], 'share', t.settled_at, 1
       FROM workforce_task t WHERE t.state = 'resolved' ''',
    '''INSERT INTO annotation_dispute (project_id, task_id, questions, reason, state, disagreement, event_id)
       SELECT %(p)s, t.id, ARRAY['entailed'], 'answers-differ', 'open', t.disagreement, 1
       FROM workforce_task t WHERE t.state = 'disputed' ''',
)
with connection.cursor() as cursor:
    cursor.execute("SET statement_timeout = 0")
    for table in TABLES:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in STATEMENTS:
        cursor.execute(statement, known)
    for table in TABLES:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    cursor.execute("VACUUM ANALYZE")
print("made")
"""

_SWEEP = """
import time
import django
django.setup()
from annotation import cataloguing
from specs.models import Project
began = time.perf_counter()
done = cataloguing.catch_up(project_id=Project.objects.get().pk, seconds=7200)
assert done.whole
print(done.n_items / (time.perf_counter() - began))
"""

_VACUUM = """
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("VACUUM ANALYZE annotation_liveentry")
    cursor.execute("SELECT pg_total_relation_size('annotation_liveentry'), pg_relation_size('live_entry_found'), "
                   "pg_total_relation_size('workforce_item')")
    print(*cursor.fetchone())
"""

_SEARCHES = """
import html, json, random, re, statistics, sys, time
import django
django.setup()
from django.db import connection
from django.http import QueryDict
from django.test import Client
from specs.models import Member, Project
from workforce.models import Annotator
runs = int(sys.argv[1])
random.seed(7)
project = Project.objects.get()
user = Member.objects.get(user__username="ada").user
client = Client(headers={"host": "127.0.0.1"})
client.force_login(user)
people = list(Annotator.objects.filter(project=project, kind="person").values_list("pseudonym", flat=True))
n = int(sys.argv[2])
NEXT = re.compile(r'href="[?]([^"]*)" rel="next"')
def word(common):
    return f"word{random.randrange(*((0, 20) if common else (2000, 20000)))}"
SEARCHES = {
    "no condition, newest first": lambda: {},
    "a rare word": lambda: {"text": word(False)},
    "a common word": lambda: {"text": word(True)},
    "two words, one begun": lambda: {"text": f"{word(True)} {word(False)[:6]}*"},
    "a key's beginning": lambda: {"key": f"case-{random.randrange(n):07d}"[:-2]},
    "a field and a state": lambda: {"field": "lang=de", "state": "open"},
    "a label and words": lambda: {"label": "entailed=no", "text": word(True)},
    "an annotator and a clause": lambda: {"annotator": random.choice(people), "clause": "numbers"},
    "disputed, most disagreement": lambda: {"state": "disputed", "order": "disagreement", "differ_from": "0.57"},
    "what somebody answered, changed last": lambda: {"said": "entailed=yes", "field": f"source=feed-{random.randrange(40)}",
                                                     "order": "changed"},
}
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
def asked(query):
    began = time.perf_counter()
    reply = client.get("/p/rte/items/", query)
    took = (time.perf_counter() - began) * 1000
    assert reply.status_code == 200, reply.content[:500]
    return took, reply
for make in SEARCHES.values():
    asked(make())
found, everything, memory = {}, [], []
for half in range(2):
    for name, make in SEARCHES.items():
        times = found.setdefault(name, [])
        for _ in range(max(runs // 2, 1)):
            query = make()
            took, reply = asked(query)
            times.append(took)
            further = NEXT.search(reply.content.decode())
            if further:
                times.append(asked(QueryDict(html.unescape(further.group(1))))[0])
    memory.append(resident())
bare = []
with connection.cursor() as cursor:
    for _ in range(runs * 5):
        first = random.randrange(max(n - 50, 1))
        began = time.perf_counter()
        cursor.execute("SELECT * FROM workforce_item WHERE id > %s ORDER BY id LIMIT 50", [first])
        cursor.fetchall()
        bare.append((time.perf_counter() - began) * 1000)
for times in found.values():
    everything += times
def told(times):
    times = sorted(times)
    p95 = times[min(int(len(times) * 0.95), len(times) - 1)]
    return [round_(statistics.median(times)), round_(p95), round_(times[-1]), len(times)]
def round_(number):
    return round(number, 2)
print(json.dumps({"searches": {name: told(times) for name, times in found.items()}, "all": told(everything), "bare": told(bare),
                  "memory": [round_(one) for one in memory]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with staging.engines() as environment:
        staging.run(environment, _STAGE)
        owner = {**environment, "CONCORDAT_DB_ROLE": "owner", "STATEMENT_TIMEOUT_SECONDS": "0"}
        began = time.perf_counter()
        staging.run(owner, _ITEMS, options.items)
        print(
            f"{options.items:,} items with their tasks, answers and labels in {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        rate = float(staging.run(environment, _SWEEP))
        entries, index, items = map(int, staging.run(owner, _VACUUM).split())
        print(
            f"what they are found by, read anew: {rate:,.0f} items/s; {entries / 2**20:,.0f} MB, of it the index of words and "
            f"facets {index / 2**20:,.0f} MB (the items themselves {items / 2**20:,.0f} MB)",
            flush=True,
        )
        told = json.loads(staging.run(environment, _SEARCHES, options.runs, options.items))
        bare = told["bare"][0]
        print(
            f"{'':38} {'p50 ms':>8} {'p95 ms':>8} {'most':>8} {'requests':>8}  p50 to a bare page by primary key"
        )
        for name, (p50, p95, most, n) in [*told["searches"].items(), ("all ten", told["all"])]:
            print(f"{name:38} {p50:8.1f} {p95:8.1f} {most:8.1f} {n:8}  {p50 / bare:6.1f}")
        p50, p95, most, n = told["bare"]
        print(f"{'SELECT ... ORDER BY id LIMIT 50':38} {p50:8.2f} {p95:8.2f} {most:8.2f} {n:8}")
        print(
            f"memory of the process: {told['memory'][0]:.0f} MB in the middle, {told['memory'][-1]:.0f} MB at the end"
        )


if __name__ == "__main__":
    main()
