"""What Prometheus asks for: how much waits, how much is overdue, and whether the ledger and the jobs keep up.

All of it is read from PostgreSQL when it is asked for, so that every web process says the same and a restart resets nothing; each
statement walks an index of what is unfinished. Projects and queues are named by their keys; no person and no text is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from specs.access import PUBLIC, page

_GAUGES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "concordat_slots",
        "Wanted answers that are not given yet, by queue: open ones wait, leased ones are under somebody's hands.",
        ("project", "queue", "state"),
        """SELECT p.key, q.key, c.state, c.n FROM workforce_queue q JOIN specs_project p ON p.id = q.project_id
           CROSS JOIN LATERAL (
               SELECT 'open' AS state, count(*) AS n FROM workforce_assignment a WHERE a.queue_id = q.id AND a.state = 'open'
               UNION ALL
               SELECT 'leased', count(*) FROM workforce_assignment a WHERE a.queue_id = q.id AND a.state = 'leased'
           ) c WHERE q.state = 'open'""",
    ),
    (
        "concordat_leases_overdue",
        "Leases whose time is over and that nobody took back yet; the beat does so every few seconds.",
        (),
        "SELECT count(*) FROM workforce_assignment WHERE state = 'leased' AND lease_until < statement_timestamp()",
    ),
    (
        "concordat_disputes_open",
        "Disputes that wait for a ruling.",
        ("project",),
        """SELECT p.key, (SELECT count(*) FROM annotation_dispute d WHERE d.project_id = p.id AND d.state = 'open')
           FROM specs_project p""",
    ),
    (
        "concordat_alerts_open",
        "Alerts that are not over.",
        ("project",),
        """SELECT p.key, (SELECT count(*) FROM workforce_alert a WHERE a.project_id = p.id AND a.state <> 'closed')
           FROM specs_project p""",
    ),
    (
        "concordat_jobs",
        "Background jobs that wait or run.",
        ("state",),
        """SELECT s, (SELECT count(*) FROM specs_job j WHERE j.state = s AND j.state IN ('queued', 'running'))
           FROM unnest(ARRAY['queued', 'running']) s""",
    ),
    (
        "concordat_job_oldest_seconds",
        "How long the oldest waiting job has waited; it rises where no worker runs.",
        (),
        """SELECT coalesce(extract(epoch FROM statement_timestamp() - min(created_at)), 0)
           FROM specs_job WHERE state = 'queued' AND state IN ('queued', 'running')""",
    ),
    (
        "concordat_deliveries_waiting",
        "Messages to subscribers and people that are not delivered yet.",
        (),
        "SELECT count(*) FROM specs_delivery WHERE state = 'waiting'",
    ),
    (
        "concordat_ledger_unsealed_seconds",
        "Age of the oldest event without a seal, of each project's newest thousand.",
        (),
        """SELECT coalesce(max(extract(epoch FROM statement_timestamp() - e.recorded_at)), 0) FROM specs_project p
           CROSS JOIN LATERAL (SELECT id, recorded_at FROM specs_event WHERE project_id = p.id ORDER BY id DESC LIMIT 1000) e
           WHERE NOT EXISTS (SELECT 1 FROM specs_ledgerentry l WHERE l.event_id = e.id)""",
    ),
    ("concordat_database_bytes", "Size of the database.", (), "SELECT pg_database_size(current_database())"),
    (
        "concordat_database_sessions",
        "Sessions on the database, of everybody.",
        (),
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    ),
)
"""Name, help, labels, and the statement whose last column is the value."""
_EVENTS = """
    SELECT coalesce(last_value, 0) FROM pg_sequences
    WHERE schemaname = 'public'
      AND sequencename = regexp_replace(pg_get_serial_sequence('public.specs_event', 'id'), '^.*[.]', '')
"""


class _Database:
    """A collector that reads one snapshot of the database."""

    def collect(self) -> Iterator[Metric]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for name, text, labels, statement in _GAUGES:
                family = GaugeMetricFamily(name, text, labels=labels)
                cursor.execute(statement)
                for *named, value in cursor.fetchall():
                    family.add_metric(named, float(value))
                yield family
            cursor.execute(_EVENTS)
            events = CounterMetricFamily("concordat_events", "State changes ever written to the ledgers.")
            events.add_metric([], float(cursor.fetchone()[0]))
            yield events

    def describe(self) -> Iterable[Metric]:
        return []


@page(PUBLIC)
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for whoever has METRICS_TOKEN; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not secrets.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse("a bearer token is needed\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Database())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
