"""Build a snapshot here and now, and print its digest."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import exporting
from specs.management.arguments import project_of, refusals, spec_of, version_of
from workforce.models import Queue


class Command(BaseCommand):
    help = (
        "Freeze the labels that are valid under a published version; the same request gives the same bytes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument("--spec")
        parser.add_argument("--version-number", help="such as 1.2.0; the newest if left out", dest="number")
        parser.add_argument(
            "--queue", action="append", default=[], help="may be given several times; all if left out"
        )
        parser.add_argument("--position", type=int, help="an earlier sealed position of the ledger")
        parser.add_argument("--name", default="")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["project"])
        version = version_of(spec_of(project, options["spec"]), options["number"])
        queues = list(Queue.objects.filter(project=project, spec=version.spec, key__in=options["queue"]))
        if len(queues) != len(set(options["queue"])):
            raise CommandError("Not every queue named is one of this spec.")
        with refusals():
            asked = exporting.request(
                project=project,
                version=version,
                name=options["name"],
                queues=queues,
                position=options["position"],
                by=None,
            )
            frozen = exporting.build(snapshot_id=asked.pk)
        found = {
            "snapshot": frozen.pk,
            "digest": frozen.digest,
            "rows": frozen.n_rows,
            "position": frozen.position,
        }
        self.stdout.write(json.dumps(found) if options["json"] else f"{frozen.digest} {frozen.n_rows} rows")
