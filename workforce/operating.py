"""The board of queues and one queue's operations, read from gauges and closed hours: bounded, whatever the queues hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from specs.models import Project
from workforce import forecasting, leasing, rolling
from workforce.models import Purpose, Queue, QueueGauge, QueueState

AMBER, RED = 0.80, 0.95
"""Utilisation from which a queue is amber, and red."""
SOON = timedelta(hours=24)
LOOKED_AT_BY_A_PAGE = 10
TONES = {"bad": 0, "warn": 1, "": 2, "good": 3}


@dataclass(frozen=True)
class Standing:
    """How one queue stands, as people read it; `tone` is bad, warn, good, or "" where nothing can be said.

    `gauge` is None where nobody has counted yet. Times are from the gauge's moment on; `missed_at` is when the service level is
    expected to be missed, in the middle of its interval. `reasons` say why the tone is what it is.
    """

    queue: Queue
    gauge: QueueGauge | None
    tone: str
    reasons: list[str]
    counts: dict[str, int]
    waiting: int
    out: int
    oldest: timedelta | None
    per_hour: float
    per_day: int
    utilisation: float | None
    drained: tuple[Any, Any, Any]
    missed_at: datetime | None
    in_time: float | None
    n_settled: int

    @property
    def utilisation_tone(self) -> str:
        if self.utilisation is None:
            return ""
        return "bad" if self.utilisation >= RED else "warn" if self.utilisation >= AMBER else "good"

    def mark(self) -> list[Any]:
        """What a page shows of it, so that one can ask whether anything moved."""
        return [
            self.queue.pk,
            self.queue.state,
            self.queue.owner_id,
            self.tone,
            self.reasons,
            self.counts,
            self.per_day,
            round(self.utilisation or 0, 3),
            self.drained,
        ]


def board(*, project: Project) -> list[Standing]:
    """Every queue, worst first. Two queries for those that are gauged; at most `LOOKED_AT_BY_A_PAGE` small ones are counted."""
    now = leasing.database_now()
    rows = (
        Queue.objects.filter(project=project)
        .exclude(state=QueueState.CLOSED)
        .select_related("gauge", "owner__user", "version", "spec", "project")
    )
    found, n_looked = [], 0
    for queue in rows:
        gauge = getattr(queue, "gauge", None)
        if gauge is None and n_looked < LOOKED_AT_BY_A_PAGE:
            n_looked += 1
            gauge = _looked(queue, now)
        found.append(standing(queue, gauge, now=now))
    found.sort(
        key=lambda one: (
            TONES[one.tone],
            one.missed_at or datetime.max.replace(tzinfo=now.tzinfo),
            -(one.utilisation or 0),
            -one.waiting,
            one.queue.name,
        )
    )
    return found


@dataclass(frozen=True)
class Demand:
    """One class of work over all its queues: answers that wait, those that are out, those given in 24 hours."""

    purpose: str
    waiting: int
    out: int
    per_day: int

    @property
    def title(self) -> str:
        return str(Purpose(self.purpose).label)


def demands(standings: list[Standing]) -> list[Demand]:
    """The classes of work that a board has, in the order of their names in `Purpose`; relabelling is one of its own."""
    found = []
    for purpose in Purpose.values:
        mine = [one for one in standings if one.queue.purpose == purpose]
        if mine:
            found.append(
                Demand(
                    purpose,
                    sum(one.waiting for one in mine),
                    sum(one.out for one in mine),
                    sum(one.per_day for one in mine),
                )
            )
    return found


def of(queue: Queue) -> Standing:
    """One queue, from its gauge, or counted where it is small and has none."""
    now = leasing.database_now()
    gauge = QueueGauge.objects.filter(queue=queue).first() or _looked(queue, now)
    return standing(queue, gauge, now=now)


def _looked(queue: Queue, now: datetime) -> QueueGauge | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM workforce_assignment WHERE queue_id = %s AND state IN ('open', 'leased') "
            "LIMIT %s) few",
            [queue.pk, settings.COUNTED_ON_THE_PAGE + 1],
        )
        if cursor.fetchone()[0] > settings.COUNTED_ON_THE_PAGE:
            return None
    return QueueGauge(queue=queue, project_id=queue.project_id, measured_at=now, **rolling.look(queue))


def standing(queue: Queue, gauge: QueueGauge | None, *, now: datetime) -> Standing:
    """Judge a gauge: which rule of the service level is broken, or will be."""
    if gauge is None:
        return Standing(
            queue, None, "", [_("not counted yet")], {}, 0, 0, None, 0.0, 0, None, (None,) * 3, None, None, 0
        )
    flows, counts, forecast = gauge.flows, gauge.counts, gauge.forecast
    oldest = now - gauge.oldest_at if gauge.oldest_at else None
    adjudicates = queue.purpose == Purpose.ADJUDICATION
    within = queue.disputes_within if adjudicates else queue.oldest_within
    wanted = queue.disputes_share if adjudicates else queue.settled_share
    in_time = flows["n_in_time"] / flows["n_settled"] if flows.get("n_settled") else None
    missed = forecast["missed"][1]
    missed_at = gauge.measured_at + timedelta(hours=missed) if missed is not None else None
    waiting = counts.get("slots_open", 0) + counts.get("slots_leased", 0)
    used = forecast["utilisation"]
    bad, warn = [], []
    if oldest is not None and oldest > within:
        bad.append(_("the oldest task is older than it may be"))
    elif missed_at is not None and missed_at - now < SOON:
        bad.append(_("the service level will be missed within a day"))
    elif missed_at is not None:
        warn.append(_("the service level will be missed"))
    if in_time is not None and in_time < float(wanted):
        bad.append(_("too few were settled in time"))
    if (used is not None and used >= RED) or forecast.get("overloaded"):
        bad.append(_("more comes in than is done"))
    elif used is not None and used >= AMBER:
        warn.append(_("nearly as much comes in as is done"))
    if waiting and not counts.get("people"):
        bad.append(_("nobody is enrolled"))
    if queue.state != QueueState.OPEN:
        warn.append(_("it is paused") if queue.state == QueueState.PAUSED else _("it is closed"))
    tone = "bad" if bad else "warn" if warn else "good" if waiting or flows.get("n_settled") else ""
    return Standing(
        queue,
        gauge,
        tone,
        bad + warn,
        counts,
        waiting,
        counts.get("slots_leased", 0),
        oldest,
        flows["today"] / min(24.0, max(flows["span"], 1.0)),
        flows["today"],
        used,
        tuple(forecast["drained"]),
        missed_at,
        in_time,
        flows.get("n_settled", 0),
    )


def mark(standings: list[Standing]) -> str:
    """A name for what the board shows: the same while nothing moved."""
    content = json.dumps([one.mark() for one in standings], default=str, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class WhatIf:
    """Two forecasts: as it is, and as it would be."""

    before: dict[str, Any]
    after: dict[str, Any]
    load: forecasting.Load


def what_if(
    *, queue: Queue, gauge: QueueGauge, people: int = 0, items: int = 0, overlap: int | None = None
) -> WhatIf:
    """What more people, more items or another overlap would do; nothing is changed, nothing is written."""
    load = rolling.load_of(queue, stock=gauge.counts, ages=gauge.ages, flows=gauge.flows)
    changed = forecasting.what_if(load, people=people, items=items, overlap=overlap)
    return WhatIf(
        rolling.as_json(forecasting.forecast(load)), rolling.as_json(forecasting.forecast(changed)), changed
    )
