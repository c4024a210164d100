"""Timesheets, rates and what people may expect: exact, reckoned again, never twice for one moment."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import costing
from specs import governing
from specs.models import Role
from specs.refusals import Invalid
from tests import cast
from tests.workforce.worked import work
from workforce import leasing, paying, service_levels, staffing, timesheets
from workforce.models import Assignment, Lease, Queue, Rate, RateBasis

pytestmark = pytest.mark.django_db
NOON = datetime(2025, 5, 4, 12, tzinfo=UTC)
DAY = date(2025, 5, 4)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def asked(first: date = DAY, last: date = DAY, as_of: datetime | None = None) -> timesheets.Period:
    return timesheets.period(first=first, last=last, as_of=as_of, zone=UTC)


def sheet(stage: cast.Stage, period: timesheets.Period | None = None) -> list[timesheets.Line]:
    period = period or asked()
    people = list(timesheets.who_worked(project=stage.project, asked=period).order_by("pk"))
    return [
        line
        for person in timesheets.persons(project=stage.project, annotators=people, asked=period)
        for line in person.lines
    ]


def rate(stage: cast.Stage, amount: str, **more: Any) -> Rate:
    given: dict[str, Any] = {
        "basis": RateBasis.HOUR,
        "currency": "EUR",
        "since": date(2025, 1, 1),
        "by": stage.ada,
        **more,
    }
    return paying.set_rate(project=stage.project, amount=Decimal(amount), **given)


@pytest.fixture
def stage(db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=3)
    made.load(40)
    return made


def test_answered_released_and_forgotten_leases_count_by_their_rules(stage: cast.Stage) -> None:
    work(stage, stage.ben, NOON, minutes(7))
    work(stage, stage.ben, NOON + minutes(60), None, renewed=minutes(20))
    assert [(line.seconds, line.n_answers) for line in sheet(stage)] == [((7 + 25) * 60, 1)]
    served = stage.claim(stage.chi)
    leasing.release(assignment_id=served.assignment_id, annotator=stage.chi, token=served.token, by=None)
    today = leasing.database_now().date()
    lines = [line for line in sheet(stage, asked(today, today)) if line.annotator == stage.chi.pseudonym]
    assert sum(line.seconds for line in lines) <= 2, "it was handed back at once"


def test_an_answer_that_came_late_is_paid_to_the_end_of_its_lease(stage: cast.Stage) -> None:
    slot = work(stage, stage.ben, NOON, None)
    Lease.objects.create(  # the late answer took the slot anew, in the moment it came
        project=stage.project,
        assignment=slot,
        annotator=stage.ben,
        token="00000000-0000-4000-8000-000000000001",
        version=stage.version,
        leased_at=NOON + minutes(50),
        until=NOON + minutes(80),
    )
    rows = type(slot).objects.filter(pk=slot.pk)
    rows.update(
        state="leased",
        annotator=stage.ben,
        token="00000000-0000-4000-8000-000000000001",
        version=stage.version,
        leased_at=NOON + minutes(50),
        lease_until=NOON + minutes(80),
    )
    rows.update(state="submitted", submitted_at=NOON + minutes(50), lease_until=None)
    assert sum(line.seconds for line in sheet(stage)) == 30 * 60


def test_a_person_in_two_projects_is_paid_once_for_a_moment(stage: cast.Stage) -> None:
    other = cast.stage("other", overlap=2)
    other.load(3)
    user = stage.ben.user
    assert user is not None
    member = staffing.add_member(project=other.project, user=user, roles=[Role.ANNOTATOR], by=other.ada)
    there = staffing.annotator_for(member=member)
    staffing.enrol(queue=other.queue, annotator=there, by=other.ada)
    work(stage, stage.ben, NOON, minutes(20))
    work(other, there, NOON + minutes(5), minutes(10))
    here, elsewhere = sheet(stage), sheet(other)
    assert [line.seconds for line in here + elsewhere] == [10 * 60, 10 * 60]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_a_night_is_split_at_the_midnight_of_the_persons_zone_and_adds_up(
    stage: cast.Stage, zone: str
) -> None:
    governing.change_settings(project=stage.project, by=stage.ada, time_zone=zone)
    stage.project.refresh_from_db()
    there = ZoneInfo(zone)
    start = datetime(2025, 3, 28, 23, 50, 0, 250_000, tzinfo=there).astimezone(UTC)
    work(stage, stage.ben, start, timedelta(minutes=25, microseconds=900_000))
    lines = sheet(stage, asked(date(2025, 3, 27), date(2025, 3, 30)))
    assert [(line.day, line.seconds) for line in lines] == [
        (date(2025, 3, 28), 600),
        (date(2025, 3, 29), 901),
    ]
    assert {line.time_zone for line in lines} == {zone}


def test_a_night_of_25_hours_is_paid_in_full(stage: cast.Stage) -> None:
    governing.change_settings(project=stage.project, by=stage.ada, time_zone="Europe/Berlin")
    stage.project.refresh_from_db()
    rate(stage, "12")
    for hour in range(25):
        start = datetime(2025, 10, 25, 22, tzinfo=UTC) + timedelta(hours=hour)
        work(stage, stage.ben, start, timedelta(hours=1), term=timedelta(hours=1))
    (line,) = sheet(stage, asked(date(2025, 10, 26), date(2025, 10, 26)))
    assert (line.seconds, line.money) == (25 * 3600, Decimal("300.00"))


def test_reckoned_again_a_sheet_is_the_same_whatever_came_since(stage: cast.Stage) -> None:
    rate(stage, "10")
    work(stage, stage.ben, NOON, minutes(7))
    as_of = leasing.database_now()
    before = sheet(stage, asked(as_of=as_of))
    rate(stage, "99", since=DAY)
    work(stage, stage.ben, NOON + minutes(10), minutes(7))
    assert sheet(stage, asked(as_of=as_of))[0].price == before[0].price
    assert {line.price.amount for line in sheet(stage)} == {Decimal("99.0000")}


def test_the_narrowest_rate_of_the_day_counts(stage: cast.Stage) -> None:
    governing.change_settings(project=stage.project, by=stage.ada, hourly_rate=Decimal(10))
    start = leasing.database_now()
    governing.change_settings(project=stage.project, by=stage.ada, hourly_rate=Decimal(11))
    rate(stage, "12", work="adjudication")
    rate(stage, "13", queue=stage.queue, until=date(2025, 6, 30))
    rate(stage, "14", queue=stage.queue, since=date(2025, 6, 1), until=date(2025, 6, 30))
    rate(stage, "15", annotator=stage.chi)
    rates = paying.Rates(stage.project, as_of=leasing.database_now())

    def amount(
        day: date, who: Any = stage.ben, queue: int | None = stage.queue.pk, work: str = "labelling"
    ) -> Decimal:
        return rates.at(day, day_ends=start, queue_id=queue, annotator_id=who.pk, work=work).amount

    assert amount(date(2024, 12, 31)) == 10, "the project's own, as it was at the end of that day"
    assert amount(date(2025, 5, 1)) == 13
    assert amount(date(2025, 6, 1)) == 14
    assert amount(date(2025, 7, 1)) == 10
    assert amount(date(2025, 6, 1), stage.chi) == 15
    assert amount(date(2025, 7, 1), queue=None, work="adjudication") == 12
    later = rates.at(
        DAY, day_ends=leasing.database_now(), queue_id=None, annotator_id=stage.ben.pk, work="labelling"
    )
    assert later.amount == 11


def test_nobody_is_paid_by_the_answer_before_it_is_known_what_an_hour_comes_to(stage: cast.Stage) -> None:
    with pytest.raises(Invalid) as refused:
        rate(stage, "0.05", basis=RateBasis.ANSWER, queue=stage.queue)
    assert refused.value.problems[0]["where"] == "basis"
    for n in range(20):
        work(stage, stage.ben, NOON + minutes(2 * n), minutes(1))
    rate(stage, "0.05", basis=RateBasis.ANSWER, queue=stage.queue)
    governing.change_settings(project=stage.project, by=stage.ada, living_wage=Decimal(12))
    client = Client()
    client.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    page = client.get("/p/rte/queues/main/label/").content.decode()
    assert "3.00 EUR an hour" in page
    assert "below the living wage" in page
    assert [(line.money, line.n_answers) for line in sheet(stage)] == [(Decimal("1.00"), 20)]


def test_the_page_the_csv_and_the_json_say_the_same_to_the_second_and_the_cent(stage: cast.Stage) -> None:
    rate(stage, "12.34")
    for n, who in enumerate((stage.ben, stage.chi, stage.dov)):
        for k in range(3):
            work(stage, who, NOON + minutes(30 * k), timedelta(seconds=61 + 7 * n + 11 * k))
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    query = f"?first={DAY}&last={DAY}"
    file = b"".join(client.get(f"/p/rte/timesheet/csv/{query}").streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(file.decode())))
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    reply = api.get(f"/api/v1/projects/rte/timesheet{query}").json()
    page = client.get(f"/p/rte/timesheet/{query}").content.decode()
    seconds = sum(int(row["seconds"]) for row in rows)
    money = sum(Decimal(row["money"]) for row in rows)
    assert seconds == sum(61 + 7 * n + 11 * k for n in range(3) for k in range(3)) == reply["sum"]["seconds"]
    assert str(money) == reply["sum"]["money"]["EUR"]
    assert f"<dd>{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}</dd>" in page
    assert f"{money} EUR" in page
    assert {row["as_of"] for row in rows} != {""}
    assert {row["ledger_position"] for row in rows} == {str(reply["stamp"]["ledger_position"])}
    whole = api.get(f"/api/v1/projects/rte/timesheet.csv{query}")
    assert whole.status_code == 200
    assert stage.member("ben").user.username not in file.decode()  # type: ignore[union-attr]


def test_three_seconds_at_a_rate_come_to_that_rate_an_hour(stage: cast.Stage) -> None:
    price = paying.Price(RateBasis.HOUR, Decimal("18.00"), "EUR")
    few = [
        timesheets.Line(
            "a", "UTC", DAY, "q", "work", seconds, 1, price, price.money(seconds=seconds, n_answers=1)
        )
        for seconds in (3, 38)
    ]
    assert [line.money for line in few] == [Decimal("0.02"), Decimal("0.19")]
    stage.project.living_wage = Decimal("17.50")
    found = timesheets.summed(stage.project, few)
    assert found.money == [("EUR", Decimal("0.21"))]
    assert found.hourly == [("EUR", Decimal("18.00"))]
    assert not found.low


def test_one_sees_ones_own_hours_and_nobody_elses(stage: cast.Stage) -> None:
    work(stage, stage.ben, NOON, minutes(7))
    work(stage, stage.chi, NOON, minutes(9))
    client = Client()
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    page = client.get(f"/p/rte/my-hours/?first={DAY}&last={DAY}").content.decode()
    assert "0:07:00" in page
    assert "0:09:00" not in page
    assert client.get("/p/rte/timesheet/").status_code == 403
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.member('ben'))}"})
    own = api.get(f"/api/v1/projects/rte/my-timesheet?first={DAY}&last={DAY}").json()
    assert [line["annotator"] for line in own["lines"]] == [stage.ben.pseudonym]


def test_the_cost_by_source_is_the_timesheets_and_clauses_get_their_answers(stage: cast.Stage) -> None:
    rate(stage, "30")
    today = leasing.database_now().date()
    stage.answer(stage.ben, "yes", cite=["whole"])
    stage.answer(stage.chi, "yes", cite=["numbers"])
    period = asked(today, today)
    cost = costing.reckon(project=stage.project, asked=period)
    assert cost.seconds == sum(line.seconds for line in sheet(stage, period))
    assert cost.n_labels == 1
    assert {share.key for share in cost.clauses} <= {"whole", "numbers"}
    for who in (stage.ben, stage.chi):
        work(stage, who, NOON, minutes(10))
    earlier = costing.reckon(project=stage.project, asked=asked())
    assert [(share.key, share.seconds, share.n_slots) for share in earlier.sources] == [
        ("labelling", 1200, 2)
    ]
    assert earlier.money == [("EUR", Decimal("10.00"))]


def test_what_is_answered_within_a_second_costs_what_it_is_paid_by_the_answer(
    stage: cast.Stage, settings: Any
) -> None:
    settings.TIMED_BEFORE_PIECE_RATE = 1
    work(stage, stage.ben, NOON, timedelta(milliseconds=300))
    work(stage, stage.ben, NOON + minutes(1), timedelta(seconds=5))
    rate(stage, "0.05", basis=RateBasis.ANSWER, queue=stage.queue)
    (line,) = sheet(stage)
    cost = costing.reckon(project=stage.project, asked=asked())
    assert (line.seconds, line.n_answers, line.money) == (5, 2, Decimal("0.10"))
    assert [(share.key, share.seconds, share.n_slots, share.money) for share in cost.sources] == [
        ("labelling", 5, 2, [("EUR", Decimal("0.10"))])
    ]


def test_hours_that_round_cost_what_their_timesheet_says_also_where_two_sources_share_a_line(
    stage: cast.Stage,
) -> None:
    rate(stage, "15.00")
    took = timedelta(seconds=208)
    for who, start in ((stage.ben, NOON), (stage.chi, NOON + minutes(20))):
        work(stage, who, start, took)
    for one, other, third in ((stage.ben, stage.dov, stage.chi), (stage.ben, stage.chi, stage.dov)):
        stage.answer(one, "yes"), stage.answer(other, "no")
        extra = Assignment.objects.get(state="open", asked_after=2)
        work(stage, third, NOON + minutes(10), took, slot=extra)
    lines = sheet(stage)
    cost = costing.reckon(project=stage.project, asked=asked())
    assert cost.money == paying.total((line.price.currency, line.money) for line in lines)
    assert cost.money == [("EUR", Decimal("3.47"))]  # 0.87 twice, and once 1.73 for Chi
    assert {share.key: share.money for share in cost.sources} == {
        "labelling": [("EUR", Decimal("1.73"))],
        "rework": [("EUR", Decimal("1.74"))],
    }


def test_a_sheet_takes_as_many_queries_for_twenty_people_as_for_one(stage: cast.Stage) -> None:
    work(stage, stage.ben, NOON, minutes(7))

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            sheet(stage)
        return len(found)

    one = queries()
    for who in (stage.chi, stage.dov):
        for n in range(5):
            work(stage, who, NOON + minutes(10 * n), minutes(7))
    assert queries() == one


def test_ownership_moves_to_who_can_see_queues_and_is_on_record(stage: cast.Stage) -> None:
    mia = staffing.add_member(
        project=stage.project, user=cast.user("mia"), roles=[Role.MANAGER], by=stage.ada
    )
    assert service_levels.transfer(queue=stage.queue, to=mia, by=stage.ada).owner_id == mia.pk
    with pytest.raises(Invalid):
        service_levels.transfer(queue=stage.queue, to=stage.member("ben"), by=stage.ada)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM specs_event WHERE kind = 'queue.owner-changed'")
        assert cursor.fetchone() is not None


def test_a_queue_without_a_service_level_that_makes_sense_is_refused_in_words(stage: cast.Stage) -> None:
    from workforce import queues

    with pytest.raises(Invalid) as refused:
        queues.change_settings(queue=stage.queue, by=stage.ada, settled_within=timedelta(days=30))
    assert refused.value.problems[0]["where"] == "settled_within"
    assert Queue.objects.get(pk=stage.queue.pk).settled_within == timedelta(days=5)
