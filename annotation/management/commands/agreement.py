"""Measure a spec's questions now and print the numbers; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import measuring, slicing
from annotation.management.scoping import add_scope, scope_of
from specs.management.arguments import refusals


class Command(BaseCommand):
    help = "Alpha with its interval, percent agreement, AC1 and majority accuracy, per question."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)
        parser.add_argument("--by", choices=slicing.BY, help="one question in slices instead")
        parser.add_argument("--field", default="", help="the field of the items, with --by field")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = scope_of(options)
        if options["by"]:
            with refusals():
                self._slices(
                    slicing.as_dict(slicing.read(scope, by=options["by"], field=options["field"])), options
                )
            return
        with refusals():
            measured = measuring.compute(spec=scope.spec, queue=scope.queue, meaning=options["meaning"])
        if options["json"]:
            self.stdout.write(json.dumps(measuring.as_json(measured)))
            return
        for one in measured:
            self.stdout.write(f"{one.title}\n  {json.dumps(one.as_dict())}")
            for reading in one.clauses:
                estimate = reading.estimate
                value = "-" if estimate.value is None else f"{estimate.value:.3f}"
                self.stdout.write(
                    f"  §{reading.number} {reading.title}: {value} n={estimate.n_items} {estimate.reason}"
                )

    def _slices(self, found: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for one in [found["whole"], *found["slices"]]:
            said = [
                f"{name} {_numbers(one[name])}"
                for name in ("agreement", "alpha")
                if one[name]["value"] is not None
            ]
            why = one["agreement"]["reason"]
            self.stdout.write(f"{one['title']}: {', '.join(said) or why} n={one['agreement']['items']}")


def _numbers(one: dict[str, Any]) -> str:
    return f"{one['value']:.3f}" + (
        f" ({one['low']:.3f} to {one['high']:.3f})" if one["low"] is not None else ""
    )
