"""What ends under the old meaning after a plan was begun: it was in work when the labels were carried.

    ended under the old meaning, in no row of the plan -> listed, and asked again or carried: look, follow

It is reached as others are (`affected`). No sample put a bound on it, so where the plan has one all that may be affected is asked
again; else what the plan's choice asks. Where a newer plan of the queue is under way nothing is asked under this one: the newer
one owes it what this one would have asked (`with_owed`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.conf import settings
from django.db import connection
from django.db.models import Q

from annotation import affected, picking, reasking
from annotation.models import (
    Carry,
    LateCarry,
    PlanState,
    Reach,
    RelabelPlan,
    RelabelTask,
)
from specs import ledger
from specs.models import Member

_LATE = f"""
    WITH RECURSIVE {affected.VALID}
    SELECT t.id FROM valid t JOIN annotation_relabelplan p ON p.id = %(plan)s
    WHERE t.settled_at > p.begun_at AND NOT EXISTS (
        SELECT FROM annotation_relabeltask r WHERE r.plan_id = p.id AND r.task_id = t.id)
    ORDER BY t.id
"""
_STANDING = f"WITH RECURSIVE {affected.VALID} SELECT id FROM valid WHERE id = ANY(%(tasks)s)"
# Two reads, each by its own index of what was settled last.
_WAITING = """
    SELECT p.id FROM annotation_relabelplan p JOIN specs_specversion v ON v.id = p.from_version_id
    WHERE p.state = 'confirmed' AND p.begun_at IS NOT NULL AND (
        EXISTS (SELECT FROM workforce_task t WHERE t.queue_id = p.queue_id AND t.state = 'resolved'
                AND t.settled_at > coalesce(p.followed_at, p.begun_at) AND t.meaning <= v.meaning AND NOT EXISTS (
                    SELECT FROM annotation_relabeltask r WHERE r.plan_id = p.id AND r.task_id = t.id))
        OR EXISTS (SELECT FROM workforce_task t WHERE t.queue_id = p.queue_id AND t.state = 'unlabellable'
                AND t.settled_at > coalesce(p.followed_at, p.begun_at) AND t.meaning <= v.meaning AND NOT EXISTS (
                    SELECT FROM annotation_relabeltask r WHERE r.plan_id = p.id AND r.task_id = t.id)))
    ORDER BY v.meaning, p.id
"""
# So that what is read stays short; settled by a transaction that took longer than the margin is not seen.
_PASSED = """
    UPDATE annotation_relabelplan SET followed_at = now() - make_interval(mins => %(margin)s)
    WHERE state = 'confirmed' AND begun_at IS NOT NULL
      AND coalesce(followed_at, begun_at) < now() - 2 * make_interval(mins => %(margin)s)
"""


def look(plan: RelabelPlan, *, by: Member | None) -> tuple[list[int], list[int]]:
    """List what ended since the plan was begun; returns the tasks asked again and the others. Call it under the plan's lock."""
    tasks = _ids(_LATE, plan)
    if not tasks:
        return [], []
    found = affected.find(queue=plan.queue, before=plan.from_version, after=plan.to_version)
    reached = _reached(with_owed(plan, found))
    RelabelTask.objects.bulk_create(
        [
            RelabelTask(
                project_id=plan.project_id,
                plan=plan,
                task_id=task,
                reach=reached.get(task, (Reach.REST, None))[0],
                clause_id=reached.get(task, (Reach.REST, None))[1],
                late=True,
            )
            for task in tasks
        ],
        batch_size=5000,
    )
    asked = set() if _overtaken(plan) else _ask(plan, set(tasks), by)
    return [task for task in tasks if task in asked], [task for task in tasks if task not in asked]


def _ask(plan: RelabelPlan, tasks: set[int], by: Member | None) -> set[int]:
    own = Q(task__in=tasks)
    rows = picking.chosen(plan, plan.choice).filter(own)
    if plan.tolerated is not None:
        rows = RelabelTask.objects.filter(own, plan=plan).exclude(reach=Reach.REST)
    whole = dict(picking.asked_whole(rows).values_list("pk", "task"))
    whole |= dict(picking.unanswered(plan).filter(own).values_list("pk", "task"))
    again = dict(rows.values_list("pk", "task"))
    again |= dict(picking.unmapped(plan).filter(own).values_list("pk", "task"))
    reasking.ask(plan, whole, overlap=None, by=by)
    reasking.ask(plan, set(again) - set(whole), overlap=reasking.FIRST, by=by)
    return {*whole.values(), *again.values()}


def follow(plan: RelabelPlan, *, by: Member | None) -> LateCarry | None:
    """What ended after the carry is asked again, or carried on a record of its own. Call it under the plan's lock."""
    carry = Carry.objects.filter(plan=plan).first()
    if carry is None or plan.state != PlanState.CONFIRMED:
        return None
    asked, carried = look(plan, by=by)
    if not asked and not carried:
        return None
    event = ledger.record(
        project_id=plan.project_id,
        kind="relabelling.followed",
        by=by,
        subject=("plan", plan.pk),
        data={"asked": len(asked), "carried": len(carried)},
    )
    return LateCarry.objects.create(
        project_id=plan.project_id, carry=carry, asked=asked, carried=carried, event_id=event
    )


def waiting() -> list[int]:
    """The plans under whose old meaning something ended since they were looked at, the oldest meaning first."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        found = [plan for (plan,) in cursor.fetchall()]
        cursor.execute(_PASSED, {"margin": settings.RELABEL_FOLLOWED_MINUTES})
    return found


def with_owed(plan: RelabelPlan, found: affected.Affected) -> affected.Affected:
    """*found* with what ended late under an older plan of the queue that could not ask it any more, and still stands."""
    rows = RelabelTask.objects.filter(
        plan__queue=plan.queue,
        plan__to_version__meaning__lte=plan.from_version.meaning,
        late=True,
        again=None,
    ).exclude(reach=Reach.REST)
    owed = {task: (reach, clause) for task, reach, clause in rows.values_list("task", "reach", "clause")}
    if not owed:
        return found
    direct, likely, possible = dict(found.direct), dict(found.likely), dict(found.possible)
    for task in _ids(_STANDING, plan, tasks=list(owed)):
        reach, clause = owed[task]
        if reach == Reach.DIRECT and task not in direct:
            direct[task] = clause
            likely.pop(task, None)
            possible.pop(task, None)
        elif reach == Reach.LIKELY and task not in direct and task not in likely:
            likely[task] = clause
            possible.pop(task, None)
        elif task not in direct and task not in likely:
            possible.setdefault(task, clause)
    return replace(found, direct=direct, likely=likely, possible=possible)


def _reached(found: affected.Affected) -> dict[int, tuple[Reach, int | None]]:
    reached: dict[int, tuple[Reach, int | None]] = {}
    for reach, tasks in (
        (Reach.DIRECT, found.direct),
        (Reach.LIKELY, found.likely),
        (Reach.POSSIBLE, found.possible),
    ):
        reached |= {task: (reach, clause) for task, clause in tasks.items() if task not in reached}
    return reached


def _overtaken(plan: RelabelPlan) -> bool:
    newer = RelabelPlan.objects.filter(queue=plan.queue, to_version__meaning__gt=plan.to_version.meaning or 0)
    return newer.exclude(state=PlanState.PROPOSED).exists()


def _ids(query: str, plan: RelabelPlan, tasks: Iterable[int] = ()) -> list[int]:
    known = {
        "plan": plan.pk,
        "queue": plan.queue_id,
        "meaning": plan.from_version.meaning,
        "tasks": list(tasks),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, known)
        return [task for (task,) in cursor.fetchall()]
