"""Agreement of many labels: against one `bincount` pass over them and against the `krippendorff` package, in the same run.

    .venv/bin/python -m tests.benchmarks.agreement [--labels 100000 1000000 10000000] [--times 3]

Made-up labels of 5 values by 3 to 5 annotators per item, a tenth missing. `counts` is from labels to their table; `alpha` from
the table to alpha; `companions` from it to alpha, AC1, Fleiss' kappa, percent agreement and positive agreement per value;
`interval` adds 1,000 resamples of items. `clauses` is the clause model with its flags, 30 clauses and 60 annotators. Each size is
measured in a process of its own; memory is the peak over what the labels and the table take. Prints medians.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import krippendorff
import numpy as np

from annotation.agreement import ambiguity, bootstrap, coefficients, confusion, counts, pairs
from annotation.agreement.clauses import Members

N_VALUES, N_CLAUSES, N_ANNOTATORS = 5, 30, 60
MOST_FOR_CLAUSES = 1_000_000


def labels(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Items, annotators and values of about n labels, and the number of items."""
    generator = np.random.default_rng(1)
    per_item = generator.integers(3, 6, round(n / 3.6))
    items = np.repeat(np.arange(len(per_item)), per_item)
    place = np.arange(len(items)) - (np.cumsum(per_item) - per_item)[items]
    annotators = (generator.integers(0, N_ANNOTATORS, len(per_item))[items] + 7 * place) % N_ANNOTATORS
    truth = generator.integers(0, N_VALUES, len(per_item)).astype(np.int64)
    values = np.where(
        generator.random(len(items)) < 0.8, truth[items], generator.integers(0, N_VALUES, len(items))
    )
    kept = generator.random(len(items)) < 0.9
    return items[kept], annotators[kept], values[kept], len(per_item)


def companions(table: counts.Counts) -> list[Any]:
    rows, multiplicity = counts.grouped(table)
    return [
        coefficients.krippendorff_alpha(rows, multiplicity),
        coefficients.gwet_ac1(rows, multiplicity),
        coefficients.fleiss_kappa(rows, multiplicity),
        coefficients.percent_agreement(rows, multiplicity),
        confusion.positive_agreement(rows, multiplicity),
    ]


def measure(n: int, times: int) -> dict[str, Any]:
    items, annotators, values, n_items = labels(n)
    code = items * N_VALUES + values
    table = counts.from_codes(items, values, n_items=n_items, n_values=N_VALUES)
    took: dict[str, float] = {}
    memory: dict[str, float] = {}

    def take(name: str, work: Callable[[], Any], *, runs: int = times) -> Any:
        seconds, before, found = [], _peak(), None
        for _ in range(runs):
            started = time.perf_counter()
            found = work()
            seconds.append(time.perf_counter() - started)
        took[name], memory[name] = statistics.median(seconds), _peak() - before
        return found

    def interval() -> Any:
        return bootstrap.interval(*counts.grouped(table), coefficients.krippendorff_alpha)

    take("bincount", lambda: np.bincount(code, minlength=n_items * N_VALUES))
    take("counts", lambda: counts.from_codes(items, values, n_items=n_items, n_values=N_VALUES))
    ours = take("alpha", lambda: coefficients.krippendorff_alpha(*counts.grouped(table)))
    take("companions", lambda: companions(table))
    take("interval", interval)
    if n <= MOST_FOR_CLAUSES:
        clause_of = np.arange(n_items) % N_CLAUSES
        members = Members(np.arange(n_items), clause_of, np.ones(n_items))
        take(
            "clauses",
            lambda: ambiguity.judge(
                pairs.of(items, annotators, values, n_items=n_items),
                members,
                n_clauses=N_CLAUSES,
                n_annotators=N_ANNOTATORS,
            ),
            runs=1,
        )
    pairable = table[table.sum(axis=1) >= 2]
    theirs = take(
        "krippendorff",
        lambda: krippendorff.alpha(
            value_counts=pairable, value_domain=np.arange(N_VALUES), level_of_measurement="nominal"
        ),
        runs=1,
    )
    if abs(float(ours) - float(theirs)) > 1e-9:
        raise SystemExit(f"ours {ours} is not theirs {theirs}")
    return {"n": len(items), "took": took, "memory": memory}


def _peak() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--one", type=int, help="one size in this process, printed as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.times)))
        return
    for n in options.labels:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.agreement",
            "--one",
            str(n),
            "--times",
            str(options.times),
        ]
        one = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{one['n']:,} labels")
        for name, seconds in one["took"].items():
            ratio = seconds / one["took"]["bincount"]
            print(f"  {name:<14}{seconds:9.4f} s  {ratio:7.2f} of bincount  +{one['memory'][name]:6.0f} MB")


if __name__ == "__main__":
    main()
