"""`manage spec_diff --project P --spec S OLD NEW [--json]`: two versions word by word, with what the change costs."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from annotation import comparing
from specs.management.arguments import add_spec, project_of, spec_of, version_of


class Command(BaseCommand):
    help = "Compare two versions of a spec; prints Markdown, or JSON with --json."

    def add_arguments(self, parser: Any) -> None:
        add_spec(parser)
        parser.add_argument("old", help="1.0.0")
        parser.add_argument("new", help="1.1.0, or draft")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        spec = spec_of(project_of(options["project"]), options["spec"])
        old, new = version_of(spec, options["old"]), version_of(spec, options["new"])
        comparison = comparing.compare(old, new)
        if options["json"]:
            self.stdout.write(json.dumps(comparison.as_dict()))
        else:
            self.stdout.write(comparing.as_markdown(comparison, title=old.spec.title), ending="")
