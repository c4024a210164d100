"""`manage spec_export --project P --spec S [--version N] [--output FILE]`: a version, or the draft, as one Markdown file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from specs import copying
from specs.management.arguments import add_spec, project_of, spec_of, version_of


class Command(BaseCommand):
    help = "Write a spec as one readable Markdown file with front matter."

    def add_arguments(self, parser: Any) -> None:
        add_spec(parser)
        parser.add_argument("--number", default="", help="1.4.0, or draft; the newest without it")
        parser.add_argument("--output", help="a file; standard output without it")

    def handle(self, **options: Any) -> None:
        spec = spec_of(project_of(options["project"]), options["spec"])
        text = copying.export(version_of(spec, options["number"]))
        if options["output"]:
            Path(options["output"]).write_text(text, encoding="utf-8", newline="\n")
        else:
            self.stdout.write(text, ending="")
