"""Replay real labels under the rule of dynamic overlap; nothing is read from or kept in the database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import replaying
from specs.management.arguments import refusals


class Command(BaseCommand):
    help = (
        "What dynamic overlap would have done with labels made elsewhere: labels used, accuracy, share accepted. DATA is a "
        "folder with labels.csv and gold.csv, or the name of a data set that is shipped."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("data", metavar="DATA")
        parser.add_argument("--target", type=float, default=0.95, help="stop at this posterior (tau)")
        parser.add_argument("--accuracy", type=float, default=0.95, help="choose a tau for this accuracy")
        parser.add_argument("--minimum", type=int, default=2)
        parser.add_argument("--maximum", type=int, default=5)
        parser.add_argument("--repetitions", type=int, default=20)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (0.5 < options["target"] < 1 and 0.5 < options["accuracy"] < 1):
            raise CommandError("Target and accuracy lie between 0.5 and 1.")
        if not 1 <= options["minimum"] <= options["maximum"] <= 50:
            raise CommandError("The minimum is at least 1, the maximum at least the minimum and at most 50.")
        if not 1 <= options["repetitions"] <= 1000:
            raise CommandError("Between 1 and 1,000 repetitions.")
        with refusals():
            found = replaying.run(
                replaying.folder_of(options["data"]),
                tau=options["target"],
                accuracy=options["accuracy"],
                minimum=options["minimum"],
                maximum=options["maximum"],
                repetitions=options["repetitions"],
                seed=options["seed"],
            )
        self.stdout.write(json.dumps(found) if options["json"] else _table(found))


def _table(found: dict[str, Any]) -> str:
    def number(figure: dict[str, float | None], digits: int = 3) -> str:
        return (
            "-" if figure["value"] is None else f"{figure['value']:.{digits}f} ±{figure['spread']:.{digits}f}"
        )

    lines = [
        f"{found['data']}: {found['items']:,} items with a known answer, {found['n_labels']:,} labels by "
        f"{found['n_annotators']} annotators; {found['repetitions']} repetitions, {found['minimum']} to {found['maximum']} "
        "labels",
        "  fixed, by vote: " + ", ".join(f"{n}: {number(figure)}" for n, figure in found["vote"].items()),
        "  lead of votes: "
        + ", ".join(
            f"{lead}: {number(one['labels'], 2)} labels, {number(one['accuracy'])}"
            for lead, one in found["margin"].items()
        ),
    ]
    for one in found["all_targets"]:
        mark = "*" if one["tau"] == found["target"] else " "
        lines.append(
            f"{mark} target {one['tau']}: {number(one['labels'], 2)} labels, accuracy {number(one['accuracy'])}; accepted "
            f"{number(one['accepted_share'])} at {number(one['accepted_accuracy'])} (stated {number(one['accepted_stated'])}), "
            f"others {number(one['other_accuracy'])}; calibration error {number(one['ece_raw'])} -> "
            f"{number(one['ece_calibrated'])}"
        )
    reached = "reaches" if found["chosen_reaches_it"] else "comes nearest to"
    lines.append(f"  {found['chosen_target']} {reached} an accuracy of {found['wanted_accuracy']}")
    return "\n".join(lines)
