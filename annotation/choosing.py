"""Which disputes come to a lead: the list in the order she asks for, and the next one, leased. Read only but for the lease.

Worst first is by `Dispute.place`, then flagged clauses, then age; each order and each way to narrow the list has its index, so
that a page of it costs the same with ten disputes open and with a hundred thousand.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils.http import urlencode

from annotation import adjudicating, shadowing
from annotation.models import Dispute, DisputeState
from specs.models import Clause, Member, Project
from specs.refusals import NotAllowed, Refusal, WrongState
from workforce import leasing, staffing
from workforce.models import Annotator, Assignment, Barred, Enrolment, Queue, SlotState

ORDERS = ("worst", "age")
NAMES = ("order", "queue", "clause", "pair", "alike")


def query(given: Mapping[str, str]) -> str:
    """The part of an address that asks for the same again."""
    return urlencode({name: given[name] for name in NAMES if given.get(name)})


_TRIES = 20
"""Disputes that others took in the moment between looking and leasing, before a lead is told that there is none."""


@dataclass(frozen=True)
class Asked:
    """What a lead wants to see, in which order: of one queue, citing one clause, between two labels, all like one another."""

    order: str = "worst"
    queue: int | None = None
    clause: int | None = None
    pair: str = ""
    likeness: str = ""
    plain: bool = False

    @classmethod
    def of(cls, project: Project, given: Mapping[str, str]) -> Asked:
        """From the words of an address; what does not exist narrows nothing."""
        key = given.get("queue", "")[:64]
        queue = Queue.objects.filter(project=project, key=key).first() if key else None
        key = given.get("clause", "")[:64]
        clause = Clause.objects.filter(project=project, key=key).first() if key else None
        order = given.get("order", "")
        return cls(
            order=order if order in ORDERS else "worst",
            queue=queue.pk if queue else None,
            clause=clause.pk if clause else None,
            pair=given.get("pair", "")[:200],
            likeness=given.get("alike", "")[:64],
        )

    def narrow(self, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
        if self.queue is not None:
            rows = rows.filter(queue=self.queue)
        if self.clause is not None:
            rows = rows.filter(clauses__contains=[self.clause])
        if self.pair:
            rows = rows.filter(pair=self.pair)
        if self.plain:
            rows = rows.filter(independent=False)
        return rows.filter(likeness=self.likeness) if self.likeness else rows

    def sorted(self, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
        return rows.order_by("pk") if self.order == "age" else rows.order_by("place", "unflagged", "pk")

    def key(self, dispute: Dispute) -> tuple[Any, ...]:
        return (dispute.pk,) if self.order == "age" else (dispute.place, dispute.unflagged, dispute.pk)

    def beyond(self, rows: QuerySet[Dispute], last: str) -> QuerySet[Dispute]:
        """The rows after the one that *last* names as `mark` does; all of them where it names none."""
        parts = last.split(",")
        try:
            if self.order == "age":
                return rows.filter(pk__gt=int(parts[-1])) if last else rows
            place, unflagged, pk = float(parts[0]), parts[1] == "1", int(parts[2])
        except (ValueError, IndexError):
            return rows
        d = "annotation_dispute"
        return rows.filter(
            RawSQL(  # noqa: S611 (names of columns only)
                f"({d}.place, {d}.unflagged, {d}.id) > (%s, %s, %s)",
                (place, unflagged, pk),
                output_field=BooleanField(),
            )
        )

    def mark(self, dispute: Dispute) -> str:
        """The dispute's place, as `beyond` reads it in an address."""
        return ",".join(str(int(one)) if isinstance(one, bool) else repr(one) for one in self.key(dispute))


def open_of(*, member: Member, project: Project, asked: Asked, limit: int, after: str = "") -> list[Dispute]:
    """Open disputes in the order asked for, her own gold among them; two bounded reads, each by its own index."""
    rows = Dispute.objects.filter(project=project).select_related("task__item", "task__queue")
    real = shadowing.without_own(member, rows.filter(state=DisputeState.OPEN))
    return _merged(real, rows, member, asked, limit, after)


def _merged(
    real: QuerySet[Dispute],
    rows: QuerySet[Dispute],
    member: Member,
    asked: Asked,
    limit: int,
    after: str = "",
) -> list[Dispute]:
    own = rows.filter(shadowing.hers(member), state=DisputeState.PROBE)
    again = shadowing.visible_to(member, rows.filter(state=DisputeState.SECOND))
    found = [
        one
        for some in (real, own, again)
        for one in asked.sorted(asked.beyond(asked.narrow(some), after))[:limit]
    ]
    return sorted(found, key=asked.key)[:limit]


def pairs(*, project: Project, limit: int) -> list[tuple[str, int]]:
    """The label pairs that most open disputes stand between, with their number."""
    rows = Dispute.objects.filter(project=project, state=DisputeState.OPEN).exclude(pair="")
    return list(rows.order_by().values_list("pair").annotate(n=Count("pk")).order_by("-n", "pair")[:limit])


def n_open(*, member: Member, project: Project, most: int) -> int:
    """How many are open for her, counted up to *most*."""
    rows = shadowing.visible_to(member, Dispute.objects.filter(project=project))
    return rows.filter(state__in=[DisputeState.OPEN, DisputeState.PROBE, DisputeState.SECOND])[:most].count()


def take_next(*, member: Member, project: Project, asked: Asked) -> tuple[Dispute, leasing.Served] | None:
    """Lease the first dispute in the order that is free and hers to decide; None when there is none.

    What others take meanwhile is passed by, and so is a queue whose disputes she may not decide. Raises `TooManyLeases`.
    """
    annotator = staffing.annotator_for(member=member)
    taken: set[int] = set()
    closed: set[int] = set()
    for _attempt in range(_TRIES):
        found = _first(member, annotator, project, asked, taken, closed)
        if found is None or found.work_id is None:
            return None
        queue_id = found.work_queue  # type: ignore[attr-defined]  # annotated
        try:
            _enrol(queue_id, annotator, member)
            served = adjudicating.lease(dispute=found, queue_id=queue_id, annotator=annotator, by=member)
            return found, served
        except leasing.TooManyLeases:
            raise
        except Refusal as refusal:
            if type(refusal) in (WrongState, NotAllowed):
                taken.add(found.pk)
            else:
                closed.add(queue_id)
    return None


def _enrol(queue_id: int, annotator: Annotator, member: Member) -> None:
    if not Enrolment.objects.filter(queue=queue_id, annotator=annotator, active=True).exists():
        staffing.enrol(queue=Queue.objects.get(pk=queue_id), annotator=annotator, by=member)


def _first(
    member: Member, annotator: Annotator, project: Project, asked: Asked, taken: set[int], closed: set[int]
) -> Dispute | None:
    hers = Q(state=SlotState.RESERVED, annotator=annotator, reserved_until__gt=Now())
    free = Assignment.objects.filter(Q(state=SlotState.OPEN) | hers, task=OuterRef("work"))
    barred = Barred.objects.filter(task=OuterRef("work"), annotator=annotator)
    rows = (
        Dispute.objects.filter(project=project)
        .exclude(pk__in=taken)
        .exclude(work__queue__in=closed)
        .annotate(work_queue=F("work__queue"))
        .only("project", "task", "work", "state", "place", "unflagged", "independent")
    )
    hers_to_take = rows.filter(Exists(free), ~Exists(barred), state=DisputeState.OPEN)
    found = _merged(hers_to_take, rows, member, asked, 1 + 2 * len(taken))
    return random.choice(found) if found else None  # noqa: S311 (who meets others parts from them)
