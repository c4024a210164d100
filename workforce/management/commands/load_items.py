"""Items from a file of this machine, in the foreground and with progress; killed, the same command goes on where it stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from specs import store
from specs.management.arguments import project_of, refusals
from workforce import likening, loading, row_files, signalling
from workforce.models import Load, LoadState, Queue


class Command(BaseCommand):
    help = (
        "Load items (JSON Lines, CSV, Parquet, Label Studio JSON, each also as gzip) into a queue. Harmless to repeat; a run "
        "that was killed is taken up by the same command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="the project's key")
        parser.add_argument("--queue", required=True, help="the queue's key")
        parser.add_argument(
            "--form", choices=list(row_files.FORMS), help="the file's form (default: as its name says)"
        )
        parser.add_argument(
            "--keep-good-rows", action="store_true", help="load the good rows if others are bad"
        )
        parser.add_argument(
            "--updates",
            action="store_true",
            help="other content is the key's next revision; a row with deleted: true withdraws its key",
        )
        parser.add_argument("--sensitive", action="store_true", help="blur the items until asked for")
        parser.add_argument(
            "--twins", choices=likening.TWINS, default="keep", help="items that repeat another one"
        )
        parser.add_argument(
            "--near", action="store_true", help="look for items that are nearly the same, too"
        )
        parser.add_argument(
            "--signals",
            action="store_true",
            help="rows say happened_at, reason, selection_probability, expires_at",
        )
        parser.add_argument("--signal-source", help="where they come from (default: the file's name)")
        parser.add_argument("--signal-reason", help="where rows say none")
        parser.add_argument("--signal-probability", type=float, help="where rows say none")
        parser.add_argument("--signal-hours", type=float, help="they expire after, where rows do not say")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
        project = project_of(options["project"])
        queue = Queue.objects.filter(project=project, key=options["queue"]).first()
        if queue is None:
            known = ", ".join(
                Queue.objects.filter(project=project).order_by("key").values_list("key", flat=True)
            )
            raise CommandError(f"There is no queue {options['queue']}. There are: {known or 'none'}.")
        with store.writing() as scratch, path.open("rb") as source:
            while data := source.read(2**20):
                scratch.write(data)
            digest, _ = store.keep(scratch)
        chosen = {
            name: options[name]
            for name in ("keep_good_rows", "sensitive", "near", "updates")
            if options[name]
        }
        chosen["twins"] = options["twins"]
        chosen |= {
            name: options[name] for name in signalling.OPTIONS if options[name] not in (None, "", False)
        }
        with refusals():
            load = Load.objects.filter(
                queue=queue, file=digest, state=LoadState.READING, job=None, options=chosen
            ).first() or loading.begin(
                project=project,
                queue=queue,
                file=digest,
                name=path.name,
                form=options["form"],
                by=None,
                **chosen,
            )
            done = loading.run(load_id=load.pk, progress=self._progress)
        counts = {
            "load": done.pk,
            "rows": done.n_rows,
            "new": done.n_new,
            "known": done.n_known,
            "replaced": done.n_replaced,
            "gone": done.n_gone,
            "bad": done.n_bad,
            "same": done.n_same,
            "near": done.n_near,
            "left_out": done.n_left_out,
        }
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            self.stdout.write(", ".join(f"{n:,} {name}" for name, n in counts.items() if name != "load"))

    def _progress(self, done: int, total: int | None = None, note: str = "") -> None:
        if sys.stderr.isatty():
            of = f" of {total:,}" if total else ""
            self.stderr.write(f"\r{note}: {done:,}{of}   ", ending="")
