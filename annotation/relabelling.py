"""From a published change of meaning to the tasks it touches: listed, priced, asked again as a person decides.

    (nothing) -> proposed plan, with the affected tasks listed: propose
    proposed -> confirmed, the chosen tasks asked again, the rest carried: confirm, where nobody samples
    proposed -> sampling, the chosen tasks and a blind sample of the others asked again: confirm
    (sampling -> confirmed: `carrying`)

What is affected, and how, is `affected`'s to say. One affected counted answer re-asks the whole task. Nothing is overwritten: the
new answers are answers to a new task, whose annotators see the item and the new words, never the old answer. What is touched for
certain is asked as its queue asks; what a lead decided, and all else, begins with one answer, and more are asked for only where
that is not the old label (`carrying`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation import affected, carrying, mapping, picking, reasking, trailing
from annotation.models import (
    Choice,
    PlanState,
    Reach,
    RelabelPlan,
    RelabelTask,
)
from specs import ledger
from specs.models import Member, SpecVersion
from specs.refusals import Invalid, WrongState
from workforce.models import Purpose, Queue


def propose(*, queue: Queue, to_version: SpecVersion, by: Member | None) -> RelabelPlan:
    """List what publishing *to_version* touches in a queue: changed clauses, affected tasks and how they are reached.

    The change is taken against the newest published version of the meaning before. Harmless to repeat: the plan of a queue
    and version is made once. Raises `Invalid` when the meaning did not change.
    """
    before = (
        SpecVersion.objects.published()
        .filter(spec_id=to_version.spec_id, meaning__lt=to_version.meaning or 0)
        .newest_first()
        .first()
    )
    if before is None:
        raise Invalid(_("The meaning did not change: no label has to be asked again."))
    with transaction.atomic():
        Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        known = RelabelPlan.objects.filter(queue=queue, to_version=to_version).first()
        if known is not None:
            return known
        plan = RelabelPlan.objects.create(
            project_id=queue.project_id, queue=queue, from_version=before, to_version=to_version
        )
        _list(plan)
        ledger.record(
            project_id=queue.project_id,
            kind="relabelling.proposed",
            by=by,
            subject=("plan", plan.pk),
            data={
                "queue": queue.pk,
                "direct": plan.n_direct,
                "likely": plan.n_likely,
                "possible": plan.n_possible,
                "clauses": plan.changed,
            },
        )
    return plan


def _list(plan: RelabelPlan) -> None:
    """List the affected tasks of a plan that nobody has decided on yet; those that ended since the last time come to it."""
    found = trailing.with_owed(
        plan, affected.find(queue=plan.queue, before=plan.from_version, after=plan.to_version)
    )
    RelabelTask.objects.filter(plan=plan).delete()
    RelabelTask.objects.bulk_create(
        [
            RelabelTask(project_id=plan.project_id, plan=plan, task_id=task, reach=reach, clause_id=clause)
            for reach, tasks in (
                (Reach.DIRECT, found.direct),
                (Reach.LIKELY, found.likely),
                (Reach.POSSIBLE, found.possible),
            )
            for task, clause in tasks.items()
        ],
        batch_size=5000,
    )
    plan.changed, plan.n_tasks = found.changed, found.n_ended
    plan.n_direct, plan.n_likely, plan.n_possible = len(found.direct), len(found.likely), len(found.possible)
    plan.save(update_fields=["changed", "n_tasks", "n_direct", "n_likely", "n_possible"])


def propose_all(*, version: SpecVersion, by: Member | None) -> list[RelabelPlan]:
    """A plan for every labelling queue of the spec that has resolved tasks of the meaning before."""
    if (version.meaning or 0) < 2 or version.minor or version.patch:
        return []
    found = Queue.objects.filter(
        spec_id=version.spec_id, purpose__in=[Purpose.LABELLING, Purpose.RELABELLING]
    )
    return [propose(queue=queue, to_version=version, by=by) for queue in found.order_by("pk")]


def confirm(
    *,
    plan: RelabelPlan,
    choice: str = Choice.TOUCHED,
    tolerated: float | None,
    reason: str,
    labels: mapping.Targets | None = None,
    left_empty: Sequence[str] = (),
    by: Member | None,
) -> RelabelPlan:
    """Ask the chosen tasks again under the new meaning; the others are carried with the reason.

    With *tolerated*, a share, they are carried only once a blind sample has shown that at most so many of them can have flipped
    unseen (`carrying`); without it they are carried now, and nobody knows. *labels* says what becomes of labels that the new
    version has no longer (`mapping`); what goes to no one label is asked again whatever the choice, and so is what says nothing
    on a question that the version adds, but for the questions *left_empty*. The relabelling queue is made with the first of them,
    with the annotators of the queue they come from. Raises `Invalid` without a reason or for a mapping that does not fit,
    `WrongState` twice.
    """
    reason = reason.strip()[: settings.MAX_NOTE_CHARACTERS]
    if not reason:
        raise Invalid(_("Say why the other labels stay valid."))
    if choice not in Choice.values:
        raise Invalid(_("The choice is one of %(known)s.") % {"known": ", ".join(Choice.values)})
    if tolerated is not None and not 0 < tolerated < 1:
        raise Invalid(_("The share of flips that is tolerated lies between 0 and 1."))
    with transaction.atomic():
        locked = carrying.lock(plan)
        if locked.state != PlanState.PROPOSED:
            raise WrongState(_("This plan is confirmed already."))
        _list(locked)
        locked.mapping = mapping.checked(locked, labels)
        locked.left_empty = mapping.left_empty(locked, left_empty)
        locked.choice, locked.reason, locked.tolerated = choice, reason, tolerated
        locked.begun_at, locked.begun_by = Now(), by
        locked.save(
            update_fields=["mapping", "left_empty", "choice", "reason", "tolerated", "begun_at", "begun_by"]
        )
        rows = picking.chosen(locked, choice)
        whole = set(picking.asked_whole(rows).values_list("pk", flat=True))
        whole |= set(picking.unanswered(locked).values_list("pk", flat=True))
        reasking.ask(locked, whole, overlap=None, by=by)
        again = set(rows.values_list("pk", flat=True))
        again |= set(picking.unmapped(locked).values_list("pk", flat=True))
        reasking.ask(locked, again - whole, overlap=reasking.FIRST, by=by)
        if tolerated is None:
            carrying.carry(locked, by=by)
        else:
            carrying.begin(locked, by=by)
        locked.refresh_from_db()
    return locked


def by_clause(plan: RelabelPlan) -> list[dict[str, Any]]:
    """How many tasks each changed clause reaches, and how: for the page where a person confirms."""
    rows = RelabelTask.objects.filter(plan=plan).values("clause__key", "reach").annotate(n=Count("pk"))
    found = [{**row, "title": Reach(row["reach"]).label} for row in rows if row["reach"] != Reach.REST]
    return sorted(found, key=lambda row: (-row["n"], str(row["clause__key"]), row["reach"]))


@dataclass(frozen=True)
class Asked:
    """What became of the tasks that a plan asked again."""

    n: int
    n_ended: int
    n_flipped: int

    @property
    def n_open(self) -> int:
        return self.n - self.n_ended


def asked(plan: RelabelPlan) -> Asked:
    """How far the tasks that are asked again have come, and how many labels are others now."""
    rows = RelabelTask.objects.filter(plan=plan, again__isnull=False)
    found = rows.aggregate(
        n=Count("pk"), n_ended=Count("pk", Q(flipped__isnull=False)), n_flipped=Count("pk", Q(flipped=True))
    )
    return Asked(**found)
