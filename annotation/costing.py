"""What labels cost: the time of `workforce.hours` at the prices of `workforce.paying`, by source and by clause.

Every second that a timesheet has is booked here once, on the source it came from. A clause is charged with the whole of an
answer that cites it, so clauses do not add up to the sum: an answer may cite two, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from specs.models import Clause, Project
from specs.refusals import Refusal
from workforce import hours, paying, timekeeping, timesheets
from workforce.models import Queue, RateBasis, Work

GOLD = "gold"
SOURCES = {
    Work.LABELLING.value: "First answers",
    Work.REWORK.value: "Labelling again: more answers than first wanted, tasks that came back",
    Work.ADJUDICATION.value: "Adjudication",
    GOLD: "Items whose answer is known, and repeats",
    Work.TRAINING.value: "Training and calibration",
    Work.QUIZ.value: "Quizzes on the spec",
}

_SLOTS = """
    SELECT s.id, s.queue_id, s.number > q.overlap OR t.round > 1, s.state = 'submitted', EXISTS (
        SELECT 1 FROM workforce_probe p WHERE p.task_id = s.task_id),
        ARRAY(SELECT DISTINCT c.clause_id FROM annotation_annotation a JOIN annotation_citation c ON c.annotation_id = a.id
              WHERE a.assignment_id = s.id AND c.clause_id IS NOT NULL)
    FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id JOIN workforce_queue q ON q.id = s.queue_id
    WHERE s.id = ANY(%s)
"""
_SETTLED = """
    SELECT count(*) FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
    WHERE t.queue_id = ANY(%(queues)s) AND t.state = 'resolved' AND t.settled_at >= %(since)s AND t.settled_at < %(until)s
      AND q.purpose IN ('labelling', 'relabelling')
"""


class TooMuchAtOnce(Refusal):
    code = "too-much-at-once"
    status = 422


@dataclass(frozen=True)
class Share:
    """What one source or one clause took: seconds, slots, money by currency."""

    key: str
    title: str
    seconds: int
    n_slots: int
    money: list[tuple[str, Decimal]]

    def as_dict(self) -> dict[str, Any]:
        money = {currency: str(amount) for currency, amount in self.money}
        return {
            "key": self.key,
            "title": self.title,
            "seconds": self.seconds,
            "slots": self.n_slots,
            "money": money,
        }


@dataclass(frozen=True)
class Cost:
    """The cost of a period. `per_label` is the money for one accepted label, by currency; empty when none was accepted."""

    asked: timesheets.Period
    seconds: int
    n_labels: int
    money: list[tuple[str, Decimal]]
    per_label: list[tuple[str, Decimal]]
    sources: list[Share]
    clauses: list[Share]


@dataclass
class _Tally:
    seconds: int
    slots: set[int]
    money: dict[str, Decimal]

    def add(self, seconds: int, slot: int, price: paying.Price, due: Decimal) -> None:
        self.seconds += seconds
        self.slots.add(slot)
        self.money[price.currency] = self.money.get(price.currency, Decimal(0)) + due

    def as_share(self, key: str, title: str) -> Share:
        money = [
            (currency, amount.quantize(paying.CENT))
            for currency, amount in sorted(self.money.items())
            if amount
        ]
        return Share(key, title, self.seconds, len(self.slots), money)


def reckon(*, project: Project, asked: timesheets.Period) -> Cost:
    """What the days of *asked* cost, days being the project's. Raises `TooMuchAtOnce` beyond `COSTED_AT_ONCE` leases.

    Nine queries, whatever the size.
    """
    zone = hours.zone_of(None, project)
    since = timekeeping.midnight(asked.first, zone)
    until = timekeeping.midnight(asked.last + timedelta(days=1), zone)
    people = list(timesheets.who_worked(project=project, asked=asked))
    _bounded(project, since, until)
    worked = hours.worked(annotators=people, since=since, until=until, as_of=asked.as_of)
    rates = paying.Rates(project, as_of=asked.as_of)
    queues = {queue.pk: queue for queue in Queue.objects.filter(project=project)}
    booked = [
        (piece, piece.what, day)
        for found in worked.values()
        for day, piece in timekeeping.by_day(found, zone)
        if isinstance(piece.what, hours.Booking)
    ]
    slots = _slots({booking.assignment_id for _, booking, _ in booked})
    by_source: dict[str, _Tally] = {}
    by_clause: dict[int, _Tally] = {}
    paid: set[int] = set()
    for piece, booking, day in booked:
        again, submitted, known, clauses = slots.get(booking.assignment_id, (False, False, False, ()))
        source = _source(queues[booking.queue_id], booking, again=again, known=known)
        price = _price(rates, day, zone, booking, source)
        due = price.amount * piece.seconds / 3600
        if price.basis == RateBasis.ANSWER:
            due = price.amount if submitted and booking.assignment_id not in paid else Decimal(0)
            paid.add(booking.assignment_id)
        slot = booking.assignment_id or piece.key
        by_source.setdefault(source, _Tally(0, set(), {})).add(piece.seconds, slot, price, due)
        for clause in clauses:
            by_clause.setdefault(clause, _Tally(0, set(), {})).add(piece.seconds, slot, price, due)
    sources = [by_source[key].as_share(key, title) for key, title in SOURCES.items() if key in by_source]
    n_labels = _settled(list(queues), since, until)
    money = paying.total(amount for share in sources for amount in share.money)
    return Cost(
        asked,
        sum(share.seconds for share in sources),
        n_labels,
        money,
        [(currency, (amount / n_labels).quantize(Decimal("0.0001"))) for currency, amount in money]
        if n_labels
        else [],
        sources,
        _clauses(by_clause),
    )


def _bounded(project: Project, since: Any, until: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM workforce_lease WHERE project_id = %s AND leased_at >= %s AND leased_at < %s "
            "LIMIT %s) few",
            [project.pk, since, until, settings.COSTED_AT_ONCE + 1],
        )
        if cursor.fetchone()[0] > settings.COSTED_AT_ONCE:
            raise TooMuchAtOnce(
                f"These days have more than {settings.COSTED_AT_ONCE} leases; ask for fewer days."
            )


def _slots(ids: Iterable[int]) -> dict[int, tuple[bool, bool, bool, Sequence[int]]]:
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS, [sorted(set(ids) - {0})])
        return {row[0]: (row[2], row[3], row[4], row[5]) for row in cursor.fetchall()}


def _source(queue: Queue, booking: hours.Booking, *, again: bool, known: bool) -> str:
    if booking.task_round == 0:
        return Work.QUIZ.value
    work = paying.work_of(queue)
    if work != Work.LABELLING:
        return str(work)
    return GOLD if known else Work.REWORK.value if again else Work.LABELLING.value


def _price(rates: paying.Rates, day: date, zone: Any, booking: hours.Booking, source: str) -> paying.Price:
    """The price a timesheet has for it: there, gold is labelling like any other, and a further answer is as well."""
    first_round = booking.task_round == 1
    work = Work.LABELLING.value if source == GOLD or (source == Work.REWORK and first_round) else source
    return rates.at(
        day,
        day_ends=timekeeping.midnight(day + timedelta(days=1), zone),
        queue_id=booking.queue_id,
        annotator_id=booking.annotator_id,
        work=work,
    )


def _clauses(tallies: dict[int, _Tally]) -> list[Share]:
    """The dearest first."""
    names = {clause.pk: clause for clause in Clause.objects.filter(pk__in=list(tallies))}
    found = [tally.as_share(names[pk].key, names[pk].key) for pk, tally in tallies.items()]
    return sorted(found, key=lambda share: (-share.seconds, share.key))


def _settled(queues: list[int], since: Any, until: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, {"queues": queues, "since": since, "until": until})
        return int(cursor.fetchone()[0])
