"""Which tasks of a relabelling plan a choice asks again, and with how many answers at first. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from annotation import mapping
from annotation.models import Basis, Choice, Dispute, Reach, RelabelPlan, RelabelTask, Resolution


def chosen(plan: RelabelPlan, choice: str) -> QuerySet[RelabelTask]:
    """The affected tasks that a choice asks again for certain."""
    rows = RelabelTask.objects.filter(plan=plan).exclude(reach=Reach.REST)
    if choice == Choice.TOUCHED:
        return rows.filter(reach__in=[Reach.DIRECT, Reach.LIKELY])
    if choice == Choice.DISPUTED:
        return rows.filter(
            Exists(Dispute.objects.filter(task=OuterRef("task"), state__in=["open", "decided"]))
        )
    return rows


def asked_whole(rows: QuerySet[RelabelTask]) -> QuerySet[RelabelTask]:
    """Those of the chosen rows that are asked for as many answers as their queue asks for: known to be touched, and not decided
    by a lead, whose ruling one more answer confirms."""
    ruled = Resolution.objects.current().filter(task=OuterRef("task"), basis=Basis.RULING)
    return rows.filter(~Exists(ruled), reach=Reach.DIRECT)


def unmapped(plan: RelabelPlan) -> QuerySet[RelabelTask]:
    """The rows of tasks whose label the mapping does not carry; those that nothing else touches get a row."""
    return _rows(plan, mapping.asked(plan, plan.mapping))


def unanswered(plan: RelabelPlan) -> QuerySet[RelabelTask]:
    """The rows of tasks whose label says nothing on a question that is new, but for those that are left empty on purpose."""
    asked = [one["key"] for one in mapping.added(plan) if one["key"] not in plan.left_empty]
    return _rows(plan, mapping.unanswered(plan, asked))


def _rows(plan: RelabelPlan, tasks: Iterable[int]) -> QuerySet[RelabelTask]:
    wanted = list(tasks)
    listed = set(RelabelTask.objects.filter(plan=plan, task__in=wanted).values_list("task", flat=True))
    RelabelTask.objects.bulk_create(
        [
            RelabelTask(project_id=plan.project_id, plan=plan, task_id=task, reach=Reach.DIRECT)
            for task in wanted
            if task not in listed
        ],
        batch_size=5000,
    )
    return RelabelTask.objects.filter(plan=plan, task__in=wanted)
