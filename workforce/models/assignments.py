"""Slots and leases. A slot exists before its answer; claiming locks and changes that row, so overlap is exact by construction."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from specs.models.base import (
    BusyProjectRow,
    LinkedAtOnce,
    ProjectLink,
    SameProject,
    append_only,
    frozen,
    never_deleted,
    one_of,
    project_key,
    same_project,
    transitions,
)
from specs.models.guards import Guard
from workforce.models.ranks import Ranges, Rank


class SlotState(models.TextChoices):
    OPEN = "open", _("Open")
    HELD = "held", _("Held")
    RESERVED = "reserved", _("Kept for somebody")
    LEASED = "leased", _("Leased")
    SUBMITTED = "submitted", _("Submitted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class LinksOfSlots(LinkedAtOnce):
    """The links of slots that are made; and a task has no more of them than its overlap, which one look at it tells as well.

    Only where a task is not there, or its slots number on beyond its overlap (withdrawn ones do not count), is it asked twice.
    """

    def _check(self, link: SameProject, also: str = "") -> str:
        if link.table != "workforce_task":
            return super()._check(link, also=_ALSO.get(link.table, ""))
        return f"""
            IF EXISTS (SELECT 1 FROM (SELECT project_id, queue_id, task_id, max(number) AS last FROM fresh GROUP BY 1, 2, 3) f
                       WHERE NOT coalesce((SELECT p.overlap >= f.last FROM workforce_task p
                           WHERE p.project_id = f.project_id AND p.queue_id = f.queue_id AND p.id = f.task_id), false)) THEN
                {super()._check(link).strip()}
                {_WITHIN_OVERLAP.strip()}
            END IF;"""  # noqa: S608 (names of tables and columns, from the model)


_WITHIN_OVERLAP = """
                IF EXISTS (SELECT 1 FROM (SELECT DISTINCT task_id FROM fresh) f
                           WHERE (SELECT t.overlap FROM workforce_task t WHERE t.id = f.task_id) < (
                               SELECT count(*) FROM workforce_assignment s
                               WHERE s.task_id = f.task_id AND s.state <> 'withdrawn')) THEN
                    RAISE EXCEPTION 'a task has no more slots than its overlap'
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'workforce_assignment_within_overlap';
                END IF;
"""
_BY_WHOM = same_project("assignment", annotator="workforce_annotator", version="specs_specversion")
_ALSO = {"specs_specversion": " AND p.state <> 'draft'"}  # a draft can be deleted


def _leads_somewhere(link: SameProject) -> str:
    """The same rule for a slot that is given to somebody. It takes no lock: all who claim under a version would take that one."""
    (column,), also = link.columns, _ALSO.get(link.table, "")
    return f"""
                    IF NEW.{column} IS DISTINCT FROM OLD.{column} AND NEW.{column} IS NOT NULL AND NOT EXISTS (
                        SELECT FROM {link.table} p WHERE p.project_id = NEW.project_id AND p.id = NEW.{column}{also}) THEN
                        RAISE EXCEPTION 'a slot leads to no row of % in its project', '{link.table}'
                            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{link.name}';
                    END IF;"""


_COMES_BACK = pgtrigger.Condition("NEW.state = 'open'")
"""What a claim and an answer do not do. So short a condition costs less than a call of the function."""


class Assignment(BusyProjectRow):
    """One wanted answer of a task: open, leased to an annotator until a time, submitted, or withdrawn.

    `rank` orders the claim index and never follows the primary key: with `ORDER BY id` the planner is tempted to walk every
    finished row. `ordering` says what it is made of. `returned` slots came back, or are of a task that is under way.
    `n_returns` counts how often a slot came back for what it is: handed back, run out, skipped.
    `asked_after` counts the answers because of which it was asked for (a third opinion, an audit, a second look): what is given
    for it is to be blind. It is 0 for those that were wanted from the start, also where an overlap was raised.
    A slot `reserved_for` a cohort is claimed by its members only, and they claim no other while the canary runs.
    Held slots wait for an answer about a clause; reserved ones are kept for their annotator until `reserved_until`. Neither is in
    a lane.
    """

    task = ProjectLink("workforce.Task", related_name="assignments")
    queue = ProjectLink("workforce.Queue")
    number = models.SmallIntegerField()
    state = models.CharField(max_length=16, choices=SlotState, default=SlotState.OPEN)
    rank = Rank()
    returned = models.BooleanField(default=False)
    n_returns = models.SmallIntegerField(default=0)
    asked_after = models.SmallIntegerField(default=0, db_default=0)
    annotator = ProjectLink("workforce.Annotator", null=True)
    version = ProjectLink("specs.SpecVersion", null=True)
    served_digest = models.CharField(max_length=80, blank=True)
    token = models.UUIDField(null=True)
    leased_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    n_renewals = models.SmallIntegerField(default=0)
    submitted_at = models.DateTimeField(null=True)
    reserved_for = ProjectLink("workforce.Cohort", null=True)
    reserved_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            project_key("assignment"),
            *same_project("assignment", reserved_for="workforce_cohort"),
            models.UniqueConstraint(fields=["task", "number"], name="slot_number_once_per_task"),
            models.UniqueConstraint(
                fields=["task", "annotator"],
                condition=Q(annotator__isnull=False),
                name="annotator_once_per_task",
            ),
            one_of("assignment", "state", SlotState),
            models.CheckConstraint(condition=Q(number__gte=1), name="slot_number_counts_from_one"),
            models.CheckConstraint(
                condition=~Q(state="open")
                | Q(
                    annotator__isnull=True,
                    token__isnull=True,
                    lease_until__isnull=True,
                    submitted_at__isnull=True,
                ),
                name="open_slot_has_no_annotator",
            ),
            models.CheckConstraint(
                condition=~Q(state="leased")
                | Q(
                    annotator__isnull=False,
                    token__isnull=False,
                    lease_until__isnull=False,
                    leased_at__isnull=False,
                    version__isnull=False,
                ),
                name="leased_slot_has_end_and_token",
            ),
            models.CheckConstraint(
                condition=~Q(state="submitted")
                | Q(
                    annotator__isnull=False,
                    version__isnull=False,
                    submitted_at__isnull=False,
                    lease_until__isnull=True,
                ),
                name="submitted_slot_has_annotator",
            ),
            models.CheckConstraint(
                condition=~Q(state="withdrawn") | Q(annotator__isnull=True, lease_until__isnull=True),
                name="withdrawn_slot_has_no_annotator",
            ),
            models.CheckConstraint(
                condition=~Q(state="held")
                | Q(annotator__isnull=True, token__isnull=True, lease_until__isnull=True),
                name="held_slot_has_no_annotator",
            ),
            models.CheckConstraint(
                condition=~Q(state="reserved")
                | Q(
                    annotator__isnull=False,
                    reserved_until__isnull=False,
                    token__isnull=True,
                    lease_until__isnull=True,
                ),
                name="reserved_slot_has_annotator_and_end",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "rank"], condition=Q(state="open"), name="slot_open"),
            models.Index(
                fields=["queue", "rank"], condition=Q(state="open", returned=True), name="slot_returned"
            ),
            models.Index(fields=["queue", "lease_until"], condition=Q(state="leased"), name="slot_leased"),
            models.Index(fields=["annotator", "queue"], condition=Q(state="leased"), name="slot_held"),
            models.Index(fields=["annotator", "queue"], condition=Q(state="reserved"), name="slot_reserved"),
            models.Index(
                fields=["queue", "reserved_until"], condition=Q(state="reserved"), name="slot_reserved_due"
            ),
            models.Index(
                fields=["annotator", "-submitted_at"], condition=Q(state="submitted"), name="slot_answered"
            ),
        ]
        triggers = [
            LinksOfSlots(
                *_BY_WHOM,
                SameProject(
                    name="assignment_in_the_queue_of_its_task",
                    columns=("queue_id", "task_id"),
                    table="workforce_task",
                    keys=("queue_id", "id"),
                ),
            ),
            frozen("id", "task_id", "queue_id", "number", "project_id", "asked_after"),
            Guard(
                # No condition of the trigger: that would be read anew by every claim.
                name="given_to_somebody",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("annotator_id", "version_id"),
                func=f"""
                    IF OLD.state = 'submitted' AND (OLD.annotator_id <> NEW.annotator_id OR OLD.version_id <> NEW.version_id) THEN
                        RAISE EXCEPTION 'Cannot update what an answer repeats of its slot';
                    END IF;
                    {"".join(map(_leads_somewhere, _BY_WHOM)).strip()}
                    RETURN NEW;
                """,
            ),
            transitions(
                ("open", "leased"),
                ("leased", "submitted"),
                ("leased", "open"),
                ("open", "withdrawn"),
                ("withdrawn", "open"),
                ("withdrawn", "held"),
                ("open", "held"),
                ("leased", "held"),
                ("held", "open"),
                ("held", "reserved"),
                ("held", "withdrawn"),
                ("open", "reserved"),
                ("reserved", "leased"),
                ("reserved", "open"),
                ("reserved", "held"),
                ("reserved", "withdrawn"),
                kind=Guard,
            ),
            Guard(
                # Whichever way a slot comes back, it waits while somebody's question does. Asked anew, and under the hold's
                # lock: a hold that began or ended since the statement did is seen.
                name="held_task_opens_no_slot",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),
                condition=_COMES_BACK,
                func="""
                    IF OLD.state IN ('leased', 'reserved', 'held') THEN
                        PERFORM FROM workforce_hold h WHERE h.task_id = NEW.task_id AND h.released_at IS NULL FOR SHARE;
                        IF FOUND THEN
                            NEW.state := 'held';
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
            Guard(
                # Its name stands after `state_steps`, and so does its turn: the slot comes back, and is then gone.
                name="unseen_slot_is_for_one",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),
                condition=_COMES_BACK,
                func="""
                    IF OLD.state = 'leased' AND EXISTS (
                        SELECT 1 FROM workforce_task t WHERE t.id = NEW.task_id AND t.purpose <> 'work') THEN
                        NEW.state := 'withdrawn';
                    END IF;
                    RETURN NEW;
                """,
            ),
            Guard(
                # Its name stands after `state_steps` as well: whichever way the slot of a task that is kept for somebody comes
                # back, it is hers again, without an end, and in no lane.
                name="stays_with_whom_it_is_kept_for",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),
                condition=_COMES_BACK,
                declare=[("hers", "bigint")],
                func="""
                    IF OLD.state IN ('leased', 'reserved', 'held') THEN
                        SELECT t.kept_for_id INTO hers FROM workforce_task t WHERE t.id = NEW.task_id;
                        IF hers IS NOT NULL THEN
                            NEW.state := 'reserved';
                            NEW.annotator_id := hers;
                            NEW.reserved_until := statement_timestamp() + interval '100 years';
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
            *never_deleted(),
        ]


class Arrival(BusyProjectRow):
    """Ranks at which open slots came in among others: whoever has passed them looks at them again.

    `xid` is the transaction that put them there. A row is needed for as long as somebody's `seen` is older.
    """

    queue = ProjectLink("workforce.Queue")
    ranks = Ranges()
    xid = models.BigIntegerField(db_default=RawSQL("pg_current_xact_id()::text::bigint", []))
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [*same_project("arrival", queue="workforce_queue")]
        indexes = [models.Index(fields=["queue", "xid"], name="arrival_xid")]


class Lease(BusyProjectRow):
    """The timed right of one annotator to one slot, as it was given: the first row, then one per renewal."""

    assignment = ProjectLink("workforce.Assignment")
    annotator = ProjectLink("workforce.Annotator")
    token = models.UUIDField()
    renewal = models.SmallIntegerField(default=0)
    version = ProjectLink("specs.SpecVersion")
    leased_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField()

    class Meta:
        constraints = [
            *same_project(
                "lease",
                assignment="workforce_assignment",
                annotator="workforce_annotator",
                version="specs_specversion",
            ),
            models.UniqueConstraint(fields=["token", "renewal"], name="lease_once"),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("leased_at")), name="lease_ends_after_it_began"
            ),
        ]
        indexes = [
            models.Index(fields=["assignment"], name="lease_assignment"),
            BrinIndex(
                fields=["leased_at"], name="lease_when"
            ),  # the rows lie in this order: next to free for a claim
        ]
        triggers = append_only()
