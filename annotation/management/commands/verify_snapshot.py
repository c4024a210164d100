"""Recompute every digest of a snapshot; exit 1 and name the faults when it is not what it says."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from annotation import exporting
from annotation.models import Snapshot


class Command(BaseCommand):
    help = "Verify a snapshot by its number or digest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("snapshot", help="its number, or its digest sha256:...")

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["snapshot"]
        found = (
            Snapshot.objects.filter(Q(pk=int(named)) if named.isdigit() else Q(digest=named))
            .order_by("-pk")
            .first()
        )
        if found is None or not named:
            raise CommandError(f"There is no snapshot {named}.")
        faults = exporting.verify(found)
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write(f"{found.digest} is intact: {found.n_rows} rows.")
