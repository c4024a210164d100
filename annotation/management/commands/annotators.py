"""What each annotator's answers are worth beside the others'; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import weighing
from annotation.management.scoping import add_scope, scope_of


class Command(BaseCommand):
    help = "Effect on disagreement, agreement with the others and known answers got right, per annotator."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = weighing.annotators(scope_of(options))
        if options["json"]:
            self.stdout.write(json.dumps({"annotators": rows}))
            return
        for row in rows:
            agreement, gold = (
                "-" if row[name] is None else f"{row[name]:.3f}"
                for name in ("agreement_without_self", "gold_accuracy")
            )
            self.stdout.write(
                f"{row['annotator']}: {row['answers']:,} answers, effect {row['effect']:+.3f}, with the others {agreement}, "
                f"known answers {gold}"
            )
