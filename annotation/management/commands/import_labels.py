"""Labels made elsewhere, with their agreement in the first five minutes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import controls, histories, import_values, importing, measuring
from specs.management.arguments import refusals


class Command(BaseCommand):
    help = (
        "Import labels.csv (item_id, annotator_id, label) and, where they are there, items.csv, gold.csv and clauses.csv of a "
        "folder, each also as .gz; creates the project, a spec 1.0.0 and a queue if they are missing. Harmless to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder",
            type=Path,
            help="the folder, or an export of Label Studio, Argilla or doccano, or a long table (each also as .gz)",
        )
        parser.add_argument(
            "--control",
            default="",
            help="the control of an export that becomes the question, if it has several",
        )
        parser.add_argument(
            "--look", action="store_true", help="say how an export is mapped, and write nothing"
        )
        parser.add_argument("--form", default="", help="what an export is; without it, what it begins like")
        parser.add_argument(
            "--columns", default="", help="columns of a table: item=NAME,annotator=NAME,label=NAME,time=NAME"
        )
        parser.add_argument("--project", required=True, help="the project's key; made if missing")
        parser.add_argument(
            "--kind",
            help="kind of question (default: choice; of an export the one that fits its control)",
        )
        parser.add_argument("--level", help="level of measurement, where the kind has more than one")
        parser.add_argument(
            "--options-from",
            default="",
            metavar="COLUMN",
            help="column of items.csv with the options, | between them",
        )
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of the kind; may be repeated",
        )
        parser.add_argument("--sensitive", action="store_true", help="blur the items until asked for")
        parser.add_argument(
            "--open-disputes", type=int, default=0, metavar="N", help="open disputes on the N most contested"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["folder"]
        if path.is_file():
            with tempfile.TemporaryDirectory() as folder:
                if self._unfolded(path, Path(folder), options):
                    self._import(Path(folder), options)
        elif path.is_dir():
            self._import(path, options)
        else:
            raise CommandError(f"{path} is neither a folder nor a file.")

    def _unfolded(self, path: Path, folder: Path, options: dict[str, Any]) -> bool:
        """The tables of an export, in *folder*; False when it was only to be looked at."""
        how = histories.How(options["form"], options["control"], options["columns"])
        with path.open("rb") as source, refusals():
            form, columns = how.form_of(source), how.named()
            try:
                found = controls.survey(
                    source,
                    form=form,
                    max_bytes=settings.MAX_ITEM_BYTES,
                    control=options["control"],
                    kind=options["kind"],
                    columns=columns,
                )
            except controls.NotMapped as error:
                raise CommandError(str(error)) from error
            if not options["look"]:
                source.seek(0)
                controls.unfold(
                    source, folder, form=form, max_bytes=settings.MAX_ITEM_BYTES, found=found, columns=columns
                )
                options["kind"] = found.kind
        for sentence in found.sentences(form.kinds):
            (self.stdout if options["look"] else self.stderr).write(sentence)
        return not options["look"]

    def _import(self, folder: Path, options: dict[str, Any]) -> None:
        with refusals():
            done = importing.import_labels(
                folder=folder,
                project_key=options["project"],
                wanted=import_values.Wanted(
                    options["kind"] or "choice",
                    options["level"],
                    options["options_from"],
                    _settings(options["setting"]),
                ),
                sensitive=options["sensitive"],
                by=None,
            )
            disputes = importing.open_disputes(queue=done.queue, limit=options["open_disputes"], by=None)
            reports = measuring.measure(spec=done.version.spec, by=None)
        counts = {
            "items": done.n_items,
            "annotators": done.n_annotators,
            "labels": done.n_labels,
            "gold": done.n_gold,
            "repeats_left_out": done.n_repeats,
            "disputes": disputes,
        }
        for sentence in done.left_out:
            self.stderr.write(self.style.WARNING(sentence))
        if options["json"]:
            self.stdout.write(
                json.dumps({**counts, "agreement": {r.question: r.numbers["alpha"] for r in reports}})
            )
            return
        self.stdout.write(
            f"{done.project.key}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
        )
        for report in reports:
            alpha = report.numbers["alpha"]
            if alpha["value"] is None:
                self.stdout.write(f"{report.question}: alpha is not defined: {alpha['reason']}")
            else:
                self.stdout.write(
                    f"{report.question}: alpha {alpha['value']:.3f} ({alpha['low']:.3f} to {alpha['high']:.3f}), "
                    f"n = {report.numbers['annotations']:,}"
                )


def _settings(given: list[str]) -> dict[str, str]:
    wrong = next((one for one in given if "=" not in one), None)
    if wrong is not None:
        raise CommandError(f"--setting {wrong}: is written as NAME=VALUE.")
    return dict(one.split("=", 1) for one in given)
