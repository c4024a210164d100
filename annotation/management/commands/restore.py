"""`manage restore FOLDER [--replace] [--keys FILE]`: a backup back, and what was compared; exit 1 unless all is as it was."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import backups, restoring
from annotation.backups import BackupError


class Command(BaseCommand):
    help = "Put a backup back into an empty database (run as the role that owns the tables)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", help="a backup, or a folder of backups of which the newest is meant")
        parser.add_argument("--check", action="store_true", help="only look whether the backup is whole")
        parser.add_argument("--replace", action="store_true", help="give up what the database holds")
        parser.add_argument("--keys", help="the file of keys that the backup wrote")
        parser.add_argument(
            "--newer-postgres", action="store_true", help="allow a newer major version of PostgreSQL"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        if settings.DATABASE_ROLE != "owner" and not options["check"]:
            raise CommandError("Restore as the role that is to own the tables: CONCORDAT_DB_ROLE=owner.")
        try:
            folder = backups.find(Path(options["folder"]).absolute())
            manifest = backups.read_manifest(folder)
            backups.check(folder, manifest)
            if options["check"]:
                n_files = backups.check_files(folder, manifest)
                self.stdout.write(
                    f"{folder} is whole: {manifest.n_rows} rows, {n_files} of {manifest.n_files} files in it."
                )
                return
            keys = restoring.take_keys(Path(options["keys"])) if options["keys"] else {}
            done = restoring.restore(
                url=settings.DATABASE_URL,
                folder=folder,
                manifest=manifest,
                replace=options["replace"],
                newer=options["newer_postgres"],
                secret_key=keys.get("SECRET_KEY", ""),
                say=self.stderr.write,
            )
        except BackupError as error:
            raise CommandError(str(error)) from error
        seconds = round(time.monotonic() - began, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"backup": str(folder), "seconds": seconds, **vars(done)}))
        else:
            self.stdout.write(
                f"Restored from {folder}: {done.n_rows} rows of {done.n_tables} tables and {done.n_files} files, each as it was "
                f"backed up; {done.n_events} events and {done.n_snapshots} snapshots verified; {seconds} s."
            )
        if not done.same_key:
            self.stderr.write(
                "SECRET_KEY is not the one of the backup. What was signed or sealed with it cannot be read: "
                "name the file of keys with --keys, or set SECRET_KEY."
            )
        if done.faults:
            raise CommandError("\n".join(done.faults))
