"""Measure a spec's questions now and print the numbers; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import measuring
from specs.management.arguments import project_of, refusals, spec_of
from workforce.models import Queue


class Command(BaseCommand):
    help = "Alpha with its interval, percent agreement, AC1 and majority accuracy, per question."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument("--spec", help="needed where the project has several")
        parser.add_argument("--queue", help="one queue only")
        parser.add_argument("--meaning", type=int, help="an earlier meaning of the spec")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["project"])
        spec = spec_of(project, options["spec"])
        queue = None
        if options["queue"]:
            queue = Queue.objects.filter(project=project, spec=spec, key=options["queue"]).first()
            if queue is None:
                raise CommandError(f"{spec.key} has no queue {options['queue']}.")
        with refusals():
            measured = measuring.compute(spec=spec, queue=queue, meaning=options["meaning"])
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
