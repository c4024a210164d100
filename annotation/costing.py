"""What labels cost: the time of `workforce.hours` at the prices of `workforce.paying`, by source and by clause.

The sums are those of the timesheets, to the second and to the cent: what a line of a timesheet comes to is shared out among the
sources that its time was spent on, and nothing is rounded a second time. A clause is charged with the whole of an answer that
cites it, so clauses do not add up to the sum: an answer may cite two, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from specs.models import Clause, Project
from specs.refusals import Refusal
from workforce import hours, paying, timekeeping, timesheets
from workforce.models import Annotator, Queue, Work

GOLD = "gold"
SOURCES = {
    Work.LABELLING.value: gettext_lazy("First answers"),
    Work.REWORK.value: gettext_lazy("Labelling again: more answers than first wanted, tasks that came back"),
    Work.REVIEW.value: gettext_lazy("Review"),
    Work.RETURNED.value: gettext_lazy("Rework: answers that a reviewer returned"),
    Work.ADJUDICATION.value: gettext_lazy("Adjudication"),
    GOLD: gettext_lazy("Items whose answer is known, and repeats"),
    Work.TRAINING.value: gettext_lazy("Training and calibration"),
    Work.QUIZ.value: gettext_lazy("Quizzes on the spec"),
}

_SLOTS = """
    SELECT s.id, s.asked_after > 0 OR t.round > 1, EXISTS (
        SELECT 1 FROM workforce_probe p WHERE p.task_id = s.task_id),
        ARRAY(SELECT DISTINCT c.clause_id FROM annotation_annotation a JOIN annotation_citation c ON c.annotation_id = a.id
              WHERE a.assignment_id = s.id AND c.clause_id IS NOT NULL)
    FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id
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

    def add(self, pieces: list[_Piece], currency: str, money: Decimal) -> None:
        self.seconds += sum(piece.seconds for piece in pieces)
        self.slots.update(piece.slot for piece in pieces)
        if money:
            self.money[currency] = self.money.get(currency, Decimal(0)) + money

    def as_share(self, key: str, title: str | Promise) -> Share:
        return Share(key, str(title), self.seconds, len(self.slots), sorted(self.money.items()))


@dataclass(frozen=True)
class _Piece:
    """Some time of one slot on one day: its source, the clauses its answer cites, whether it was answered that day."""

    source: str
    clauses: Sequence[int]
    slot: int
    seconds: int
    answered: bool


_Line = tuple[date, int, int, str]
"""What a line of a timesheet is about: the day in the annotator's zone, annotator, queue, kind of work."""


def reckon(*, project: Project, asked: timesheets.Period) -> Cost:
    """What the days of *asked* cost, days being those of who worked. Raises `TooMuchAtOnce` beyond `COSTED_AT_ONCE` leases.

    Accepted labels are counted by the project's days. Ten queries, whatever the size.
    """
    zone = hours.zone_of(None, project)
    since = timekeeping.midnight(asked.first, zone)
    until = timekeeping.midnight(asked.last + timedelta(days=1), zone)
    people = list(timesheets.who_worked(project=project, asked=asked))
    _bounded(project, since, until)
    queues = {queue.pk: queue for queue in Queue.objects.filter(project=project)}
    zones = {annotator.pk: hours.zone_of(annotator, project) for annotator in people}
    rates = paying.Rates(project, as_of=asked.as_of)
    by_source: dict[str, _Tally] = {}
    by_clause: dict[int, _Tally] = {}
    for line, pieces in _lines(people, zones, queues, asked).items():
        day, annotator_id, queue_id, work = line
        price = rates.at(
            day,
            day_ends=timekeeping.midnight(day + timedelta(days=1), zones[annotator_id]),
            queue_id=queue_id,
            annotator_id=annotator_id,
            work=work,
        )
        _book(by_source, price, pieces, lambda piece: [piece.source], whole=True)
        _book(by_clause, price, pieces, lambda piece: piece.clauses, whole=False)
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


def _lines(
    people: list[Annotator], zones: dict[int, Any], queues: dict[int, Queue], asked: timesheets.Period
) -> dict[_Line, list[_Piece]]:
    """The pieces of time by the line of the timesheet that they stand in."""
    since, until = timesheets.bounds(asked)
    worked = hours.worked(annotators=people, since=since, until=until, as_of=asked.as_of)
    booked = [
        (day, piece, piece.what)
        for annotator_id, found in worked.items()
        for day, piece in timekeeping.by_day(found, zones[annotator_id])
        if isinstance(piece.what, hours.Booking) and asked.first <= day <= asked.last
    ]
    days = [asked.first + timedelta(days=n) for n in range((asked.last - asked.first).days + 1)]
    answered = {
        (day, booking.annotator_id, booking.assignment_id): booking
        for day, booking in timesheets.answered(zones, days, asked.as_of)
    }
    slots = _slots({one.assignment_id for one in (*answered.values(), *(booking for *_, booking in booked))})
    lines: dict[_Line, list[_Piece]] = {}

    def add(day: date, booking: hours.Booking, slot: int, seconds: int) -> None:
        again, known, clauses = slots.get(booking.assignment_id, (False, False, ()))
        queue = queues[booking.queue_id]
        line = (day, booking.annotator_id, queue.pk, timesheets.work_of(queue, booking.task_round))
        counts = answered.pop((day, booking.annotator_id, booking.assignment_id), None) is not None
        source = _source(queue, booking, again=again, known=known)
        lines.setdefault(line, []).append(_Piece(source, clauses, slot, seconds, counts))

    for day, piece, booking in booked:
        add(day, booking, booking.assignment_id or piece.key, piece.seconds)
    for (day, *_of), booking in list(answered.items()):  # taken and answered within one second
        add(day, booking, booking.assignment_id, 0)
    return lines


def _book(
    tallies: dict[Any, _Tally],
    price: paying.Price,
    pieces: list[_Piece],
    keys: Callable[[_Piece], Iterable[Any]],
    *,
    whole: bool,
) -> None:
    """Charge a line's money to the keys of its pieces: shared out where it is the *whole* of it, else to each what it took."""
    took: dict[Any, list[_Piece]] = {}
    for piece in pieces:
        for key in keys(piece):
            took.setdefault(key, []).append(piece)
    due = {
        key: price.due(seconds=sum(one.seconds for one in some), n_answers=sum(one.answered for one in some))
        for key, some in took.items()
    }
    money = paying.shared_out(due) if whole else {key: paying.to_the_cent(one) for key, one in due.items()}
    for key, some in took.items():
        tallies.setdefault(key, _Tally(0, set(), {})).add(some, price.currency, money[key])


def _bounded(project: Project, since: Any, until: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM workforce_lease WHERE project_id = %s AND leased_at >= %s AND leased_at < %s "
            "LIMIT %s) few",
            [project.pk, since, until, settings.COSTED_AT_ONCE + 1],
        )
        if cursor.fetchone()[0] > settings.COSTED_AT_ONCE:
            raise TooMuchAtOnce(
                _("These days have more than %(costed_at_once)s leases; ask for fewer days.")
                % {"costed_at_once": settings.COSTED_AT_ONCE}
            )


def _slots(ids: Iterable[int]) -> dict[int, tuple[bool, bool, Sequence[int]]]:
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS, [sorted(set(ids) - {0})])
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}


def _source(queue: Queue, booking: hours.Booking, *, again: bool, known: bool) -> str:
    if booking.task_round == 0:
        return Work.QUIZ.value
    work = paying.work_of(queue)
    if work != Work.LABELLING:
        return str(work)
    return GOLD if known else Work.REWORK.value if again else Work.LABELLING.value


def _clauses(tallies: dict[int, _Tally]) -> list[Share]:
    """The dearest first."""
    names = {clause.pk: clause for clause in Clause.objects.filter(pk__in=list(tallies))}
    found = [tally.as_share(names[pk].key, names[pk].key) for pk, tally in tallies.items()]
    return sorted(found, key=lambda share: (-share.seconds, share.key))


def _settled(queues: list[int], since: Any, until: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, {"queues": queues, "since": since, "until": until})
        return int(cursor.fetchone()[0])
