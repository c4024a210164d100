"""Build a snapshot here and now, and print its digest."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import export_formats, export_terms, exporting
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
        parser.add_argument("--since", default="", help="the earliest version whose decisions count")
        parser.add_argument("--rule", choices=list(export_terms.RULES), default=export_terms.SETTLED)
        parser.add_argument("--split", action="store_true", help="into train, eval and test, by keyed hash")
        parser.add_argument(
            "--format",
            action="append",
            choices=list(export_formats.FORMATS),
            help="jsonl and parquet if left out",
        )
        parser.add_argument("--answers", action="store_true", help="every answer too, under pseudonyms")
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
                terms=_terms(options),
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


def _terms(options: dict[str, Any]) -> export_terms.Terms:
    return export_terms.Terms(
        since=options["since"],
        rule=options["rule"],
        split=options["split"],
        columns=tuple(export_terms.COLUMNS) if options["answers"] else export_terms.USUAL_COLUMNS,
        formats=options["format"] or ("jsonl", "parquet"),
    )
