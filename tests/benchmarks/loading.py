"""Items come in: a load as a job runs it, against a COPY of the same rows, in the same run.

    .venv/bin/python -m tests.benchmarks.loading [--items 200000] [--overlap 3] [--times 3]

The product reads JSON Lines from the store, checks every row, and writes an item, a task and its slots for each, with every
constraint, index and trigger on, and with progress. There are two floors, both from memory and in one commit: `bare` writes a
few columns of the items, tasks and slots into tables with a primary key, `indexed` writes the same rows whole into tables with
the columns and indexes of the product's, without a constraint or trigger. Prints rows per second counted over every row written,
and the memory over idle of the process that loads. Its engines are its own and are gone afterwards.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from tests import staging

_LOAD = """
import json, sys, threading, time
import django, psutil
django.setup()
from specs import store
from tests import cast
from workforce import loading
path, overlap, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
process, took, reports, peak = psutil.Process(), [], [], 0
stages = [cast.stage(f"load-{number}", overlap=overlap, max_overlap=max(5, overlap)) for number in range(times)]
with store.writing() as scratch, open(path, "rb") as source:
    while data := source.read(2**20):
        scratch.write(data)
    digest, _ = store.keep(scratch)
idle, over = process.memory_info().rss, threading.Event()
def watch():
    global peak
    while not over.wait(0.02):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
for stage in stages:
    load = loading.begin(project=stage.project, queue=stage.queue, file=digest, name="items.jsonl", by=stage.ada)
    started = time.perf_counter()
    done = loading.run(load_id=load.pk, progress=lambda *seen: reports.append(seen))
    took.append(time.perf_counter() - started)
over.set()
watcher.join()
print(json.dumps({"took": took, "new": done.n_new, "over_idle": (peak - idle) / 1e6, "reports": len(reports)}))
"""
_BARE = """
    CREATE TABLE floor_item (id bigint PRIMARY KEY, key text, payload jsonb, digest text);
    CREATE TABLE floor_task (id bigint PRIMARY KEY, item bigint, queue bigint, state text, rank bigint);
    CREATE TABLE floor_slot (id bigint PRIMARY KEY, task bigint, queue bigint, number int, state text, rank bigint);
"""
_INDEXED = """
    CREATE TABLE floor_item (LIKE workforce_item INCLUDING DEFAULTS INCLUDING INDEXES);
    CREATE TABLE floor_task (LIKE workforce_task INCLUDING DEFAULTS INCLUDING INDEXES);
    CREATE TABLE floor_slot (LIKE workforce_assignment INCLUDING DEFAULTS INCLUDING INDEXES);
"""
_DROP = "DROP TABLE IF EXISTS floor_item, floor_task, floor_slot"
_COLUMNS = {
    "bare": {"item": "", "task": "", "slot": ""},
    "indexed": {
        "item": "(id, key, payload, digest, project_id, revision, sensitive, load_id)",
        "task": "(id, item_id, queue_id, state, rank, project_id, meaning, round, overlap, n_answers, priority, load_id)",
        "slot": "(id, task_id, queue_id, number, state, rank, project_id, returned, n_returns, served_digest, n_renewals)",
    },
}
_REST = {
    "bare": {"item": "", "task": "", "slot": ""},
    "indexed": {"item": "\t1\t1\tf\t1", "task": "\t1\t1\t1\t3\t0\t0\t1", "slot": "\t1\tf\t0\t\t0"},
}


def write(path: Path, items: int) -> None:
    """Made-up sentences, the same for every run."""
    with path.open("w") as file:
        for number in range(items):
            text = f"Sentence number {number}, about some subject and of the length that one has."
            file.write(json.dumps({"key": f"item-{number}", "text": text, "source": "made up"}) + "\n")


def floor(url: str, path: Path, overlap: int, times: int, kind: str) -> list[float]:
    """Seconds to COPY the same items, tasks and slots in one commit; *kind* is `bare` or `indexed`."""
    rows, rest = [json.loads(line) for line in path.open()], _REST[kind]
    texts = {
        "item": [
            f"{n}\t{row['key']}\t{json.dumps({'source': row['source'], 'text': row['text']})}"
            f"\tsha256:{hashlib.sha256(row['key'].encode()).hexdigest()}{rest['item']}\n"
            for n, row in enumerate(rows)
        ],
        "task": [f"{n}\t{n}\t1\topen\t{64 * n}{rest['task']}\n" for n in range(len(rows))],
        "slot": [
            f"{n * overlap + k}\t{n}\t1\t{k}\topen\t{64 * n + k}{rest['slot']}\n"
            for n in range(len(rows))
            for k in range(overlap)
        ],
    }
    data = {name: "".join(lines).encode() for name, lines in texts.items()}
    del rows, texts
    took = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(times):
            connection.execute(_DROP)
            connection.execute(_BARE if kind == "bare" else _INDEXED)
            started = time.perf_counter()
            with connection.transaction(), connection.cursor() as cursor:
                for name, text in data.items():
                    with cursor.copy(f"COPY floor_{name} {_COLUMNS[kind][name]} FROM STDIN") as copy:
                        for start in range(0, len(text), 2**18):
                            copy.write(text[start : start + 2**18])
            took.append(time.perf_counter() - started)
        connection.execute(_DROP)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 200_000), ("overlap", 3), ("times", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with staging.engines() as environment, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        write(path, options.items)
        floors = {
            kind: floor(environment["OWNER_DATABASE_URL"], path, options.overlap, options.times, kind)
            for kind in _COLUMNS
        }
        done = json.loads(staging.run(environment, _LOAD, path, options.overlap, options.times))
    written = options.items * (2 + options.overlap)
    print(
        f"{done['new']} items with {options.overlap} slots each: {written} rows, {options.times} runs; "
        f"{done['reports']} reports of progress; {done['over_idle']:.0f} MB over idle"
    )
    speeds = {
        name: sorted(written / seconds for seconds in took)
        for name, took in (*floors.items(), ("concordat", done["took"]))
    }
    for name, values in speeds.items():
        print(
            f"{name:<10}rows/s: minimum {values[0]:9.0f}  median {statistics.median(values):9.0f}  maximum {values[-1]:9.0f}"
        )
    ratios = ", ".join(
        f"{statistics.median(speeds['concordat']) / statistics.median(speeds[kind]):.3f} of {kind}"
        for kind in floors
    )
    print(f"ratio of medians {ratios}")


if __name__ == "__main__":
    main()
