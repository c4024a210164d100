"""Celery's doors into this app; each only calls a transition."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils.translation import gettext_noop

from specs import running
from specs.models import Job, Project
from workforce import (
    degrading,
    holding,
    leasing,
    loading,
    predicting,
    reordering,
    reserving,
    rolling,
    signalling,
    suspending,
    watching,
)

LOAD = loading.JOB
PURGE = "workforce.purge_staged"
TITLES = (gettext_noop("Load items"), gettext_noop("Load predictions"), gettext_noop("Reorder queue"))
"""What pages call these jobs (`Job.title`)."""
SCHEDULE = {
    "return-expired-leases": {"task": "workforce.return_expired_leases", "schedule": 5.0},
    "end-suspensions": {"task": "workforce.end_suspensions", "schedule": 60.0},
    "end-degradations": {"task": "workforce.end_degradations", "schedule": 30.0},
    "return-what-is-due": {"task": "workforce.return_what_is_due", "schedule": 30.0},
    "end-signals": {"task": "workforce.end_signals", "schedule": 15.0},
    "watch-queues": {"task": "workforce.watch_queues", "schedule": 60.0, "options": {"expires": 60.0}},
    "gauge-queues": {"task": "workforce.gauge_queues", "schedule": 15.0, "options": {"expires": 15.0}},
    "forget-arrivals": {"task": "workforce.forget_arrivals", "schedule": 3600.0},
    "purge-staged-rows": {"task": PURGE, "schedule": 3600.0},
}


@shared_task(name="workforce.return_expired_leases")
def return_expired_leases() -> None:
    leasing.return_expired()


@shared_task(name="workforce.end_suspensions")
def end_suspensions() -> None:
    suspending.end_over()


@shared_task(name="workforce.end_degradations")
def end_degradations() -> None:
    degrading.end_over()


@shared_task(name="workforce.end_signals")
def end_signals() -> None:
    signalling.end_over()


@shared_task(name="workforce.watch_queues")
def watch_queues() -> None:
    for project in Project.objects.all():
        watching.watch(project=project)


@shared_task(name="workforce.gauge_queues")
def gauge_queues() -> None:
    """Close the hours that are over and count the queues whose count is old."""
    for project_id in Project.objects.values_list("pk", flat=True):
        rolling.close_hours(project_id=project_id)
        for queue in rolling.due(project_id=project_id):
            rolling.measure(queue=queue)


@shared_task(name="workforce.return_what_is_due")
def return_what_is_due() -> None:
    """What waited long enough for an answer, and what was kept long enough for somebody."""
    holding.release_due()
    reserving.return_due()


@shared_task(name=LOAD)
def load_items(job_id: int) -> None:
    running.run(job_id, _load)


@shared_task(name=predicting.JOB)
def load_predictions(job_id: int) -> None:
    running.run(job_id, lambda job, progress: vars(predicting.run(job=job, progress=progress)))


@shared_task(name=reordering.JOB)
def reorder_queue(job_id: int) -> None:
    running.run(
        job_id,
        lambda job, progress: {"tasks": reordering.run(asked=job.arguments, progress=progress)},
    )


@shared_task(name="workforce.forget_arrivals")
def forget_arrivals() -> None:
    reordering.forget()


@shared_task(name=PURGE)
def purge_staged() -> None:
    loading.purge()


def _load(job: Job, progress: running.Progress) -> dict[str, Any]:
    load = loading.run(load_id=job.arguments["load"], progress=progress)
    Job.objects.filter(pk=job.pk).update(n_done=load.n_rows, n_total=load.n_rows)
    return {"load": load.pk, "rows": load.n_rows, "new": load.n_new, "known": load.n_known, "bad": load.n_bad}
