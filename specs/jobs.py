"""Celery's doors into this app; each only calls a transition."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from specs import delivering, incoming, ledger, running
from specs.models import Project

TITLES = (gettext_noop("Read document"),)
"""What pages call these jobs (`Job.title`)."""
SCHEDULE = {
    "seal-ledgers": {"task": "specs.seal_ledgers", "schedule": 10.0, "options": {"expires": 10.0}},
    "start-waiting-jobs": {
        "task": "specs.start_waiting_jobs",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "send-deliveries": {"task": delivering.SEND, "schedule": 30.0, "options": {"expires": 30.0}},
    "purge-replies": {"task": "specs.purge_replies", "schedule": 3600.0},
}


@shared_task(name="specs.seal_ledgers")
def seal_ledgers() -> None:
    for project_id in Project.objects.values_list("pk", flat=True).iterator():
        ledger.seal_all(project_id=project_id)


@shared_task(name="specs.start_waiting_jobs")
def start_waiting_jobs() -> None:
    running.resend_waiting()


@shared_task(name=delivering.SEND)
def send_deliveries() -> None:
    delivering.send_due()


@shared_task(name="specs.purge_replies")
def purge_replies() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM specs_storedreply WHERE created_at < statement_timestamp() - make_interval(secs => %s)",
            [settings.REPLIES_KEPT_FOR.total_seconds()],
        )


@shared_task(name=incoming.READ)
def read_document(job_id: int) -> None:
    running.run(job_id, incoming.read)
