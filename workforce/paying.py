"""What work costs: setting rates, finding the one that holds, what somebody may expect to earn.

    (nothing) -> rate: set_rate

The project's own hourly rate is a setting of the project (`specs.governing`); its history is the ledger's. A `Rate` narrows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Event, Member, Project
from specs.refusals import Invalid
from workforce.models import Annotator, Queue, Rate, RateBasis, Work

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Price:
    """What holds for some work: so much for an hour or for an answer. `rate_id` is None for the project's own rate."""

    basis: str
    amount: Decimal
    currency: str
    rate_id: int | None = None

    def money(self, *, seconds: int, n_answers: int) -> Decimal:
        """The cost of that much work, to the cent, halves to the even one."""
        return to_the_cent(self.due(seconds=seconds, n_answers=n_answers))

    def due(self, *, seconds: int, n_answers: int) -> Decimal:
        """The same before it is rounded: what an hour came to is reckoned from this, or few seconds would look ill paid."""
        return self.amount * seconds / 3600 if self.basis == RateBasis.HOUR else self.amount * n_answers


def to_the_cent(amount: Decimal) -> Decimal:
    """The one rule of rounding: to the cent, halves to the even one."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def shared_out(due: Mapping[Any, Decimal]) -> dict[Any, Decimal]:
    """What is *due* in cents that add up to the rounded sum: who lost most by rounding down gets the next cent.

    >>> {key: str(cents) for key, cents in shared_out({key: Decimal(1) / 3 for key in "abc"}).items()}
    {'a': '0.34', 'b': '0.33', 'c': '0.33'}
    """
    shares = {key: amount.quantize(CENT, ROUND_FLOOR) for key, amount in due.items()}
    left = int((to_the_cent(sum(due.values(), Decimal(0))) - sum(shares.values(), Decimal(0))) / CENT)
    for key in sorted(due, key=lambda key: shares[key] - due[key])[:left]:
        shares[key] += CENT
    return shares


def set_rate(
    *,
    project: Project,
    basis: str,
    amount: Decimal,
    currency: str,
    since: date,
    until: date | None = None,
    queue: Queue | None = None,
    annotator: Annotator | None = None,
    work: str = "",
    by: Member,
) -> Rate:
    """A rate from a day on. It replaces nothing: what was reckoned before can be reckoned again.

    Raises `Invalid`; a rate for an answer needs a queue whose answers were timed at least `TIMED_BEFORE_PIECE_RATE` times, so
    that what an hour comes to can be told before anybody works for it.
    """
    rate = Rate(
        project=project,
        queue=queue,
        annotator=annotator,
        work=work,
        basis=basis,
        amount=amount,
        currency=currency,
        since=since,
        until=until,
        set_by=by,
        event_id=0,
    )
    try:
        rate.clean_fields(exclude=["project", "queue", "annotator", "set_by", "set_at"])
    except ValidationError as error:
        raise Invalid(
            _("This is no rate."),
            problems=[
                {"where": name, "message": " ".join(messages)}
                for name, messages in error.message_dict.items()
            ],
        ) from error
    if until is not None and until < since:
        raise Invalid(
            _("This is no rate."), problems=[{"where": "until", "message": _("lies after it began")}]
        )
    if basis == RateBasis.ANSWER:
        _timed_enough(queue)
    with transaction.atomic():
        rate.event_id = ledger.record(
            project_id=project.pk,
            kind="rate.set",
            by=by,
            subject=("project", project.pk),
            data={
                "queue": queue.pk if queue else None,
                "annotator": annotator.pk if annotator else None,
                "work": work,
                "basis": basis,
                "amount": str(amount),
                "currency": currency,
                "since": since.isoformat(),
                "until": until.isoformat() if until else None,
            },
        )
        rate.save()
    return rate


def _timed_enough(queue: Queue | None) -> None:
    if queue is None:
        raise Invalid(
            _("A rate for an answer belongs to a queue."),
            problems=[
                {"where": "queue", "message": _("has to be named: answers of other queues take other times")}
            ],
        )
    timed = pace(queue)
    if timed.n < settings.TIMED_BEFORE_PIECE_RATE:
        raise Invalid(
            _("Too few answers were timed to tell what an hour would come to."),
            problems=[
                {
                    "where": "basis",
                    "message": _(
                        "needs %(timed_before_piece_rate)s timed answers to this spec, a pilot's count; there are "
                        "%(timed_n)s"
                    )
                    % {"timed_before_piece_rate": settings.TIMED_BEFORE_PIECE_RATE, "timed_n": timed.n},
                }
            ],
        )


class Rates:
    """The rates of a project as they were known at an instant, for many look-ups: three queries, then none."""

    def __init__(self, project: Project, *, as_of: datetime) -> None:
        self._rates = list(Rate.objects.filter(project=project, set_at__lte=as_of).order_by("since", "pk"))
        now = Project.objects.get(pk=project.pk)
        self._amount, self._currency = now.hourly_rate, now.currency
        self._changes = list(
            Event.objects.filter(
                project=project,
                subject="project",
                subject_id=project.pk,
                kind="project.settings-changed",
            )
            .order_by("pk")
            .values_list("recorded_at", "data")
        )
        self._as_of = as_of

    def at(
        self, day: date, *, day_ends: datetime, queue_id: int | None, annotator_id: int, work: str
    ) -> Price:
        """What holds on a day for some work. `day_ends` is when that day is over: the project's rate is the one at its end."""
        fitting = [
            rate
            for rate in self._rates
            if rate.since <= day
            and (rate.until is None or rate.until >= day)
            and rate.queue_id in (None, queue_id)
            and rate.annotator_id in (None, annotator_id)
            and rate.work in ("", work)
        ]
        if fitting:
            best = max(
                fitting,
                key=lambda rate: (
                    rate.annotator_id is not None,
                    rate.queue_id is not None,
                    rate.work != "",
                    rate.since,
                    rate.pk,
                ),
            )
            return Price(best.basis, best.amount, best.currency, best.pk)
        return self._own(min(day_ends, self._as_of))

    def _own(self, at: datetime) -> Price:
        """The project's own rate as it was: what the first change afterwards names as the value before it."""
        later = [data for when, data in self._changes if when > at]
        amount = next(
            (Decimal(data["hourly_rate"][0]) for data in later if "hourly_rate" in data), self._amount
        )
        currency = next((data["currency"][0] for data in later if "currency" in data), self._currency)
        return Price(RateBasis.HOUR, amount, currency)


@dataclass(frozen=True)
class Pace:
    """How long an answer takes: the median in seconds of the newest `n`; None when nobody answered yet."""

    n: int
    seconds: float | None


_PACE = """
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM seconds)) FROM (
        SELECT s.submitted_at - s.leased_at AS seconds
        FROM workforce_enrolment e
        CROSS JOIN LATERAL (
            SELECT * FROM workforce_assignment a
            WHERE a.annotator_id = e.annotator_id AND a.state = 'submitted' AND a.queue_id = e.queue_id
              AND a.leased_at IS NOT NULL AND a.submitted_at > a.leased_at
            ORDER BY a.submitted_at DESC LIMIT %(each)s
        ) s
        WHERE e.queue_id = ANY(%(queues)s)
    ) newest
"""


def pace(queue: Queue, *, each: int = 50) -> Pace:
    """The pace of a queue from the newest *each* answers of everybody in it, else of its spec's queues (a pilot's, too)."""
    for queues in ([queue.pk], list(Queue.objects.filter(spec=queue.spec_id).values_list("pk", flat=True))):
        with connection.cursor() as cursor:
            cursor.execute(_PACE, {"queues": queues, "each": each})
            n, seconds = cursor.fetchone()
        if n >= settings.TIMED_BEFORE_PIECE_RATE:
            break
    return Pace(n, None if seconds is None else float(seconds))


@dataclass(frozen=True)
class Offer:
    """What somebody may expect before she begins: the price, and what an hour comes to where it is paid by answer."""

    price: Price
    hourly: Decimal | None
    n_timed: int
    below_living_wage: bool


def offer(*, queue: Queue, annotator: Annotator, at: datetime, zone: Any) -> Offer | None:
    """What the queue pays this annotator now; None where nothing is said of pay."""
    today = at.astimezone(zone).date()
    price = Rates(queue.project, as_of=at).at(
        today, day_ends=at, queue_id=queue.pk, annotator_id=annotator.pk, work=work_of(queue)
    )
    if not price.amount:
        return None
    hourly: Decimal | None = price.amount
    timed = Pace(0, None)
    if price.basis == RateBasis.ANSWER:
        timed = pace(queue)
        hourly = (price.amount * 3600 / Decimal(timed.seconds)).quantize(CENT) if timed.seconds else None
    return Offer(price, hourly, timed.n, below(queue.project, hourly, price.currency))


def below(project: Project, hourly: Decimal | None, currency: str) -> bool:
    """Whether so much an hour lies under the project's living wage; never said of another currency or of nothing."""
    return bool(
        hourly is not None
        and project.living_wage
        and currency == project.currency
        and hourly < project.living_wage
    )


def work_of(queue: Queue) -> str:
    """The kind of work that is done in a queue (a task's second round is `rework` wherever it is)."""
    return {
        "adjudication": Work.ADJUDICATION,
        "relabelling": Work.REWORK,
        "calibration": Work.TRAINING,
        "training": Work.TRAINING,
        "review": Work.REVIEW,
        "rework": Work.RETURNED,
    }.get(queue.purpose, Work.LABELLING)


def total(amounts: Iterable[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """Sums by currency, in the order of their names."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sorted(sums.items())


def newest(*, project: Project) -> QuerySet[Rate]:
    """The rates of a project, newest first, with what they name."""
    return (
        Rate.objects.filter(project=project)
        .select_related("queue", "annotator", "set_by__user")
        .order_by("-pk")[:200]
    )
