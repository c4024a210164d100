"""A snapshot is built against a bare COPY of `row_to_json` of the same answers, in the same run.

    .venv/bin/python -m tests.benchmarks.exporting [--answers 100000] [--per-item 5] [--times 3]

Printed are answers per second of both, the ratio, the most memory that building took over what the idle process had, how
fast a file leaves once it is checked, and how long two snapshots take to compare. `--answers 1000000` takes some minutes.
Its engines are its own and are gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from tests import staging
from tests.benchmarks.importing import write

_EXPORT = """
import json, resource, sys, time
from pathlib import Path
import django
django.setup()
from django.db import connection
from django.test import RequestFactory
from annotation import contrasting, downloading, exporting, importing
from annotation.export_terms import Terms
from annotation.models import SnapshotFile
from specs import ledger, store
from specs.models import Project, SpecVersion
folder, times = Path(sys.argv[1]), int(sys.argv[2])
importing.import_labels(folder=folder, project_key="history")
project = Project.objects.get(key="history")
version = SpecVersion.objects.published().get(project=project)
ledger.seal_all(project_id=project.pk)
with connection.cursor() as cursor:
    cursor.execute("VACUUM ANALYZE")
import gc
import pyarrow.parquet  # what every worker has loaded
gc.collect()
def memory():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
def now():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
def copied():
    started = time.perf_counter()
    n = 0
    with connection.cursor() as cursor, cursor.cursor.copy(
        "COPY (SELECT row_to_json(a) FROM annotation_annotation a ORDER BY a.id) TO STDOUT"
    ) as copy, open(folder / "copied", "wb") as out:
        for chunk in copy:
            n += out.write(chunk)
    return time.perf_counter() - started
def built(**terms):
    asked = exporting.request(project=project, version=version, name="b", terms=Terms(**terms), by=None)
    Path("/proc/self/clear_refs").write_text("5")
    idle, started = now(), time.perf_counter()
    n_parts = exporting.place(asked)
    placed = time.perf_counter()
    exporting._write_parts(asked, n_parts, lambda *_: None)
    written = time.perf_counter()
    frozen = exporting._freeze(asked)
    ended = time.perf_counter()
    return frozen, [ended - started, placed - started, written - placed, ended - written], memory() - idle
figures = {"copy": [], "jsonl": [], "parquet": [], "jsonl,parquet": [], "memory": []}
for _ in range(times):
    figures["copy"].append(copied())
    for formats in ("jsonl", "parquet", "jsonl,parquet"):
        both, took, over = built(formats=formats.split(","))
        figures[formats].append(took)
        figures["memory"].append(over)
file = both.files.filter(name__endswith=".jsonl").first()
list(downloading.download(RequestFactory().get("/"), file))
started = time.perf_counter()
n = sum(map(len, downloading.download(RequestFactory().get("/", headers={"range": "bytes=0-"}), file)))
figures["download"] = n / (time.perf_counter() - started) / 2**20
other, _took, _over = built(rule="majority")
Path("/proc/self/clear_refs").write_text("5")
idle, started = now(), time.perf_counter()
told = contrasting.as_dict(contrasting.contrast(both, other))
figures["compare"] = [time.perf_counter() - started, memory() - idle, told["items"]["in_both"]]
figures["n"] = both.n_rows
print(json.dumps(figures))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--per-item", type=int, default=5)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, staging.engines() as environment:
        write(Path(place), asked.answers, asked.per_item)
        told = json.loads(staging.run(environment, _EXPORT, place, asked.times))
    floor = statistics.median(told["copy"])
    print(f"COPY of row_to_json: {asked.answers / floor:,.0f} answers/s ({floor:.2f} s)")
    for name, what in (("jsonl", "JSON Lines"), ("parquet", "Parquet"), ("jsonl,parquet", "both")):
        whole, placed, wrote, froze = sorted(told[name])[len(told[name]) // 2]
        print(
            f"snapshot, {what}: {asked.answers / whole:,.0f} answers/s, {told['n'] / whole:,.0f} rows/s, "
            f"{whole / floor:.1f} x COPY "
            f"({whole:.2f} s: places {placed:.2f}, rows {wrote:.2f}, manifest and agreement {froze:.2f})"
        )
    print(f"memory over idle: {max(told['memory']):.0f} MB at the most")
    print(f"download by range, checked before: {told['download']:,.0f} MB/s")
    seconds, over, n = told["compare"]
    print(f"two snapshots of {n:,} items compared in {seconds:.2f} s, {over:.0f} MB over idle")


if __name__ == "__main__":
    main()
