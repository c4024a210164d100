"""What a model said of items, from a file of this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from specs.management.arguments import add_spec, project_of, refusals, spec_of
from workforce import predicting


class Command(BaseCommand):
    help = (
        "Bring in predictions (JSON Lines, CSV or Parquet: key, value, confidence; or those of a Label Studio export). "
        "Harmless to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        add_spec(parser)
        parser.add_argument("--model", default="", help="the model, where rows name none")
        parser.add_argument("--model-version", default="", help="its version, where rows name none")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
        spec = spec_of(project_of(options["project"]), options["spec"])
        with refusals(), path.open("rb") as source:
            done = predicting.bring_in(
                spec=spec,
                source=source,
                name=path.name,
                model=options["model"],
                model_version=options["model_version"],
                by=None,
            )
        if options["json"]:
            self.stdout.write(json.dumps(vars(done)))
        else:
            self.stdout.write(f"{done.n_rows:,} rows, {done.n_new:,} new, {done.n_known:,} known")
            for what, n in done.left_out.items():
                self.stderr.write(self.style.WARNING(f"left out: {what}, {n:,}"))
