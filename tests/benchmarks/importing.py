"""A history comes in: `import_labels` against a bare COPY of the same labels into one table, in the same run.

    .venv/bin/python -m tests.benchmarks.importing [--labels 200000] [--per-item 5] [--times 3]

The product writes, per label, a slot and an annotation with every constraint and trigger on, and a task, a resolution and an
item per item; the floor writes one row per label into a table with a primary key. Prints labels per second of both, minimum,
median and maximum over the runs, each into a project of its own. Its engines are its own and are gone afterwards.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from tests import staging

_IMPORT = """
import json, sys, time
from pathlib import Path
import django
django.setup()
from annotation import importing
folder, times = Path(sys.argv[1]), int(sys.argv[2])
took = []
for number in range(times):
    started = time.perf_counter()
    done = importing.import_labels(folder=folder, project_key=f"history-{number}")
    took.append(time.perf_counter() - started)
print(json.dumps({"labels": done.n_labels, "took": took}))
"""


def write(folder: Path, labels: int, per_item: int) -> list[tuple[str, str, str]]:
    """items.csv and labels.csv of made-up sentences by 60 people, the same for every run."""
    chance = random.Random(1)
    people = [f"a{number}" for number in range(60)]
    with (folder / "items.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item_id", "text"))
        rows.writerows(
            (f"i{number}", f"Sentence number {number}, about some subject and of the length that one has.")
            for number in range(labels // per_item)
        )
    made = [
        (f"i{number}", person, chance.choice(("yes", "yes", "yes", "no")))
        for number in range(labels // per_item)
        for person in chance.sample(people, per_item)
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item_id", "annotator_id", "label"))
        rows.writerows(made)
    return made


def floor(url: str, made: list[tuple[str, str, str]], times: int) -> list[float]:
    """Seconds to COPY the labels into a bare table with a primary key, one commit."""
    took = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE floor_label (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text, annotator text, label text)"
        )
        for _ in range(times):
            started = time.perf_counter()
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY floor_label (item, annotator, label) FROM STDIN") as copy,
            ):
                for row in made:
                    copy.write_row(row)
            took.append(time.perf_counter() - started)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("labels", 200_000), ("per-item", 5), ("times", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with staging.engines() as environment, tempfile.TemporaryDirectory() as folder:
        made = write(Path(folder), options.labels, options.per_item)
        bare = floor(environment["OWNER_DATABASE_URL"], made, options.times)
        done = json.loads(staging.run(environment, _IMPORT, folder, options.times))
    print(f"{done['labels']} labels, {options.per_item} per item, {options.times} runs")
    speeds = {
        name: sorted(done["labels"] / seconds for seconds in took)
        for name, took in (("floor", bare), ("concordat", done["took"]))
    }
    for name, values in speeds.items():
        print(
            f"{name:<10}labels/s: minimum {values[0]:9.0f}  median {statistics.median(values):9.0f}  maximum {values[-1]:9.0f}"
        )
    print(
        f"ratio of medians {statistics.median(speeds['concordat']) / statistics.median(speeds['floor']):.3f}"
    )


if __name__ == "__main__":
    main()
