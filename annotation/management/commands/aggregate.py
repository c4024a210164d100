"""One answer from several, by a named method, held against what is known; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import weighing
from annotation.agreement.aggregate import METHODS
from annotation.management.scoping import add_scope, scope_of


class Command(BaseCommand):
    help = "Accuracy and calibration of a method of aggregation, with the labels if asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)
        parser.add_argument("--method", choices=sorted(METHODS), default="shrunken-dawid-skene")
        parser.add_argument(
            "--labels", action="store_true", help="also every item's value and confidence, in the JSON object"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = weighing.aggregated(
            scope_of(options), method=options["method"], with_labels=options["labels"]
        )
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        if found["accuracy"] is None:
            self.stdout.write(f"{found['method']}: {found['items']:,} items, none with a known answer")
            return
        self.stdout.write(
            f"{found['method']}: accuracy {found['accuracy']:.4f} on {found['known_items']:,} known items, calibration error "
            f"{found['calibration_error']:.4f} ({found['confidence']})"
        )
