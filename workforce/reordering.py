"""Open slots get another place, because the queue's order or a task's priority changed.

    open -> open at another rank: reorder, prioritise

In pieces of one transaction each where there are many, so that it can be killed anywhere and run again. Whoever passed the new
places looks there again with her next claim: what is moved is obeyed at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import ledger, running
from specs.models import Job, JobState, Member
from specs.refusals import Invalid
from workforce import ordering
from workforce.models import Queue, Task, TaskState

JOB = "workforce.reorder_queue"
MAX_PRIORITY = 1000
_OPEN = "t.queue_id = %(queue)s AND t.state IN ('open', 'disputed') AND t.state = 'open'"  # the first part is the index's
_BY_FIELD = """ AND EXISTS (
    SELECT FROM workforce_item i WHERE i.id = t.item_id AND i.payload ->> %(field)s = %(value)s
       AND jsonb_typeof(i.payload -> %(field)s) IN ('string', 'number', 'boolean'))"""
_NAMED = " AND t.id = ANY(%(tasks)s)"
_NEXT = (
    "SELECT t.id, t.rank FROM workforce_task t WHERE "
    + _OPEN
    + "{scope} AND (t.rank, t.id) > (%(rank)s, %(id)s) ORDER BY t.rank, t.id LIMIT %(limit)s FOR NO KEY UPDATE"
)
_PLACE = (
    """
    WITH slots AS (
        UPDATE workforce_assignment s SET rank = """
    + ordering.rank(number="s.number", begun="(s.returned OR t.n_answers > 0)", came_back="t.rank")
    + """
        FROM workforce_task t, workforce_queue q
        WHERE t.id = ANY(%(chosen)s) AND s.task_id = t.id AND s.state = 'open' AND q.id = t.queue_id
        RETURNING s.project_id, s.queue_id, s.rank, s.state
    ), """
    + ordering.arrived("slots")
    + " SELECT count(*) FROM slots"
)


@dataclass(frozen=True)
class Done:
    """How many tasks have another place now; None while the *job* is at it."""

    n_tasks: int | None
    job: Job | None = None


def reorder(*, queue: Queue, by: Member | None) -> Done:
    """Put everything open where the queue's order has it, at once or in a job. Call it inside the transaction of the change."""
    return _do_or_start(queue, {"queue": queue.pk}, by)


def prioritise(
    *,
    queue: Queue,
    priority: int,
    tasks: Sequence[int] = (),
    field: str = "",
    value: str = "",
    by: Member,
) -> Done:
    """Give open tasks a priority (0 to 1000, higher ones first): those that are named, or all whose item's *field* is *value*.

    Raises `Invalid` for another number, and where tasks and a field are named, or neither.
    """
    field = field.strip()
    if not 0 <= priority <= MAX_PRIORITY:
        raise Invalid(
            _("A priority lies between 0 and %(max_priority)s.") % {"max_priority": MAX_PRIORITY},
            problems=[
                {
                    "where": "priority",
                    "message": _("lies between 0 and %(max_priority)s") % {"max_priority": MAX_PRIORITY},
                }
            ],
        )
    if bool(tasks) == bool(field):
        raise Invalid(_("Name tasks, or a field and its value."))
    if len(tasks) > settings.MAX_ASSIGNED_AT_ONCE:
        raise Invalid(
            _("Name at most %(max_assigned_at_once)s tasks at once, or a field.")
            % {"max_assigned_at_once": settings.MAX_ASSIGNED_AT_ONCE}
        )
    asked: dict[str, Any] = {"queue": queue.pk, "priority": priority}
    asked |= {"tasks": sorted(set(tasks))} if tasks else {"field": field, "value": value}
    with transaction.atomic():
        done = _do_or_start(queue, asked, by)
        ledger.record(
            project_id=queue.project_id,
            kind="tasks.prioritised",
            by=by,
            subject=("queue", queue.pk),
            data={
                **asked,
                "tasks": list(tasks),
                "moved": done.n_tasks,
                "job": done.job.pk if done.job else None,
            },
        )
    return done


def place(*, tasks: Sequence[int]) -> None:
    """Put the open slots of *tasks* where their queues' order has them now. Call it under the locks of the tasks."""
    if tasks:
        with connection.cursor() as cursor:
            cursor.execute(_PLACE, {"chosen": list(tasks)})


def waiting(*, queue: Queue) -> bool:
    """Whether a job is at it, or waits to be."""
    unfinished = Job.objects.filter(kind=JOB, state__in=[JobState.QUEUED, JobState.RUNNING])
    return unfinished.filter(project_id=queue.project_id, arguments__queue=queue.pk).exists()


def run(*, asked: dict[str, Any], progress: running.Progress) -> int:
    """What a job was started for; returns how many tasks have another place. Doing it again changes nothing more."""
    n_done = 0
    for n in _pieces(asked):
        n_done += n
        progress(n_done)
    return n_done


_FORGET = """
    WITH gone AS (
        DELETE FROM workforce_arrival WHERE at < statement_timestamp() - %(kept)s RETURNING queue_id, xid
    ), since AS (
        SELECT queue_id, max(xid) AS xid FROM gone GROUP BY 1
    )
    UPDATE workforce_enrolment e SET passed = '{}' FROM since s WHERE e.queue_id = s.queue_id AND e.seen <= s.xid
"""


def forget() -> None:
    """Drop old arrivals; who has not claimed since looks from the start with her next claim. Harmless to repeat."""
    known: dict[str, Any] = {"kept": settings.ARRIVALS_KEPT_FOR}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, known)


def _do_or_start(queue: Queue, asked: dict[str, Any], by: Member | None) -> Done:
    if "tasks" not in asked:
        some = Task.objects.filter(queue=queue, state=TaskState.OPEN)[: settings.REORDERED_AT_ONCE + 1]
        if some.count() > settings.REORDERED_AT_ONCE:
            return Done(None, running.start(project=queue.project, kind=JOB, arguments=asked, by=by))
    return Done(sum(_pieces(asked)))


def _pieces(asked: dict[str, Any]) -> Iterator[int]:
    """Go through the open tasks that are meant, a transaction for each piece; yields how many of it were moved."""
    known = {"limit": settings.REORDER_CHUNK, "rank": -1, "id": -1, **asked}
    query = _NEXT.format(scope=_NAMED if "tasks" in asked else _BY_FIELD if "field" in asked else "")
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(query, known)
            rows = cursor.fetchall()
            if not rows:
                return
            known["id"], known["rank"] = rows[-1]
            chosen = [row[0] for row in rows]
            if "priority" in asked:
                cursor.execute(
                    "UPDATE workforce_task SET priority = %s WHERE id = ANY(%s) AND priority <> %s RETURNING id",
                    [asked["priority"], chosen, asked["priority"]],
                )
                chosen = [row[0] for row in cursor.fetchall()]
            place(tasks=chosen)
        yield len(chosen)
