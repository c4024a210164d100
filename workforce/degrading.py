"""Declared degradation: doing less on purpose while a queue is behind, on record, and undone by itself.

    (nothing) -> in use: begin
    in use -> ended: end, end_over

Four measures. *priority*: the queue stands first in everybody's inbox, and whoever claims without naming a queue gets its work
before any other's. *overlap*: tasks made from now on, and those nobody has
begun, want fewer answers; those that are not settled by its end want the rest again. *pool*: more people are enrolled.
*intake*: nothing new comes in. Each takes back when it ends what it changed and nothing else: a setting that somebody changed
meanwhile stays as he left it, and nothing answered is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid, Refusal, WrongState
from workforce import leasing, overlapping, staffing
from workforce.models import Annotator, Degradation, Enrolment, Measure, OverlapPolicy, Queue, QueueState

TITLES = dict(Measure.choices)
FIRST = 10
"""The priority of a queue whose work comes first; it is 0 otherwise."""


class IntakePaused(Refusal):
    code = "intake-paused"
    status = 409


def begin(
    *,
    queue: Queue,
    measure: str,
    lasting: timedelta,
    reason: str,
    overlap: int | None = None,
    cohort: str = "",
    by: Member,
) -> Degradation:
    """Put a measure into use for a time of at most `MAX_DEGRADATION`. Raises `Invalid` without a reason, `WrongState` twice."""
    if measure not in Measure.values:
        raise Invalid(_("A measure is one of %(values)s.") % {"values": ", ".join(Measure.values)})
    problems = []
    if not reason.strip():
        problems.append(
            {"where": "reason", "message": _("is needed: it stands beside every answer given meanwhile")}
        )
    if not timedelta(0) < lasting <= settings.MAX_DEGRADATION:
        problems.append(
            {
                "where": "hours",
                "message": _("is more than nothing and at most %(max_degradation)s")
                % {"max_degradation": settings.MAX_DEGRADATION},
            }
        )
    if problems:
        raise Invalid(_("This cannot be put into use."), problems=problems)
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        if locked.state == QueueState.CLOSED:
            raise WrongState(_("The queue is closed."))
        if Degradation.objects.filter(queue=locked, measure=measure, ended_at__isnull=True).exists():
            raise WrongState(_("“%(titles)s” is in use here already.") % {"titles": TITLES[measure]})
        before, after = _APPLY[measure](locked, by, overlap=overlap, cohort=cohort)
        now = leasing.database_now()
        made = Degradation.objects.create(
            project_id=locked.project_id,
            queue=locked,
            measure=measure,
            reason=reason.strip()[: settings.MAX_NOTE_CHARACTERS],
            before=before,
            after=after,
            began_by=by,
            began_at=now,
            until=now + lasting,
        )
        ledger.record(
            project_id=locked.project_id,
            kind="queue.degraded",
            by=by,
            subject=("queue", locked.pk),
            data={
                "degradation": made.pk,
                "measure": measure,
                "until": made.until.isoformat(),
                **_plain(after),
            },
        )
    return made


def end(*, degradation: Degradation, by: Member | None) -> Degradation:
    """Take a measure out of use and restore what was. Raises `WrongState` when it has ended."""
    with transaction.atomic():
        queue = Queue.objects.select_for_update(no_key=True).get(pk=degradation.queue_id)
        locked = Degradation.objects.select_for_update(no_key=True).get(pk=degradation.pk)
        if locked.ended_at is not None:
            raise WrongState(_("This has ended already."))
        _RESTORE[locked.measure](queue, locked, by)
        Degradation.objects.filter(pk=locked.pk).update(ended_at=Now(), ended_by=by)
        ledger.record(
            project_id=queue.project_id,
            kind="queue.restored",
            by=by,
            subject=("queue", queue.pk),
            data={"degradation": locked.pk, "measure": locked.measure},
        )
        locked.refresh_from_db()
    return locked


def end_over() -> int:
    """End what is over by the database's clock; returns how many. Harmless to repeat."""
    ended = 0
    for degradation in Degradation.objects.filter(ended_at__isnull=True, until__lte=Now()).order_by("pk"):
        try:
            end(degradation=degradation, by=None)
        except WrongState:  # somebody was quicker
            continue
        ended += 1
    return ended


def in_use(queues: Iterable[Queue]) -> dict[int, list[Degradation]]:
    """What is in use, by queue."""
    found: dict[int, list[Degradation]] = {}
    rows = Degradation.objects.filter(queue__in=list(queues), ended_at__isnull=True).select_related(
        "began_by__user"
    )
    for row in rows.order_by("pk"):
        found.setdefault(row.queue_id, []).append(row)
    return found


def during(*, queue_id: int, at: Any) -> QuerySet[Degradation]:
    """What an answer of that moment was given under: the stamp of the answer, for pages and exports."""
    return Degradation.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=at), queue_id=queue_id, began_at__lte=at
    )


def require_intake(queue: Queue) -> None:
    """Raises `IntakePaused` where nothing new may come in."""
    if not Queue.objects.values_list("takes_items", flat=True).get(pk=queue.pk):
        raise IntakePaused(
            _("Nothing new comes into this queue for now; its operations page says why and until when.")
        )


Applied = tuple[dict[str, Any], dict[str, Any]]


def _priority(queue: Queue, by: Member, **_unused: Any) -> Applied:
    before, queue.priority = queue.priority, FIRST
    queue.save(update_fields=["priority"])
    return {"priority": before}, {"priority": FIRST}


def _unpriority(queue: Queue, made: Degradation, by: Member | None) -> None:
    if queue.priority == made.after["priority"]:
        queue.priority = made.before["priority"]
        queue.save(update_fields=["priority"])


def _intake(queue: Queue, by: Member, **_unused: Any) -> Applied:
    queue.takes_items = False
    queue.save(update_fields=["takes_items"])
    return {"takes_items": True}, {"takes_items": False}


def _unintake(queue: Queue, made: Degradation, by: Member | None) -> None:
    queue.takes_items = True
    queue.save(update_fields=["takes_items"])


def _overlap(queue: Queue, by: Member, *, overlap: int | None = None, **_unused: Any) -> Applied:
    if queue.overlap_policy != OverlapPolicy.FIXED:
        raise Invalid(
            _("This cannot be put into use."),
            problems=[
                {
                    "where": "overlap",
                    "message": _("is lowered only where all tasks of a queue want the same number"),
                }
            ],
        )
    if overlap is None or not 1 <= overlap < queue.overlap:
        raise Invalid(
            _("This cannot be put into use."),
            problems=[
                {
                    "where": "overlap",
                    "message": _("lies between 1 and %(overlap)s") % {"overlap": queue.overlap - 1},
                }
            ],
        )
    before, queue.overlap = queue.overlap, overlap
    queue.save(update_fields=["overlap"])
    lowered = _change_tasks(queue, by, only=overlapping.UNTOUCHED, overlap=before)
    return {"overlap": before}, {"overlap": overlap, "n_tasks": lowered}


def _unoverlap(queue: Queue, made: Degradation, by: Member | None) -> None:
    before, after = made.before["overlap"], made.after["overlap"]
    if queue.overlap == after:
        queue.overlap = before
        queue.save(update_fields=["overlap"])
        _change_tasks(queue, by, only=overlapping.LOWERED, overlap=after, since=made.began_at)


def _change_tasks(queue: Queue, by: Member | None, **scope: Any) -> int:
    """Give tasks the queue's number as it is now, by the road of any change of overlap: in pieces, an event each."""
    n_tasks, last = 0, None
    while True:
        done = overlapping.change(queue=queue, after=last, limit=settings.OVERLAP_CHUNK, **scope)
        if done.last is None:
            return n_tasks
        last = done.last
        n_tasks += done.n_tasks
        ledger.record(
            project_id=queue.project_id,
            kind="tasks.overlap-changed",
            by=by,
            subject=("queue", queue.pk),
            data={
                "overlap": queue.overlap,
                "policy": queue.overlap_policy,
                "measure": Measure.OVERLAP.value,
                **done.counts(),
            },
        )


def _pool(queue: Queue, by: Member, *, cohort: str = "", **_unused: Any) -> Applied:
    people = Annotator.objects.filter(project_id=queue.project_id, kind="person", state="active").exclude(
        enrolments__in=Enrolment.objects.filter(queue=queue, active=True)
    )
    if cohort:
        people = people.filter(cohorts__cohort__key=cohort, cohorts__until__isnull=True)
    joined = list(people.distinct().order_by("pk")[: settings.MAX_WIDENED])
    if not joined:
        raise Invalid(_("There is nobody else who could be enrolled."))
    for annotator in joined:
        staffing.enrol(queue=queue, annotator=annotator, by=by)
    return {}, {"annotators": [annotator.pk for annotator in joined], "n_people": len(joined)}


def _unpool(queue: Queue, made: Degradation, by: Member | None) -> None:
    for annotator in Annotator.objects.filter(pk__in=made.after["annotators"]).order_by("pk"):
        if Enrolment.objects.filter(queue=queue, annotator=annotator, active=True).exists():
            staffing.dismiss(queue=queue, annotator=annotator, by=by)


def _plain(after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if name != "annotators"}


_APPLY: dict[str, Callable[..., Applied]] = {
    Measure.PRIORITY: _priority,
    Measure.OVERLAP: _overlap,
    Measure.POOL: _pool,
    Measure.INTAKE: _intake,
}
_RESTORE: dict[str, Callable[[Queue, Degradation, Member | None], None]] = {
    Measure.PRIORITY: _unpriority,
    Measure.OVERLAP: _unoverlap,
    Measure.POOL: _unpool,
    Measure.INTAKE: _unintake,
}
