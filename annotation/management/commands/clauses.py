"""Which clauses are ambiguous, and which only somebody misreads; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import measuring, weighing
from annotation.management.scoping import add_scope, scope_of


class Command(BaseCommand):
    help = "Disagreement by clause with annotators taken off, its excess, z and verdict; the worst first."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = measuring.clauses_of(scope_of(options))
        names = weighing.named([pk for row in rows for pk in row["annotators"]])
        for row in rows:
            row["annotators"] = [names[pk] for pk in row["annotators"]]
        if options["json"]:
            self.stdout.write(json.dumps({"clauses": rows}))
            return
        for row in rows:
            numbers = (
                "-"
                if row["disagreement"] is None
                else f"{row['disagreement']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
            )
            who = ", ".join(row["annotators"])
            self.stdout.write(
                f"§{row['number']} {row['key']}: {numbers} n={row['items']} {row['verdict']} {who or row['reason']}".rstrip()
            )
