"""Closing the hours of queues, and measuring how they stand: what keeps the board's cost bounded.

    (nothing) -> hour: close_hours
    (nothing) -> gauge -> newer gauge: measure

The board never counts tasks. A job does, no more often than `GAUGE_EVERY` and never for more than a fiftieth of the time: a count
that takes two seconds is made again after a hundred. Hours are written once, some minutes after they are over; closing them
again, in parallel or after a crash, changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Now

from workforce import forecasting, leasing
from workforce.models import Queue, QueueGauge, QueueHour

GRACE = timedelta(minutes=5)
"""How long after its end an hour is closed: what was being committed at its end is in it by then."""
BACK = timedelta(hours=24 * 14)
"""How far back hours are closed that nobody closed in time."""
AGE_STEPS = (1, 4, 12, 24, 48, 96, 168, 336)
"""Bounds in hours of the groups of ages."""

# Events lie in the order of their time, and have a block index over it: reading an hour costs what happened in that hour.
_FLOWS = """
    WITH happened AS MATERIALIZED (
        SELECT kind, subject, subject_id, recorded_at, data FROM specs_event
        WHERE recorded_at >= %(since)s AND recorded_at < %(until)s AND project_id = %(project)s
          AND kind IN ('annotation.submitted', 'task.resolved', 'dispute.opened', 'dispute.decided')
    ), answered AS (
        SELECT s.queue_id, h.recorded_at, s.asked_after > 0 AS again, s.annotator_id,
               greatest(extract(epoch FROM s.submitted_at - s.leased_at), 0) AS seconds
        FROM happened h JOIN workforce_assignment s ON s.id = h.subject_id
        WHERE h.kind = 'annotation.submitted'
    ), settled AS (
        SELECT t.queue_id, h.recorded_at, t.settled_at - t.created_at <= q.settled_within AS in_time
        FROM happened h JOIN workforce_task t ON t.id = h.subject_id JOIN workforce_queue q ON q.id = t.queue_id
        WHERE h.kind = 'task.resolved'
        UNION ALL
        SELECT t.queue_id, h.recorded_at, t.settled_at - t.created_at <= q.settled_within
        FROM happened h JOIN workforce_task t ON h.kind = 'dispute.decided' AND t.id = (h.data->>'task')::bigint
        JOIN workforce_queue q ON q.id = t.queue_id
        UNION ALL
        SELECT w.queue_id, h.recorded_at, w.settled_at - w.created_at <= q.disputes_within
        FROM happened h JOIN workforce_task t ON h.kind = 'dispute.decided' AND t.id = (h.data->>'task')::bigint
        JOIN workforce_queue d ON d.id = t.queue_id
        JOIN workforce_task w ON w.item_id = t.item_id AND w.queue_id = d.adjudication_queue_id
            AND w.settled_at >= h.recorded_at AND w.settled_at < h.recorded_at + interval '1 minute'
        JOIN workforce_queue q ON q.id = w.queue_id
    ), ruled AS (
        SELECT w.queue_id, s.submitted_at AS recorded_at, false AS again, s.annotator_id,
               greatest(extract(epoch FROM s.submitted_at - s.leased_at), 0) AS seconds
        FROM happened h JOIN workforce_task t ON h.kind = 'dispute.decided' AND t.id = (h.data->>'task')::bigint
        JOIN workforce_queue d ON d.id = t.queue_id
        JOIN workforce_task w ON w.item_id = t.item_id AND w.queue_id = d.adjudication_queue_id
            AND w.settled_at >= h.recorded_at AND w.settled_at < h.recorded_at + interval '1 minute'
        JOIN workforce_assignment s ON s.task_id = w.id AND s.state = 'submitted'
    ), disputed AS (
        SELECT t.queue_id, h.recorded_at FROM happened h JOIN workforce_task t ON t.id = h.subject_id
        WHERE h.kind = 'dispute.opened'
    ), every AS (
        SELECT queue_id, recorded_at, 1 AS answers, again::int AS again, annotator_id, seconds, 0 AS settled, 0 AS in_time,
               0 AS disputed FROM (SELECT * FROM answered UNION ALL SELECT * FROM ruled) a
        UNION ALL SELECT queue_id, recorded_at, 0, 0, NULL, 0, 1, coalesce(in_time, false)::int, 0 FROM settled
        UNION ALL SELECT queue_id, recorded_at, 0, 0, NULL, 0, 0, 0, 1 FROM disputed
    )
    SELECT queue_id, date_trunc('hour', recorded_at, 'UTC'), sum(answers), sum(again), count(DISTINCT annotator_id),
           round(sum(seconds)), sum(settled), sum(in_time), sum(disputed)
    FROM every GROUP BY 1, 2
"""
_FLOW_NAMES = ("n_answers", "n_again", "n_people", "seconds", "n_settled", "n_in_time", "n_disputed")

_STOCK = """
    SELECT state, count(*) FROM workforce_task WHERE queue_id = %(queue)s GROUP BY 1
    UNION ALL
    SELECT 'slots_' || state, count(*) FROM workforce_assignment
    WHERE queue_id = %(queue)s AND state IN ('open', 'leased') GROUP BY 1
    UNION ALL
    SELECT 'people', count(*) FROM workforce_enrolment WHERE queue_id = %(queue)s AND active
"""
_AGES = """
    SELECT width_bucket(extract(epoch FROM statement_timestamp() - t.created_at), %(steps)s::float8[]) AS step,
           max(extract(epoch FROM statement_timestamp() - t.created_at)), sum(w.n), min(t.created_at), count(*)
    FROM workforce_task t
    JOIN LATERAL (SELECT count(*) AS n FROM workforce_assignment s
                  WHERE s.task_id = t.id AND s.state IN ('open', 'leased')) w ON true
    WHERE t.queue_id = %(queue)s AND t.state IN ('open', 'disputed')
    GROUP BY 1 ORDER BY 1 DESC
"""


def close_hours(*, project_id: int) -> int:
    """Write the hours that are over and not written yet; returns how many rows were. Harmless to repeat.

    A queue without any row gets its hours since it was made, `BACK` at the most, so a new house has a history at once.
    """
    now = leasing.database_now()
    last = (now - GRACE).replace(minute=0, second=0, microsecond=0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('workforce.rolling'), %s)", [project_id])
        queues = list(Queue.objects.filter(project_id=project_id))
        known: dict[int, datetime] = dict(
            QueueHour.objects.filter(queue__in=queues, hour__gte=last - BACK)
            .order_by()
            .values_list("queue_id")
            .annotate(newest=Max("hour"))
        )
        starts = {
            queue.pk: known[queue.pk] + timedelta(hours=1)
            if queue.pk in known
            else max(last - BACK, queue.created_at.replace(minute=0, second=0, microsecond=0))
            for queue in queues
        }
        if not any(start < last for start in starts.values()):
            return 0
        since = min(starts.values())
        flows = _flows(project_id, since, last)
        rows = []
        for queue in queues:
            stock = _stock(queue.pk) if starts[queue.pk] < last else {}
            hour = starts[queue.pk]
            while hour < last:
                counted = flows.get((queue.pk, hour), dict.fromkeys(_FLOW_NAMES, 0))
                rows.append(
                    QueueHour(
                        project_id=project_id,
                        queue=queue,
                        hour=hour,
                        n_tasks=_tasks(stock),
                        n_slots=_waiting(stock),
                        **counted,
                    )
                )
                hour += timedelta(hours=1)
        QueueHour.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    return len(rows)


def _flows(project_id: int, since: datetime, until: datetime) -> dict[tuple[int, datetime], dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_FLOWS, {"project": project_id, "since": since, "until": until})
        return {
            (row[0], row[1]): dict(zip(_FLOW_NAMES, map(int, row[2:]), strict=True))
            for row in cursor.fetchall()
        }


def _stock(queue_id: int) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_STOCK, {"queue": queue_id})
        return dict(cursor.fetchall())


def _tasks(stock: dict[str, int]) -> int:
    return sum(stock.get(state, 0) for state in ("open", "disputed", "resolved", "withdrawn"))


def _waiting(stock: dict[str, int]) -> int:
    return stock.get("slots_open", 0) + stock.get("slots_leased", 0)


def due(*, project_id: int) -> list[Queue]:
    """The queues whose gauge is older than it may be, the oldest first."""
    now = leasing.database_now()
    found = []
    for queue in Queue.objects.filter(project_id=project_id).select_related("gauge"):
        gauge = getattr(queue, "gauge", None)
        if gauge is None:
            found.append((datetime.min.replace(tzinfo=now.tzinfo), queue))
        elif now - gauge.measured_at >= max(settings.GAUGE_EVERY, timedelta(milliseconds=50 * gauge.took_ms)):
            found.append((gauge.measured_at, queue))
    return [queue for _, queue in sorted(found, key=lambda entry: entry[0])]


def measure(*, queue: Queue) -> QueueGauge:
    """Count how a queue stands and look ahead; the gauge is replaced. Repeating it, or twice at once, is harmless."""
    began = time.monotonic()
    measured = look(queue)
    took = int((time.monotonic() - began) * 1000)
    gauge, _ = QueueGauge.objects.update_or_create(
        queue=queue,
        defaults={"project_id": queue.project_id, **measured, "took_ms": took, "measured_at": Now()},
    )
    gauge.refresh_from_db()
    return gauge


def look(queue: Queue) -> dict[str, Any]:
    """How a queue stands now, counted: what a gauge keeps. Changes nothing."""
    stock = _stock(queue.pk)
    with connection.cursor() as cursor:
        cursor.execute(_AGES, {"queue": queue.pk, "steps": [3600.0 * step for step in AGE_STEPS]})
        groups = cursor.fetchall()
    ages = [[float(age), int(n), int(tasks)] for _, age, n, _, tasks in groups]
    oldest = min((created for _, _, _, created, _ in groups), default=None)
    flows = recent(queue, n_tasks=_tasks(stock))
    load = load_of(queue, stock=stock, ages=ages, flows=flows)
    return {
        "counts": stock,
        "ages": ages,
        "flows": flows,
        "forecast": as_json(forecasting.forecast(load)),
        "oldest_at": oldest,
    }


def recent(queue: Queue, *, n_tasks: int) -> dict[str, Any]:
    """The flows of the last `WINDOW` closed hours and of the hour under way: one read of rows, one of the events since."""
    now = leasing.database_now()
    hours = list(
        QueueHour.objects.filter(
            queue=queue, hour__gte=now - timedelta(hours=settings.FORECAST_WINDOW_HOURS)
        ).order_by("hour")
    )
    since = hours[-1].hour + timedelta(hours=1) if hours else max(queue.created_at, now - timedelta(hours=2))
    under_way = [
        counted
        for (queue_id, _), counted in _flows(queue.project_id, since, now).items()
        if queue_id == queue.pk
    ]
    closed = [{name: getattr(hour, name) for name in _FLOW_NAMES} for hour in hours]
    every = [*closed, *under_way]
    began = hours[0].hour if hours else queue.created_at
    span = max((now - began).total_seconds() / 3600, 1.0)
    return {
        "hours": [counted["n_answers"] for counted in closed],
        "now": sum(counted["n_answers"] for counted in under_way),
        "today": sum(counted["n_answers"] for counted in [*closed[-24:], *under_way]),
        "people": max((counted["n_people"] for counted in every), default=0),
        "arrivals": max(0, n_tasks - hours[0].n_tasks) / span if len(hours) > 1 else 0.0,
        **{name: sum(counted[name] for counted in every) for name in _FLOW_NAMES if name != "n_people"},
        "span": span,
        "backlogs": [hour.n_slots for hour in hours],
        "since": began.isoformat(),
    }


def load_of(
    queue: Queue, *, stock: dict[str, int], ages: list[list[float]], flows: dict[str, Any]
) -> forecasting.Load:
    """What the forecast is made from. Hours before the first answer are no measure of what people give."""
    answers = flows["n_answers"]
    hours = tuple(float(n) for n in flows["hours"])
    first = next((place for place, n in enumerate(hours) if n), len(hours))
    measured = hours[first:] if first < len(hours) else ((float(answers),) if answers else ())
    again = flows["n_again"]
    level = queue.disputes_within if queue.purpose == "adjudication" else queue.oldest_within
    return forecasting.Load(
        backlog=float(_waiting(stock)),
        arrivals=float(flows["arrivals"]),
        overlap=float(queue.overlap),
        rework=again / (answers - again) if answers > again else 0.0,
        hours=measured,
        dispute_share=flows["n_disputed"] / max(flows["n_settled"] + flows["n_disputed"], 1),
        people=float(flows["people"] or stock.get("people", 0)),
        ages=tuple((age / 3600, float(n)) for age, n, *_ in ages if n),
        oldest_within=level.total_seconds() / 3600,
    )


def as_json(forecast: forecasting.Forecast) -> dict[str, Any]:
    """A forecast for a row or a reply; what is infinite or unknown is None."""
    found = asdict(forecast)
    used = found["utilisation"]
    found["overloaded"] = used is not None and used >= 1
    found["utilisation"] = None if used is None or used == float("inf") else used
    return found
