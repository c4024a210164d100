"""Recompute a project's chain of events; exit 1 and name the faults when it does not hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from specs import ledger
from specs.management.arguments import project_of
from specs.models import Seal


class Command(BaseCommand):
    help = "Verify a project's ledger, against a checkpoint kept outside if there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True)
        parser.add_argument(
            "--checkpoint", help="NUMBER:DIGEST of a seal, as this command printed it earlier"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_of(options["project"])
        checkpoint = None
        if options["checkpoint"]:
            number, _, digest = options["checkpoint"].partition(":")
            if not number.isdigit() or not digest:
                raise CommandError("The checkpoint has the form NUMBER:DIGEST.")
            checkpoint = (int(number), digest)
        position = ledger.seal_all(project_id=project.pk)
        faults = ledger.verify(project_id=project.pk, checkpoint=checkpoint)
        if faults:
            raise CommandError("\n".join(f"seal {fault.seal}: {fault.message}" for fault in faults))
        last = Seal.objects.filter(project=project).order_by("-number").first()
        self.stdout.write(
            f"{position} events hold. Checkpoint: {last.number}:{last.digest}" if last else "No events yet."
        )
