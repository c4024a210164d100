"""The figures that rules about people look at: one function per metric, for many annotators in few queries.

Answers under clauses that are flagged now are set aside before anything is counted. To add a metric: its name in
`workforce.models.Metric` and a function here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from django.conf import settings
from django.db import connection

from annotation import appraising
from annotation.agreement import people
from annotation.appraising import LONG_AGO, Judged, Share
from workforce.models import Metric


@dataclass(frozen=True)
class Window:
    """The last *last* answers, or those since a time; `since` by annotator is where her own window begins."""

    annotators: Sequence[int]
    since: Mapping[int, datetime]
    last: int | None
    queues: Sequence[int] | None

    @property
    def n_answers(self) -> int:
        return self.last or settings.JUDGED_ANSWERS

    def answers(self) -> dict[int, list[Judged]]:
        rows = appraising.answers(
            annotators=self.annotators, last=self.n_answers, since=dict(self.since), queues=self.queues
        )
        return _grouped(rows)


@dataclass(frozen=True)
class Reading:
    """A figure about one annotator: `value` None for too few. `clauses` counts her wrong answers by clause, `n_wrong` all."""

    n: int
    value: float | None
    low: float | None = None
    high: float | None = None
    n_set_aside: int = 0
    n_wrong: int = 0
    clauses: Counter[int] = field(default_factory=Counter)


Read = Callable[[Window, int], dict[int, Reading]]


def _grouped(rows: Iterable[Judged]) -> dict[int, list[Judged]]:
    found: dict[int, list[Judged]] = {}
    for one in rows:
        found.setdefault(one.annotator_id, []).append(one)
    return found


def _of_share(share: Share, wrong: Sequence[Judged] = ()) -> Reading:
    clauses = Counter(clause for one in wrong for clause in one.clauses)
    return Reading(
        share.n, share.value, share.low, share.high, share.n_set_aside, n_wrong=len(wrong), clauses=clauses
    )


def _gold(window: Window, minimum: int) -> dict[int, Reading]:
    return {
        pk: _of_share(
            appraising.gold(rows, minimum=minimum),
            [one for one in rows if one.right is False and not one.set_aside],
        )
        for pk, rows in window.answers().items()
    }


def _agreement(window: Window, minimum: int) -> dict[int, Reading]:
    return {
        pk: _of_share(
            appraising.agreement(rows, minimum=minimum),
            [one for one in rows if one.agrees is False and not one.set_aside],
        )
        for pk, rows in window.answers().items()
    }


def _drift(window: Window, minimum: int) -> dict[int, Reading]:
    """Alarms inside the window; the baseline needs what came before it, so older answers are read as well."""
    whole = replace(window, since={}, last=settings.JUDGED_ANSWERS)
    found = {}
    for pk, rows in whole.answers().items():
        seen = appraising.drift_of(rows)
        if seen.chart.baseline is None or seen.chart.n < minimum:
            found[pk] = Reading(seen.chart.n, None)
            continue
        begin = window.since.get(pk, LONG_AGO)
        if window.last is not None:
            begin = max(begin, seen.times[max(0, len(seen.times) - window.last)])
        alarms = [place for place in seen.chart.alarms if seen.times[place] >= begin]
        wrong = [one for one in seen.rows if one.at >= begin and one.wrong]
        clauses = Counter(clause for one in wrong for clause in one.clauses)
        found[pk] = Reading(seen.chart.n, float(len(alarms)), n_wrong=len(wrong), clauses=clauses)
    return found


def _self(window: Window, minimum: int) -> dict[int, Reading]:
    return {
        pk: _of_share(
            appraising.self_agreement(rows, minimum=minimum),
            [one for one in rows if one.again is False and not one.set_aside],
        )
        for pk, rows in window.answers().items()
    }


def _speed(window: Window, minimum: int) -> dict[int, Reading]:
    """The middle of her times, each as a multiple of the middle of the others' in the same queue."""
    rows = window.answers()
    times: dict[int, dict[int, list[float]]] = {}
    for pk, own in rows.items():
        for one in {each.annotation_id: each for each in own}.values():
            if one.seconds:
                times.setdefault(one.queue_id, {}).setdefault(pk, []).append(one.seconds)
    found = {}
    for pk in rows:
        multiples = []
        for of_queue in times.values():
            others = [median(each) for other, each in of_queue.items() if other != pk]
            if pk in of_queue and others:
                usual = median(others)
                multiples += [seconds / usual for seconds in of_queue[pk]]
        found[pk] = Reading(len(multiples), median(multiples) if len(multiples) >= max(minimum, 1) else None)
    return found


_SKIPPED = """
    SELECT w.id, (SELECT count(*) FROM workforce_skip k
                  WHERE k.annotator_id = w.id AND k.skipped_at >= w.since AND NOT k.excused
                    AND (%(queues)s::bigint[] IS NULL OR k.queue_id = ANY(%(queues)s)))
    FROM unnest(%(who)s::bigint[], %(since)s::timestamptz[]) AS w (id, since)
"""
_LATE = """
    SELECT w.id, (SELECT count(*) FROM annotation_lateanswer l JOIN workforce_assignment s ON s.id = l.assignment_id
                  WHERE l.annotator_id = w.id AND l.received_at >= w.since
                    AND (%(queues)s::bigint[] IS NULL OR s.queue_id = ANY(%(queues)s)))
    FROM unnest(%(who)s::bigint[], %(since)s::timestamptz[]) AS w (id, since)
"""


def _beside_answers(query: str) -> Read:
    """The share of something counted, among it and the answers of the same time."""

    def read(window: Window, minimum: int) -> dict[int, Reading]:
        rows = window.answers()
        begins = [
            rows[pk][0].at if window.last is not None and pk in rows else window.since.get(pk, LONG_AGO)
            for pk in window.annotators
        ]
        with connection.cursor() as cursor:
            cursor.execute(
                query,
                {
                    "who": list(window.annotators),
                    "since": begins,
                    "queues": None if window.queues is None else list(window.queues),
                },
            )
            counted = dict(cursor.fetchall())
        found = {}
        for pk, n_counted in counted.items():
            n = n_counted + len({one.annotation_id for one in rows.get(pk, ())})
            enough = n >= max(minimum, 1)
            low, high = people.wilson(n_counted, n)
            found[pk] = Reading(n, n_counted / n, low, high) if enough else Reading(n, None)
        return found

    return read


READ: dict[str, Read] = {
    Metric.GOLD: _gold,
    Metric.AGREEMENT: _agreement,
    Metric.DRIFT: _drift,
    Metric.SELF: _self,
    Metric.SPEED: _speed,
    Metric.SKIPS: _beside_answers(_SKIPPED),
    Metric.LATE: _beside_answers(_LATE),
}
"""How each metric is read."""
