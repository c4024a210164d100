"""Where somebody's error rate rose; nothing is kept, and nobody is blocked."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import weighing
from annotation.management.scoping import add_scope, scope_of


class Command(BaseCommand):
    help = "Alarms of the CUSUM over each annotator's errors, over all answers and under each clause."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        alarms = weighing.alarms(scope_of(options))
        if options["json"]:
            self.stdout.write(json.dumps({"alarms": alarms}))
            return
        for alarm in alarms:
            where = f" under {alarm['clause']}" if alarm["clause"] else ""
            self.stdout.write(
                f"{alarm['annotator']}: {alarm['stream']}{where} at answer {alarm['at_label']:,}, {alarm['at']}"
            )
        if not alarms:
            self.stdout.write("no alarm")
