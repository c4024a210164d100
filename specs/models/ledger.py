"""A project's ledger: events, written by every transition, and the chain that seals them.

Writers insert events without looking at one another. The sealer gives committed events their position later, in batches. A
position is data: it survives a dump and a restore, which a transaction number does not.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from specs.models.base import BusyProjectRow, ProjectLink, append_only, project_key, same_project


class Event(models.Model):
    """One state change. No personal and no free text: those live in rows that can be erased.

    The table is partitioned by range of `id` and made in SQL by the first migration, so Django does not manage it.
    """

    project = models.ForeignKey(
        "specs.Project", models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    by = models.ForeignKey(
        "specs.Member", models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    data = models.JSONField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        managed = False
        db_table = "specs_event"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.subject_id}"


class Seal(BusyProjectRow):
    """One batch of the chain: `digest` covers the digest before it and the canonical bytes of its events, in order."""

    number = models.BigIntegerField()
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    previous_digest = models.CharField(max_length=80, blank=True)
    digest = models.CharField(max_length=80)
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            project_key("seal"),
            models.UniqueConstraint(fields=["project", "number"], name="seal_number_once"),
            models.UniqueConstraint(fields=["project", "previous_digest"], name="seal_chain_has_no_fork"),
            models.CheckConstraint(
                condition=models.Q(last_position__gte=models.F("first_position")), name="seal_not_empty"
            ),
        ]
        triggers = append_only()


class LedgerEntry(BusyProjectRow):
    """The place of an event in its project's ledger."""

    seal = ProjectLink("specs.Seal")
    position = models.BigIntegerField()
    event_id = models.BigIntegerField(unique=True)

    class Meta:
        constraints = [
            *same_project("ledger_entry", seal="specs_seal"),
            models.UniqueConstraint(fields=["project", "position"], name="ledger_position_once"),
        ]
        triggers = append_only()
