"""Reading a queue's tasks with their slots: a bounded page of them, by state and by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from workforce.models import Assignment, Hold, Queue, SlotState, Task, TaskState

FILTERS = {
    "": gettext_lazy("Not ended"),
    "out": gettext_lazy("Out with somebody"),
    "reserved": gettext_lazy("Kept for somebody"),
    "held": gettext_lazy("Waiting for an answer"),
    "returned": gettext_lazy("Came back"),
    "disputed": gettext_lazy("Disputed"),
    "unlabellable": gettext_lazy("Cannot be labelled"),
    "resolved": gettext_lazy("Resolved"),
    "all": gettext_lazy("All"),
}
_SLOTS = {"out": SlotState.LEASED, "reserved": SlotState.RESERVED}


@dataclass(frozen=True)
class Slot:
    """A slot that is out, kept or waiting: with whom, until when."""

    assignment_id: int
    task_id: int
    state: str
    annotator: str
    until: datetime | None


def matching(*, queue: Queue, state: str = "", items: Sequence[str] = ()) -> QuerySet[Task]:
    """The queue's tasks in a state of `FILTERS`, of these items if any are named."""
    rows = Task.objects.filter(queue=queue).select_related("item")
    if items:
        rows = rows.filter(item__key__in=list(items))
    if state == "":
        return rows.filter(state__in=[TaskState.OPEN, TaskState.DISPUTED])
    slots = Assignment.objects.filter(queue=queue)  # few of them, by indexes of their own; tasks are many
    if state == "held":
        return rows.filter(pk__in=Hold.objects.filter(queue=queue, released_at__isnull=True).values("task"))
    if state in _SLOTS:
        return rows.filter(pk__in=slots.filter(state=_SLOTS[state]).values("task"))
    if state == "returned":
        came_back = slots.filter(state=SlotState.OPEN, returned=True, n_returns__gt=0)
        return rows.filter(pk__in=came_back.values("task"), state=TaskState.OPEN)
    return rows.filter(state=state) if state in TaskState.values else rows


def slots_of(task_ids: Sequence[int]) -> dict[int, list[Slot]]:
    """What is out, kept or waiting on these tasks, in two queries."""
    waiting = {
        hold.assignment_id: hold
        for hold in Hold.objects.filter(task__in=task_ids, released_at__isnull=True).select_related(
            "annotator"
        )
    }
    found: dict[int, list[Slot]] = {}
    rows = Assignment.objects.filter(
        Q(state__in=[SlotState.LEASED, SlotState.RESERVED, SlotState.HELD]), task__in=task_ids
    ).select_related("annotator")
    for slot in rows.order_by("task", "number"):
        hold = waiting.get(slot.pk)
        who = hold.annotator if hold else slot.annotator
        until = hold.until if hold else slot.lease_until or slot.reserved_until
        found.setdefault(slot.task_id, []).append(
            Slot(slot.pk, slot.task_id, slot.state, who.pseudonym if who else "", until)
        )
    return found
