"""What seeing predictions beforehand did to the answers of a queue."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import anchoring
from specs.management.arguments import project_of
from workforce.models import Queue

_AS = {
    "model": "the model",
    "resolution": "the task ended with",
    "gold": "gold says",
    "people": "another person in the arm",
}


class Command(BaseCommand):
    help = "Answers with a prediction shown against answers without, per model, version and question."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument("--queue", required=True)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["project"])
        queue = Queue.objects.filter(project=project, key=options["queue"]).first()
        if queue is None:
            raise CommandError(f"{project.key} has no queue {options['queue']}.")
        found = anchoring.report(queue=queue)
        if options["json"]:
            self.stdout.write(json.dumps({"queue": queue.key, "experiments": found}))
            return
        if not found:
            self.stdout.write("No answer was given in an arm yet.")
        for row in found:
            arms = row["arms"]
            self.stdout.write(
                f"{row['title']} {row['model']} {row['model_version']}: {arms['shown']['n']:,} shown, "
                f"{arms['hidden']['n']:,} hidden"
            )
            for against, one in row["against"].items():
                if one["difference"] is None:
                    self.stdout.write(f"  as {_AS[against]}: {one['reason']}")
                else:
                    self.stdout.write(
                        f"  as {_AS[against]}: {one['shown']:.3f} against {one['hidden']:.3f}, difference "
                        f"{one['difference']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f})"
                    )
