"""Play the loop on a spec with two planted ambiguous clauses, and print what the product made of it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.demo.looping import Loop
from specs.management.arguments import refusals


class Command(BaseCommand):
    help = (
        "Simulate the loop, deterministic by its seed: annotators read two clauses in two ways until they are amended, hardly "
        "cite, and leads err. Everything goes through the transitions of the pages, in a project of its own, loop-SEED."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--items", type=int, default=600, help="items answered before the amendment")
        parser.add_argument("--fresh", type=int, default=300, help="items answered after it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (0 <= options["seed"] < 10**9 and 50 <= options["items"] <= 20_000):
            raise CommandError("A seed is a number from 0, and there are 50 to 20,000 items.")
        if not 0 <= options["fresh"] <= 20_000:
            raise CommandError("There are at most 20,000 fresh items.")
        with refusals():
            found = Loop(options["seed"], options["items"], options["fresh"]).run()
        self.stdout.write(json.dumps(found) if options["json"] else table(found))


def table(found: dict[str, Any]) -> str:
    """The figures of one run for people."""
    plan, gold = found["plan"], found["gold_accuracy"]
    rows = [
        ("Planted ambiguous clauses", ", ".join(found["planted"])),
        (
            "Flagged by the product",
            f"{', '.join(found['flagged']) or 'none'}{'' if found['as_planted'] else '  (!)'}",
        ),
        *(
            (
                f"Answers that differ under {key}",
                f"{_share(one.get('before'))} before, {_share(one.get('after'))} after",
            )
            for key, one in sorted(found["agreement"].items())
        ),
        ("Answers before the amendment", f"{found['answers']:,} on {found['items']:,} items"),
        (
            "Tasks the change touches",
            f"{plan['direct']:,} directly, {plan['likely']:,} likely, {plan['possible']:,} possibly, of {plan['tasks']:,}",
        ),
        ("Answers given again", f"{found['relabel_answers']:,}, {found['relabelled_share']:.1%} of all"),
        ("Labels carried", f"{plan['carried']:,}"),
        (
            "Blind sample of the others",
            f"{plan['flipped_in_sample']} flips in {plan['sampled']}, so at most {plan['missed_at_most']} missed",
        ),
        ("Flips missed in truth", f"{plan['missed']:,}"),
        ("Rulings, and minutes of leads", f"{found['rulings']:,}, {found['lead_minutes']:,}"),
        ("Labels of the export that are right", f"{gold['before']:.1%} before, {gold['after']:.1%} after"),
    ]
    width = max(len(title) for title, _ in rows)
    return "\n".join([f"Seed {found['seed']}", *(f"  {title:<{width}}  {said}" for title, said in rows)])


def _share(value: float | None) -> str:
    return "too few to say" if value is None else f"{value:.1%}"
