"""Replaying a folder of real labels under a rule of overlap: what it would have cost and how often it would have been right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from annotation import label_files
from annotation.agreement import majority, replay, stopping
from annotation.agreement.replay import Figure, Labels
from specs.refusals import Invalid

SHIPPED = Path(__file__).parent / "demo" / "data"
ALIASES = {"snow_rte": "entailment"}
LEADS = (2, 3)


def folder_of(name: str) -> Path:
    """The folder that *name* means: a path, or a data set that is shipped. Raises `Invalid` naming those."""
    shipped = SHIPPED / ALIASES.get(name, name)
    if "/" not in name and shipped.is_dir():
        return shipped
    if Path(name).is_dir():
        return Path(name)
    known = sorted({path.name for path in SHIPPED.iterdir() if path.is_dir()} | set(ALIASES))
    raise Invalid(
        _("There is no folder %(name)r; %(known)s are shipped.")
        % {"name": name[:200], "known": ", ".join(known)}
    )


def read(folder: Path) -> Labels:
    """The labels of a folder as codes; a label given a second time by the same annotator is left out.

    Raises `Invalid` where files do not fit, and where no label is known to be right.
    """
    files = label_files.read(folder)
    if not files.gold:
        raise Invalid(
            _("%(folder)s has no gold.csv: a replay needs to know what is right.") % {"folder": folder}
        )
    items: dict[str, int] = {}
    annotators: dict[str, int] = {}
    values: dict[str, int] = {}
    rows = np.array(
        [
            (
                items.setdefault(row["item_id"], len(items)),
                annotators.setdefault(row["annotator_id"], len(annotators)),
                values.setdefault(row["label"], len(values)),
            )
            for row in files.first_labels
        ],
        dtype=np.int64,
    )
    known = {row["item_id"]: row["label"] for row in files.gold}
    # a gold value that nobody gave is a value all the same: every item with it counts as wrong
    gold = np.array(
        [values.setdefault(known[key], len(values)) if key in known else -1 for key in items], dtype=np.int64
    )
    if len(values) > stopping.MOST_VALUES:
        raise Invalid(
            _("%(n_values)s values; dynamic overlap is for at most %(most_values)s.")
            % {"n_values": len(values), "most_values": stopping.MOST_VALUES}
        )
    return Labels(rows[:, 0], rows[:, 1], rows[:, 2], gold, len(annotators), len(values))


def run(
    folder: Path,
    *,
    tau: float,
    accuracy: float,
    minimum: int,
    maximum: int,
    repetitions: int,
    seed: int,
) -> dict[str, Any]:
    """Everything `manage replay_overlap --json` prints; each figure with its standard deviation over the repetitions."""
    labels = read(folder)
    taus = tuple(sorted({*stopping.TAUS, tau}))
    results = replay.replay(
        labels, taus=taus, minimum=minimum, maximum=maximum, repetitions=repetitions, seed=seed
    )
    chosen, reached = stopping.choose_tau(
        [one for one in replay.trials(results) if one.tau in stopping.TAUS], target=accuracy
    )
    asked = next(result for result in results if result.tau == tau)
    return {
        "data": folder.name,
        "rule": stopping.RULE,
        "minimum": minimum,
        "maximum": maximum,
        "seed": seed,
        "n_labels": len(labels.values),
        "n_annotators": labels.n_annotators,
        **{("target" if name == "tau" else name): value for name, value in asked.as_dict().items()},
        "margin": margins(labels, minimum=minimum, maximum=maximum, repetitions=repetitions, seed=seed),
        "wanted_accuracy": accuracy,
        "chosen_target": chosen,
        "chosen_reaches_it": reached,
        "all_targets": [result.as_dict() for result in results],
    }


def margins(
    labels: Labels, *, minimum: int, maximum: int, repetitions: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Stopping at a lead of 2 and of 3 votes, under the same maximum: labels used and accuracy."""
    generator = np.random.default_rng(seed)
    found: dict[int, list[tuple[float, float]]] = {lead: [] for lead in LEADS}
    for _turn in range(repetitions):
        for lead, runs in found.items():
            runs.append(_margin(labels, generator, lead, minimum, maximum))
    return {
        str(lead): {
            "labels": Figure.of([n for n, _ in runs]).as_dict(),
            "accuracy": Figure.of([hit for _, hit in runs]).as_dict(),
        }
        for lead, runs in found.items()
    }


def _margin(
    labels: Labels, generator: np.random.Generator, lead: int, minimum: int, maximum: int
) -> tuple[float, float]:
    values = replay.shuffled(labels, generator, width=maximum)[1]
    n, votes = majority.margin_stops(
        values, lead=lead, minimum=minimum, maximum=maximum, n_values=labels.n_values
    )
    known = (labels.gold >= 0) & (n > 0)
    return float(n[known].mean()), float(majority.hits(votes[known], labels.gold[known]).mean())
