"""Whoever wants to know is told when so many more tasks are settled.

    (nothing) -> announced, with how many since the last time: announce

Counted is the sealed ledger, from where the last announcement ended, so that nothing is told twice and nothing is left out.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from specs import delivering, ledger
from specs.models import Project, Subscriber

TOPIC = "tasks.resolved"
_LAST = """
    SELECT coalesce((data->>'upto')::bigint, 0) FROM specs_event
    WHERE subject = 'project' AND subject_id = %s AND kind = 'tasks.announced' ORDER BY id DESC LIMIT 1
"""
_SINCE = """
    SELECT count(*) FILTER (WHERE e.kind IN ('task.resolved', 'dispute.decided', 'task.unlabellable')), max(l.position)
    FROM specs_ledgerentry l JOIN specs_event e ON e.id = l.event_id WHERE l.project_id = %s AND l.position > %s
"""


def announce_all() -> int:
    """Look at every project of which somebody wants to know; returns how many were announced."""
    wanted = Subscriber.objects.filter(ended_at__isnull=True, topics__contains=[TOPIC])
    projects = list(wanted.order_by().values_list("project", flat=True).distinct())
    return sum(announce(project_id=project_id) > 0 for project_id in projects)


def announce(*, project_id: int) -> int:
    """Tell of the tasks settled since the last time, where they are enough; returns how many they are, else 0."""
    with transaction.atomic(), connection.cursor() as cursor:
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        cursor.execute(_LAST, [project_id])
        last = (cursor.fetchone() or (0,))[0]
        cursor.execute(_SINCE, [project_id, last])
        n, upto = cursor.fetchone()
        if n < settings.ANNOUNCED_EVERY:
            return 0
        event = ledger.record(
            project_id=project_id,
            kind="tasks.announced",
            by=None,
            subject=("project", project_id),
            data={"n": n, "after": last, "upto": upto},
        )
        delivering.tell(
            project_id=project_id,
            topic=TOPIC,
            event_id=event,
            body={"n": n, "after": last, "position": upto},
        )
    return int(n)
