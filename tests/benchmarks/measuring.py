"""A full measurement from database to kept report: time and memory, against one `bincount` pass and one scan, in the same run.

    .venv/bin/python -m tests.benchmarks.measuring [--labels 1000000] [--per-item 4] [--times 3] [--answers 100]

Made-up answers of 5 values by 60 people to items that fall under 30 clauses, imported as a history; a fifth of the items have a
known answer. `measure` is what the job does: alpha and companions with intervals, per label, per clause with flags, per
annotator, kept as a report. `sliced` is the same answers in slices, one way each. `scan` is the floor: the answers counted by
item and value in SQL. Memory is the peak of the process over what it has before anything is read. `live` is how long folding and
reading take after one more answer, with the whole history counted; a page asks every two seconds. Its engines are its own and
are gone afterwards.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests import staging

N_VALUES, N_PEOPLE, N_CLAUSES = 5, 60, 30
IMPORT = """
import sys
from pathlib import Path
import django
django.setup()
from annotation import importing
importing.import_labels(folder=Path(sys.argv[1]), project_key="large")
"""
_MEASURE = """
import json, resource, sys, time
import django
django.setup()
import numpy as np
from django.db import connection
from annotation import measuring, scoping, slicing
from specs.models import Spec
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
spec = Spec.objects.get(project__key="large")
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
    started = time.perf_counter()
    cursor.execute("SELECT count(*), sum(n) FROM (SELECT t.item_id, a.values ->> 'label', count(*) AS n "
                   "FROM annotation_annotation a JOIN workforce_task t ON t.id = a.task_id GROUP BY 1, 2) AS counted")
    (rows, n), scan = cursor.fetchone(), time.perf_counter() - started
code = np.random.default_rng(0).integers(0, 5 * n // 4, int(n))
started = time.perf_counter()
np.bincount(code)
pass_ = time.perf_counter() - started
del code
before, took = peak(), []
for _ in range(int(sys.argv[1])):
    started = time.perf_counter()
    report = measuring.measure(spec=spec, by=None)[0]
    took.append(time.perf_counter() - started)
memory, sliced = peak() - before, {}
for by in ("label", "clause", "time"):
    started = time.perf_counter()
    slicing.read(scoping.of(spec=spec), by=by)
    sliced[by] = time.perf_counter() - started
print(json.dumps({"took": took, "scan": scan, "bincount": pass_, "memory": memory, "sliced": sliced,
                  "answers": report.numbers["annotations"], "clauses": report.clause_readings.count()}))
"""

_FOLLOW = """
import io, json, sys, time, uuid
import django
django.setup()
from annotation import following, standings, submitting
from specs.models import Member, Spec
from tests import cast
from workforce import leasing, loading, staffing
from workforce.models import Queue
spec = Spec.objects.get(project__key="large")
queue, known = Queue.objects.get(project=spec.project, key="history"), {"project_id": spec.project_id}
owner = Member.objects.filter(project=spec.project).order_by("pk").first()
Queue.objects.filter(pk=queue.pk).update(entry="none", overlap=2, max_overlap=2, overlap_policy="fixed")
queue.refresh_from_db()
started = time.perf_counter()
assert following.catch_up(**known, seconds=3600).whole
history = time.perf_counter() - started
people = []
for name in ("lin", "mia"):
    member = staffing.add_member(project=spec.project, user=cast.user(name), roles=["annotator"], by=owner)
    people.append(staffing.annotator_for(member=member))
    staffing.enrol(queue=queue, annotator=people[-1], by=owner)
rows = "".join(json.dumps({"key": f"new-{k}", "text": "t"}) + chr(10) for k in range(int(sys.argv[1])))
loading.load(project=spec.project, queue=queue, source=io.BytesIO(rows.encode()), name="new.jsonl", by=owner)
lags = []
for _ in range(int(sys.argv[1])):
    before = standings.read(queue=queue)[0].live.n_answers
    for annotator in people:
        served = leasing.claim(queue_id=queue.pk, annotator=annotator, by=annotator.member)
        submitting.submit(annotator=annotator, assignment_id=served.assignment_id, token=served.token,
                          answer=submitting.Answer({"label": "v1"}, {}), client_key=uuid.uuid4().hex, by=annotator.member)
    started = time.perf_counter()
    following.catch_up(**known, seconds=0.2)
    now = standings.read(queue=queue)[0].live.n_answers
    assert now > before, (before, now)
    lags.append(time.perf_counter() - started)
print(json.dumps({"history": history, "lags": lags}))
"""


def write(folder: Path, labels: int, per_item: int) -> None:
    """items.csv, labels.csv and gold.csv, the same for every run."""
    chance = random.Random(1)
    people = [f"a{number}" for number in range(N_PEOPLE)]
    skill = {person: chance.uniform(0.7, 0.95) for person in people}
    values = [f"v{number}" for number in range(N_VALUES)]
    with (
        (folder / "items.csv").open("w", newline="") as items,
        (folder / "labels.csv").open("w", newline="") as answers,
        (folder / "gold.csv").open("w", newline="") as gold,
    ):
        item_rows, answer_rows, gold_rows = csv.writer(items), csv.writer(answers), csv.writer(gold)
        item_rows.writerow(("item_id", "clause_id", "text"))
        answer_rows.writerow(("item_id", "annotator_id", "label"))
        gold_rows.writerow(("item_id", "label"))
        for number in range(labels // per_item):
            clause, truth = number % N_CLAUSES, chance.choice(values)
            item_rows.writerow((f"i{number}", f"c{clause:02}", f"Sentence number {number}."))
            if number % 5 == 0:
                gold_rows.writerow((f"i{number}", truth))
            for person in chance.sample(people, per_item):
                hard = 0.25 if clause < 3 else 0.0
                right = chance.random() < skill[person] - hard
                answer_rows.writerow((f"i{number}", person, truth if right else chance.choice(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("labels", 1_000_000), ("per-item", 4), ("times", 3), ("answers", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with staging.engines() as environment, tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.labels, options.per_item)
        staging.run(environment, IMPORT + "print()", folder)
        _tell_measured(json.loads(staging.run(environment, _MEASURE, options.times)))
        _tell_live(json.loads(staging.run(environment, _FOLLOW, options.answers)))


def _tell_measured(done: dict[str, Any]) -> None:
    took = sorted(done["took"])
    print(f"{done['answers']:,} answers, {done['clauses']} clauses, {len(took)} runs")
    print(f"  bincount  {done['bincount']:8.3f} s")
    print(f"  scan      {done['scan']:8.3f} s")
    print(
        f"  measure   {statistics.median(took):8.3f} s  ({took[0]:.3f} to {took[-1]:.3f}), +{done['memory']:.0f} MB"
    )
    sliced = ", ".join(f"by {by} {seconds:.1f} s" for by, seconds in done["sliced"].items())
    print(f"  sliced    {sliced}", flush=True)


def _tell_live(live: dict[str, Any]) -> None:
    lags = sorted(live["lags"])
    print(f"  history counted into live sums in {live['history']:.1f} s")
    print(
        f"  live: folded and read after an answer, p50 {1000 * statistics.median(lags):.0f} ms, "
        f"p95 {1000 * lags[int(0.95 * len(lags))]:.0f} ms"
    )


if __name__ == "__main__":
    main()
