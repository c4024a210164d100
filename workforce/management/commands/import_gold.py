"""Known answers from a file, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from specs.management.arguments import add_spec, project_of, refusals, spec_of
from workforce import goldkeeping


class Command(BaseCommand):
    help = (
        "Bring in known answers (JSON Lines or CSV: key, value, and if you like question, clauses, explanation; further fields "
        "are the payload of an item that is not known). Any bad row refuses the file. Harmless to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        add_spec(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        spec = spec_of(project_of(options["project"]), options["spec"])
        try:
            source = options["file"].open("rb")
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        with source, refusals():
            done = goldkeeping.bring_in(spec=spec, source=source, name=options["file"].name, by=None)
        if options["json"]:
            self.stdout.write(json.dumps(vars(done)))
        else:
            self.stdout.write(
                f"{done.n_rows} rows: {done.n_new} new, {done.n_known} known, {done.n_confirmed} candidates confirmed, "
                f"{done.n_items} new items."
            )
