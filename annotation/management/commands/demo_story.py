"""Tell the demo's story against a running web server; `./concordat demo` calls it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.demo.client import Refused
from annotation.demo.story import Story
from specs.models import Project
from specs.refusals import Refusal


class Command(BaseCommand):
    help = "Run the whole loop on real labels against a running server, and print what was found."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", required=True, help="where the web server answers")
        parser.add_argument(
            "--json", action="store_true", help="print the figures as one JSON object, as the last line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Project.objects.filter(key__in=["entailment", "hatecheck"]).exists():
            raise CommandError(
                "The demo's projects are there already; the story is told on an empty database only."
            )
        out = self.stderr if options["json"] else self.stdout
        out.style_func = None
        try:
            figures = Story(options["base_url"], out.write).tell()
        except (Refusal, Refused) as refusal:
            raise CommandError(f"The story stopped: {refusal}") from refusal
        if options["json"]:
            self.stdout.write(json.dumps(figures))
