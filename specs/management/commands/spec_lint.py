"""`manage spec_lint --project P --spec S [--number N] [--json]`: what may be read in two ways; status 1 if there are warnings."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from specs import contents, linting
from specs.management.arguments import add_spec, project_of, spec_of, version_of


class Command(BaseCommand):
    help = "Say what makes a spec ambiguous. Ends with status 1 when there is a warning."

    def add_arguments(self, parser: Any) -> None:
        add_spec(parser)
        parser.add_argument("--number", default="", help="1.4.0, or draft; the newest without it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        spec = spec_of(project_of(options["project"]), options["spec"])
        findings = linting.lint(contents.content(version_of(spec, options["number"])))
        if options["json"]:
            self.stdout.write(json.dumps({"findings": [finding.as_dict() for finding in findings]}))
        else:
            for one in findings:
                self.stdout.write(f"{one.severity} {one.code}: {one.where}: {one.message} {one.hint}")
            self.stdout.write(f"{len(findings)} findings")
        if any(finding.severity == "warning" for finding in findings):
            sys.exit(1)
