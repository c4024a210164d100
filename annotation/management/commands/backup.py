"""`manage backup FOLDER [--keys FILE]`: the database and the kept files into a folder, the keys apart from both."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import backing_up
from annotation.backups import BackupError, as_dict


class Command(BaseCommand):
    help = "Back up the database and the kept files (run as the role that owns the tables)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", help="a folder of backups; each is a folder in it, the files are shared"
        )
        parser.add_argument("--keys", help="a new file for the keys; keep it elsewhere")
        parser.add_argument(
            "--files",
            choices=("copy", "list"),
            help="copy what is kept, or only list it; a bucket's are listed without this",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        folder = Path(options["folder"]).absolute()
        keys = Path(options["keys"]).absolute() if options["keys"] else None
        if keys is not None and folder in keys.parents:
            raise CommandError("The keys belong elsewhere than the data: name a file outside the folder.")
        copy_files = {"copy": True, "list": False}.get(options["files"])
        try:
            if keys is not None:
                backing_up.write_keys(keys)
            made, manifest = backing_up.back_up(
                url=settings.DATABASE_URL, folder=folder, say=self.stderr.write, copy_files=copy_files
            )
        except BackupError as error:
            raise CommandError(str(error)) from error
        seconds = round(time.monotonic() - began, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"backup": str(made), "seconds": seconds, **as_dict(manifest)}))
            return
        self.stdout.write(
            f"{made}: {manifest.n_rows} rows of {len(manifest.tables)} tables in {manifest.dump_bytes} bytes, "
            f"{manifest.n_files} files of {manifest.files_bytes} bytes, {seconds} s."
        )
        for project, checkpoint in manifest.ledgers.items():
            self.stdout.write(f"ledger of {project}: {checkpoint}")
        if keys is None:
            self.stdout.write(
                "The keys are not in it: keep SECRET_KEY elsewhere, or let --keys write it into a file."
            )
