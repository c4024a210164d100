"""`manage label_config --project P --spec S [--number N] [--output FILE]`, or `--read FILE`: for Label Studio, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from specs import configuring, drafting, label_config
from specs.management.arguments import add_spec, project_of, refusals, spec_of, version_of


class Command(BaseCommand):
    help = (
        "Write a version's questions as a labelling configuration of Label Studio; with --read, the draft asks what one asks. "
        "What has no place on the other side is told on standard error."
    )

    def add_arguments(self, parser: Any) -> None:
        add_spec(parser)
        parser.add_argument("--number", default="", help="1.4.0, or draft; the newest without it")
        parser.add_argument("--output", help="a file; standard output without it")
        parser.add_argument("--read", metavar="FILE", help="a configuration whose questions the draft takes")

    def handle(self, **options: Any) -> None:
        spec = spec_of(project_of(options["project"]), options["spec"])
        if options["read"]:
            self._read(spec, Path(options["read"]))
            return
        config, left_out = label_config.written(version_of(spec, options["number"]).questions)
        self._tell(left_out)
        if options["output"]:
            Path(options["output"]).write_text(config, encoding="utf-8", newline="\n")
        else:
            self.stdout.write(config, ending="")

    def _read(self, spec: Any, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        with refusals():
            draft = drafting.open_draft(spec=spec, by=None)
            self._tell(configuring.take(draft=draft, text=text, by=None))
        draft.refresh_from_db()
        self.stdout.write(f"The draft of {spec.key} asks {len(draft.questions)} questions.")

    def _tell(self, left_out: list[str]) -> None:
        for one in left_out:
            self.stderr.write(self.style.WARNING(one))
