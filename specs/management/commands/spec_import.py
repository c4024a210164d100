"""`manage spec_import FILE --project P [--spec S] [--guideline]`: takes the draft's place, or proposes clauses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from specs import copying, drafting
from specs.management.arguments import project_of, refusals, spec_of
from specs.models import DraftClause


class Command(BaseCommand):
    help = "Make a spec's draft say what a file says; with --guideline, propose clauses from a Word, HTML or Markdown document."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", help="a path, or - for standard input")
        parser.add_argument("--project", required=True, help="the key of the project")
        parser.add_argument("--spec", default="", help="the key of the spec; the file's own without it")
        parser.add_argument(
            "--guideline", action="store_true", help="the file is a guideline, not a spec file"
        )

    def handle(self, **options: Any) -> None:
        project = project_of(options["project"])
        name = options["file"]
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}") from error
        with refusals():
            if options["guideline"]:
                spec = spec_of(project, options["spec"])
                draft = drafting.open_draft(spec=spec, by=None)
                n_clauses, remarks = copying.import_guideline(draft=draft, data=data, name=name, by=None)
                for remark in remarks:
                    self.stderr.write(f"line {remark.line}: {remark.message}")
                self.stdout.write(f"{n_clauses} clauses are proposed; each waits to be looked at.")
                return
            draft = copying.import_file(project=project, data=data, key=options["spec"], by=None)
        n_clauses = DraftClause.objects.filter(version=draft).count()
        self.stdout.write(f"The draft of {draft.spec.key} says what the file says: {n_clauses} clauses.")
