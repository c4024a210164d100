"""A queue's number of answers applied to its tasks under way.

    open -> open with more or fewer slots, or judged at once when it has the answers it wants by now: change

In pieces of one transaction each, with an event that names who asked for it and what it did, so that it can be killed anywhere
and run again: what is done is not done twice. No settled task is touched, no answer and no lease is lost.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from annotation import jobs, settling
from specs import ledger, running
from specs.models import Job, Member
from workforce import overlapping
from workforce.models import Queue, Task, TaskState


def start(*, queue: Queue, by: Member) -> Job:
    """Apply the settings in force to the tasks under way, in a job."""
    return running.start(
        project=queue.project, kind=jobs.CHANGE_OVERLAP, arguments={"queue": queue.pk}, by=by
    )


def change(*, queue: Queue, by: Member | None, progress: running.Progress | None = None) -> dict[str, int]:
    """Go through the queue's open tasks whose overlap is not what the queue says now; returns what was done, by count."""
    total: dict[str, int] = {}
    last: tuple[int, int] | None = None
    n_total = overlapping.preview(queue=queue).n_tasks if progress is not None else None
    while True:
        with transaction.atomic():
            # waits for a change of the settings, so that no piece is done by half of them
            locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
            done = overlapping.change(queue=locked, after=last, limit=settings.OVERLAP_CHUNK)
            if done.last is None:
                break
            last = done.last
            ledger.record(
                project_id=queue.project_id,
                kind="tasks.overlap-changed",
                by=by,
                subject=("queue", queue.pk),
                data={"overlap": locked.overlap, "policy": locked.overlap_policy, **done.counts()},
            )
            _judge(done.complete)  # after the event that is their reason
        for name, n in done.counts().items():
            total[name] = total.get(name, 0) + n
        if progress is not None:
            progress(total["tasks"], n_total, "changing overlap")
    return total


def _judge(tasks: list[int]) -> None:
    """Tasks that have the answers they want by now end like any other whose last answer came in. They are locked already."""
    if not tasks:
        return
    still = Task.objects.filter(pk__in=tasks, state=TaskState.OPEN).values_list("pk", flat=True)
    for task_id in sorted(still):
        settling.settle(task_id=task_id)
