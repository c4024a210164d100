"""Looking for what is wrong: alerts are raised and closed by what gauges, jobs and gold say. Harmless to repeat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from specs.models import Job, JobState, MemberState, Project
from workforce import alerting, leasing, operating
from workforce.models import Alert, AlertKind, AlertState, Purpose, Queue, QueueState

FAILED_WITHIN = timedelta(days=2)
"""How long ago a job failed that is still worth an alert."""
_NEW, _OLD = 100, 400
"""Gold answers that are compared: the newest, and those before them."""

Wrong = dict[tuple[str, int | None, str], tuple[bool, dict[str, Any]]]

_GOLD = """
    SELECT q.id, n.n, n.share, o.n, o.share FROM workforce_queue q
    CROSS JOIN LATERAL (SELECT count(*) AS n, avg("right"::int) AS share FROM (
        SELECT "right" FROM workforce_judgement WHERE queue_id = q.id AND purpose = 'gold' ORDER BY id DESC LIMIT %(new)s) j) n
    CROSS JOIN LATERAL (SELECT count(*) AS n, avg("right"::int) AS share FROM (
        SELECT "right" FROM workforce_judgement WHERE queue_id = q.id AND purpose = 'gold'
        ORDER BY id DESC LIMIT %(old)s OFFSET %(new)s) j) o
    WHERE q.project_id = %(project)s AND q.state <> 'closed'
"""


def watch(*, project: Project) -> tuple[int, int]:
    """Raise what is wrong and not raised, close what is over; returns how many of each. A failed job's alert a person closes."""
    wrong = {**_queues(project), **_gold(project), **_jobs(project)}
    queues = {queue.pk: queue for queue in Queue.objects.filter(project=project).select_related("owner")}
    n_raised = 0
    for (kind, queue_id, subject), (urgent, facts) in wrong.items():
        queue = queues[queue_id] if queue_id is not None else None
        seen = Alert.objects.filter(project=project, kind=kind, queue=queue, subject=subject)
        if subject and seen.exists():
            continue  # a job fails once; its alert is not raised again after somebody closed it
        n_raised += (
            alerting.raise_alert(
                project=project, kind=kind, queue=queue, subject=subject, urgent=urgent, facts=facts
            )
            is not None
        )
    n_closed = 0
    standing = Alert.objects.filter(project=project, subject="").exclude(state=AlertState.CLOSED)
    for alert in standing.exclude(kind=AlertKind.AGREEMENT).select_related("queue"):
        if (alert.kind, alert.queue_id, "") not in wrong:
            n_closed += alerting.close(alert=alert, by=None) is not None
    return n_raised, n_closed


def _queues(project: Project) -> Wrong:
    found: Wrong = {}
    for one in operating.board(project=project):
        queue = one.queue
        facts: dict[str, Any] = {"waiting": one.waiting}
        if queue.owner is None or queue.owner.state != MemberState.ACTIVE:
            found[AlertKind.NO_OWNER, queue.pk, ""] = (False, {})
        if one.gauge is None or queue.state != QueueState.OPEN:
            continue
        adjudicates = queue.purpose == Purpose.ADJUDICATION
        within = queue.disputes_within if adjudicates else queue.oldest_within
        share = queue.disputes_share if adjudicates else queue.settled_share
        late = one.in_time is not None and one.n_settled >= 20 and one.in_time < float(share)
        if (one.oldest is not None and one.oldest > within) or late:
            facts |= {"oldest_hours": _hours(one.oldest), "in_time_share": one.in_time}
            found[AlertKind.LEVEL_MISSED, queue.pk, ""] = (True, facts)
        elif one.missed_at is not None:
            found[AlertKind.LEVEL_AT_RISK, queue.pk, ""] = (
                False,
                facts | {"missed_at": one.missed_at.isoformat()},
            )
        if one.utilisation is not None and one.utilisation >= operating.RED:
            found[AlertKind.UTILISATION, queue.pk, ""] = (
                False,
                facts | {"utilisation": round(one.utilisation, 3)},
            )
        if one.waiting and one.per_day and one.drained[1] is None:
            found[AlertKind.BACKLOG, queue.pk, ""] = (False, facts)
        if one.waiting and not one.counts.get("people"):
            found[AlertKind.NOBODY, queue.pk, ""] = (False, facts)
    return found


def _hours(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds() / 3600, 1)


def _gold(project: Project) -> Wrong:
    found: Wrong = {}
    with connection.cursor() as cursor:
        cursor.execute(_GOLD, {"project": project.pk, "new": _NEW, "old": _OLD})
        for queue_id, n_new, new, n_old, old in cursor.fetchall():
            if n_new >= _NEW and n_old >= _NEW and float(old) - float(new) >= settings.ALERT_GOLD_DROP / 100:
                facts = {"before": round(float(old), 3), "now": round(float(new), 3), "n": n_new}
                found[AlertKind.GOLD, queue_id, ""] = (True, facts)
    return found


def _jobs(project: Project) -> Wrong:
    since = leasing.database_now() - FAILED_WITHIN
    failed = Job.objects.filter(project=project, state=JobState.FAILED, finished_at__gte=since).order_by(
        "-pk"
    )[:100]
    return {
        (
            AlertKind.LOAD_FAILED if "load" in job.kind or "import" in job.kind else AlertKind.JOB_FAILED,
            None,
            f"job {job.pk}",
        ): (
            False,
            {"job": job.pk, "job_kind": job.kind},
        )
        for job in failed
    }
