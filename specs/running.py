"""Background jobs as rows.

    (nothing) -> queued: start
    queued -> running -> done, failed, cancelled: run
    running -> done, with what it did: finish

Celery carries the id only and may lose it: a beat sends every waiting job again, and a job that runs is locked, so a second
message does nothing. A job whose process died is found by its free lock and runs again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from specs import ledger
from specs.access import permissions_of
from specs.models import Job, JobState, Member, Project
from specs.refusals import Refusal, WrongState

log = logging.getLogger(__name__)
Progress = Callable[..., None]


class SomebodyElses(Refusal):
    code = "somebody-elses"
    status = 409


class Cancelled(Exception):
    """Somebody asked the job to stop."""


def start(*, project: Project, kind: str, arguments: dict[str, Any], by: Member | None) -> Job:
    """A job row, handed to a worker once the transaction is committed. `kind` is the name of the Celery job."""
    with transaction.atomic():
        job = Job.objects.create(project=project, kind=kind, arguments=arguments, requested_by=by)
        ledger.record(
            project_id=project.pk, kind="job.started", by=by, subject=("job", job.pk), data={"kind": kind}
        )
        transaction.on_commit(lambda: send(job))
    return job


def send(job: Job) -> None:
    """Tell a worker. Without a broker the row waits; the beat sends it when the broker is back."""
    try:
        current_app.send_task(job.kind, [job.pk], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("job %s waits: the broker does not answer (%s)", job.pk, type(error).__name__)


def resend_waiting() -> int:
    """Send every unfinished job again; running ones are locked and ignore it."""
    waiting = list(Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).order_by("pk")[:1000])
    for job in waiting:
        send(job)
    return len(waiting)


def cancel(*, job: Job, by: Member) -> None:
    """Ask a job to stop; it does so at its next step, and leaves nothing half done.

    Whoever asked for a job may stop it, and whoever manages queues. Raises `SomebodyElses`, and `WrongState` when it has ended.
    """
    if by.pk != job.requested_by_id and "queue.manage" not in permissions_of(by):
        raise SomebodyElses(_("Whoever asked for a job stops it, or whoever manages queues."))
    with transaction.atomic():
        locked = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if locked.state not in (JobState.QUEUED, JobState.RUNNING):
            raise WrongState(_("The job has ended already."))
        locked.cancel_asked_at = Now()
        if locked.state == JobState.QUEUED:
            locked.state, locked.finished_at = JobState.CANCELLED, Now()
        locked.save()
        ledger.record(
            project_id=locked.project_id, kind="job.cancelled", by=by, subject=("job", locked.pk), data={}
        )


def finish(job: Job, result: dict[str, Any]) -> None:
    """Say inside the transaction of a job's effect that it is done: a process that dies right after does not do it twice.

    For work that is one effect and would be another one if repeated. Work that goes on where it was needs it not.
    """
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, result=result, finished_at=Now())


def run(job_id: int, work: Callable[[Job, Progress], dict[str, Any]]) -> None:
    """Run a job once: a session lock keeps a second worker out; the result or the error stands in the row afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('specs.running'), %s)", [job_id])
        if not cursor.fetchone()[0]:
            return
        try:
            _run(job_id, work)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('specs.running'), %s)", [job_id])


def _run(job_id: int, work: Callable[[Job, Progress], dict[str, Any]]) -> None:
    job = Job.objects.filter(pk=job_id, state__in=[JobState.QUEUED, JobState.RUNNING]).first()
    if job is None:
        return
    Job.objects.filter(pk=job_id).update(state=JobState.RUNNING, started_at=Now(), beat_at=Now())

    def progress(done: int, total: int | None = None, note: str = "") -> None:
        rows = Job.objects.filter(pk=job_id)
        if rows.filter(cancel_asked_at__isnull=False).exists():
            raise Cancelled
        rows.update(n_done=done, n_total=total, note=note[:200], beat_at=Now())

    ended: dict[str, Any]
    try:
        ended = {"state": JobState.DONE, "result": work(job, progress)}
    except Cancelled:
        ended = {"state": JobState.CANCELLED}
    except Refusal as refusal:
        ended = {"state": JobState.FAILED, "error": refusal.message, "result": refusal.details}
    except Exception as error:
        log.exception("job %s failed", job_id)
        ended = {"state": JobState.FAILED, "error": f"{type(error).__name__}: {error}"[:2000]}
    Job.objects.filter(pk=job_id, state=JobState.RUNNING).update(finished_at=Now(), **ended)
