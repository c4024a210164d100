"""Timesheets: per person and day in her own time zone, what she worked on, how long, and what it comes to.

A sheet names the instant it was reckoned at and the ledger's position then. Reckoned again with that `as_of`, at any later
time, it has the same lines; its totals are the sums of its lines, to the second and to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Project
from specs.refusals import Invalid
from workforce import hours, leasing, paying, timekeeping
from workforce.models import Annotator, AnnotatorKind, Queue, Work


@dataclass(frozen=True)
class Line:
    """One person, one day, one queue, one kind of work: its seconds and answers, the price, the money."""

    annotator: str
    time_zone: str
    day: date
    queue: str
    work: str
    seconds: int
    n_answers: int
    price: paying.Price
    money: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {
            "annotator": self.annotator,
            "day": self.day.isoformat(),
            "time_zone": self.time_zone,
            "queue": self.queue,
            "work": self.work,
            "seconds": self.seconds,
            "answers": self.n_answers,
            "basis": self.price.basis,
            "rate": str(self.price.amount),
            "money": str(self.money),
            "currency": self.price.currency,
        }


COLUMNS = tuple(Line("", "", date.min, "", "", 0, 0, paying.Price("", Decimal(0), ""), Decimal(0)).as_dict())


@dataclass(frozen=True)
class Sum:
    """Some lines together. `hourly` is what an hour came to, by currency; `low` that it lies under the living wage."""

    seconds: int
    n_answers: int
    money: list[tuple[str, Decimal]]
    hourly: list[tuple[str, Decimal]]
    low: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "answers": self.n_answers,
            "money": {currency: str(amount) for currency, amount in self.money},
            "hourly": {currency: str(amount) for currency, amount in self.hourly},
            "below_living_wage": self.low,
        }


@dataclass(frozen=True)
class Period:
    """The days of a sheet, first and last included, as it was known at `as_of`."""

    first: date
    last: date
    as_of: datetime


@dataclass(frozen=True)
class Person:
    annotator: Annotator
    zone: str
    lines: list[Line]
    sum: Sum


def period(*, first: date | None, last: date | None, as_of: datetime | None, zone: Any) -> Period:
    """The asked days, or the last seven. Raises `Invalid` for too many days, or an instant that is still to come."""
    now = leasing.database_now()
    if as_of is not None and as_of > now:
        raise Invalid(_("A timesheet cannot be reckoned as of a moment that is still to come."))
    today = (as_of or now).astimezone(zone).date()
    last = last or today
    first = first or last - timedelta(days=6)
    if first > last:
        raise Invalid(_("The first day lies after the last."))
    if (last - first).days >= settings.MAX_TIMESHEET_DAYS:
        raise Invalid(
            _("A timesheet has at most %(max_timesheet_days)s days.")
            % {"max_timesheet_days": settings.MAX_TIMESHEET_DAYS}
        )
    return Period(first, last, as_of or now)


def who_worked(*, project: Project, asked: Period) -> Any:
    """The people of the project who held a lease in the period, or near it; programs and imported names are not paid."""
    since, until = bounds(asked)
    return Annotator.objects.filter(
        project=project, kind__in=[AnnotatorKind.PERSON], pk__in=_busy(project, since, until, asked.as_of)
    )


def _busy(project: Project, since: datetime, until: datetime, as_of: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT annotator_id FROM workforce_lease WHERE leased_at >= %(since)s AND leased_at < %(until)s "
            "AND leased_at <= %(as_of)s AND project_id = %(project)s UNION "
            "SELECT annotator_id FROM workforce_quizattempt WHERE started_at >= %(since)s AND started_at < %(until)s "
            "AND started_at <= %(as_of)s AND project_id = %(project)s",
            {"since": since, "until": until, "as_of": as_of, "project": project.pk},
        )
        return [row[0] for row in cursor.fetchall()]


def bounds(asked: Period) -> tuple[datetime, datetime]:
    """The period in every time zone there is: a day more on both sides."""
    start = datetime.combine(asked.first, datetime.min.time(), tzinfo=UTC)
    return start - timedelta(days=1), start + timedelta(days=(asked.last - asked.first).days + 2)


def persons(*, project: Project, annotators: Sequence[Annotator], asked: Period) -> Iterator[Person]:
    """The sheets of these people, one after the other; people without work in the period are left out.

    Eight queries for all of them together, whatever their number.
    """
    since, until = bounds(asked)
    worked = hours.worked(annotators=annotators, since=since, until=until, as_of=asked.as_of)
    rates = paying.Rates(project, as_of=asked.as_of)
    zones = {annotator.pk: hours.zone_of(annotator, project) for annotator in annotators}
    days = [asked.first + timedelta(days=n) for n in range((asked.last - asked.first).days + 1)]
    answers = _answers(zones, days, asked.as_of)
    queues = {queue.pk: queue for queue in Queue.objects.filter(project=project)}
    for annotator in annotators:
        zone = zones[annotator.pk]
        found: dict[tuple[date, int, str], list[int]] = {}
        for day, piece in timekeeping.by_day(worked[annotator.pk], zone):
            booking = piece.what
            if isinstance(booking, hours.Booking) and asked.first <= day <= asked.last:
                work = work_of(queues[booking.queue_id], booking.task_round)
                found.setdefault((day, booking.queue_id, work), [0, 0])[0] += piece.seconds
        for (day, queue_id, task_round), n in answers.get(annotator.pk, {}).items():
            work = work_of(queues[queue_id], task_round)
            found.setdefault((day, queue_id, work), [0, 0])[1] += n
        lines = []
        for (day, queue_id, work), (seconds, n_answers) in sorted(found.items()):
            price = rates.at(
                day,
                day_ends=timekeeping.midnight(day + timedelta(days=1), zone),
                queue_id=queue_id,
                annotator_id=annotator.pk,
                work=work,
            )
            lines.append(
                Line(
                    annotator.pseudonym,
                    str(zone),
                    day,
                    queues[queue_id].key,
                    work,
                    seconds,
                    n_answers,
                    price,
                    price.money(seconds=seconds, n_answers=n_answers),
                )
            )
        if lines:
            yield Person(annotator, str(zone), lines, summed(project, lines))


def work_of(queue: Queue, task_round: int) -> str:
    """The kind of work that time on a task of the queue is paid as; round 0 is a quiz."""
    if task_round == 0:
        return Work.QUIZ
    work = paying.work_of(queue)
    return Work.REWORK if task_round > 1 and work == Work.LABELLING else work


# Answers by the day, in their author's zone, on which they came.
_ANSWERED = """
    FROM unnest(%(annotators)s::bigint[], %(days)s::date[], %(since)s::timestamptz[], %(until)s::timestamptz[])
        AS d (annotator, day, since, until)
    JOIN workforce_assignment s ON s.annotator_id = d.annotator AND s.state = 'submitted'
        AND s.submitted_at >= d.since AND s.submitted_at < d.until AND s.submitted_at <= %(as_of)s
        AND s.leased_at IS NOT NULL
    JOIN workforce_task t ON t.id = s.task_id
"""


def _days(zones: Mapping[int, Any], days: Sequence[date], as_of: datetime) -> dict[str, Any]:
    """The parameters of `_ANSWERED`: each day of each person, with its bounds there."""
    every = [(annotator, day, zone) for annotator, zone in zones.items() for day in days]
    return {
        "annotators": [annotator for annotator, _, _ in every],
        "days": [day for _, day, _ in every],
        "since": [timekeeping.midnight(day, zone) for _, day, zone in every],
        "until": [timekeeping.midnight(day + timedelta(days=1), zone) for _, day, zone in every],
        "as_of": as_of,
    }


def _answers(
    zones: Mapping[int, Any], days: Sequence[date], as_of: datetime
) -> dict[int, dict[tuple[date, int, int], int]]:
    """By annotator: how many answers by day, queue and round. One query."""
    found: dict[int, dict[tuple[date, int, int], int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT d.annotator, d.day, s.queue_id, least(t.round, 2), count(*) {_ANSWERED} GROUP BY 1, 2, 3, 4",
            _days(zones, days, as_of),
        )
        for annotator_id, day, queue_id, task_round, n in cursor.fetchall():
            found.setdefault(annotator_id, {})[day, queue_id, task_round] = n
    return found


def answered(
    zones: Mapping[int, Any], days: Sequence[date], as_of: datetime
) -> list[tuple[date, hours.Booking]]:
    """The same answers one by one, with their slots. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT d.day, s.project_id, d.annotator, s.queue_id, least(t.round, 2), s.id {_ANSWERED} ORDER BY s.id",
            _days(zones, days, as_of),
        )
        return [(day, hours.Booking(*booked)) for day, *booked in cursor.fetchall()]


def summed(project: Project, lines: Iterable[Line]) -> Sum:
    """The sums of some lines; an hour's worth counts paid time only, by currency."""
    lines = list(lines)
    seconds: dict[str, int] = {}
    due: dict[str, Decimal] = {}
    for line in lines:
        currency = line.price.currency
        seconds[currency] = seconds.get(currency, 0) + line.seconds
        due[currency] = due.get(currency, Decimal(0)) + line.price.due(
            seconds=line.seconds, n_answers=line.n_answers
        )
    money = paying.total((line.price.currency, line.money) for line in lines)
    hourly = [
        (currency, (due[currency] * 3600 / seconds[currency]).quantize(paying.CENT))
        for currency, _ in money
        if seconds[currency]
    ]
    paid = any(line.price.amount for line in lines)
    return Sum(
        sum(line.seconds for line in lines),
        sum(line.n_answers for line in lines),
        [(currency, amount) for currency, amount in money if amount],
        [(currency, amount) for currency, amount in hourly if amount],
        paid and any(paying.below(project, amount, currency) for currency, amount in hourly),
    )


def stamp(*, project: Project, asked: Period) -> dict[str, Any]:
    """What the sheet says of itself, so that it can be reckoned again."""
    return {
        "project": project.key,
        "first": asked.first.isoformat(),
        "last": asked.last.isoformat(),
        "as_of": asked.as_of.isoformat(),
        "ledger_position": ledger.position(project_id=project.pk),
        "idle_cap_seconds": int(settings.IDLE_CAP.total_seconds()),
    }
