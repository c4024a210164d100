"""Closed hours, gauges, the board and what-if: bounded, harmless to repeat, and right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import cast
from workforce import jobs, leasing, operating, queues, rolling
from workforce.models import Queue, QueueGauge, QueueHour

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(db: None) -> cast.Stage:
    made = cast.stage(overlap=2, max_overlap=3)
    made.load(10)
    return made


@pytest.fixture
def client(stage: cast.Stage) -> Client:
    found = Client()
    found.force_login(stage.ada.user)  # type: ignore[arg-type]
    return found


def hour_ago(stage: cast.Stage, hours: int, **counted: Any) -> QueueHour:
    hour = leasing.database_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    given = dict.fromkeys((*rolling._FLOW_NAMES, "n_slots"), 0) | {"n_tasks": 10} | counted
    return QueueHour.objects.create(project=stage.project, queue=stage.queue, hour=hour, **given)


def test_answers_settled_tasks_and_disputes_are_counted_where_they_happened(stage: cast.Stage) -> None:
    for who, value in ((stage.ben, "yes"), (stage.chi, "yes")):
        stage.answer(who, value)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no"), (stage.dov, "yes")):
        stage.answer(who, value)
    flows = rolling.look(stage.queue)["flows"]
    assert (
        flows["n_answers"],
        flows["n_again"],
        flows["n_people"] if "n_people" in flows else flows["people"],
    ) == (5, 1, 3)
    assert flows["n_settled"] == flows["n_in_time"] == 1
    gauge = rolling.measure(queue=stage.queue)
    assert gauge.counts["people"] == 3
    assert sum(n for _, n, _ in gauge.ages) == gauge.counts["slots_open"] + gauge.counts.get(
        "slots_leased", 0
    )


def test_hours_are_closed_once_whoever_closes_them_and_however_often(stage: cast.Stage) -> None:
    Queue.objects.filter(project=stage.project).update(created_at=leasing.database_now() - timedelta(hours=6))
    assert rolling.close_hours(project_id=stage.project.pk) > 0
    before = list(QueueHour.objects.order_by("pk").values())
    assert rolling.close_hours(project_id=stage.project.pk) == 0
    jobs.gauge_queues()
    assert list(QueueHour.objects.order_by("pk").values()) == before
    assert len({(row["queue_id"], row["hour"]) for row in before}) == len(before)


def test_a_count_that_was_dear_is_not_made_again_at_once(stage: cast.Stage) -> None:
    for queue in Queue.objects.filter(project=stage.project):
        rolling.measure(queue=queue)
    assert rolling.due(project_id=stage.project.pk) == []
    old = leasing.database_now() - timedelta(minutes=5)
    QueueGauge.objects.update(measured_at=old, took_ms=1)
    assert len(rolling.due(project_id=stage.project.pk)) == 2
    QueueGauge.objects.update(took_ms=60_000)
    assert rolling.due(project_id=stage.project.pk) == []


def test_the_forecast_comes_from_what_was_measured(stage: cast.Stage) -> None:
    for hours in range(50, 1, -1):
        hour_ago(stage, hours, n_answers=2, n_people=1)
    gauge = rolling.measure(queue=stage.queue)
    low, middle, high = gauge.forecast["drained"]
    assert low == middle == high == 10, "20 answers at 2 an hour"
    answer = operating.what_if(queue=stage.queue, gauge=gauge, people=1)
    assert answer.after["drained"][1] == 5


def test_the_worst_queue_stands_first_and_says_why(stage: cast.Stage) -> None:
    calm = queues.create_queue(
        project=stage.project, key="calm", name="A calm one", spec=stage.spec, owner=stage.ada, by=stage.ada
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_task SET created_at = now() - interval '9 days' WHERE queue_id = %s",
            [stage.queue.pk],
        )
    first, *rest = operating.board(project=stage.project)
    assert (first.queue, first.tone) == (stage.queue, "bad")
    assert first.reasons == ["the oldest task is older than it may be"]
    assert calm in [one.queue for one in rest]
    stage.load(2, start=50, queue=calm)
    assert "nobody is enrolled" in operating.of(calm).reasons


def test_the_board_tells_nothing_while_nothing_moved(stage: cast.Stage, client: Client) -> None:
    jobs.gauge_queues()
    mark = operating.mark(operating.board(project=stage.project))
    asked = {"headers": {"HX-Request": "true"}}
    assert client.get(f"/p/rte/queues/?mark={mark}", **asked).status_code == 204  # type: ignore[arg-type]
    stage.answer(stage.ben, "yes")
    for queue in Queue.objects.all():
        rolling.measure(queue=queue)
    moved = client.get(f"/p/rte/queues/?mark={mark}", **asked)  # type: ignore[arg-type]
    assert moved.status_code == 200
    assert moved.content.count(b"<table") == 1


def test_the_board_takes_as_many_queries_for_thirty_queues_as_for_three(
    stage: cast.Stage, client: Client
) -> None:
    jobs.gauge_queues()

    def n_queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get("/p/rte/queues/").status_code == 200
        return len(found)

    few = n_queries()
    for n in range(8):
        queues.create_queue(
            project=stage.project, key=f"q{n}", name=f"Q{n}", spec=stage.spec, owner=stage.ada, by=stage.ada
        )
    jobs.gauge_queues()
    assert n_queries() == few


def test_what_if_on_the_page_as_a_plain_form_by_htmx_and_by_rest(stage: cast.Stage, client: Client) -> None:
    for hours in range(50, 1, -1):
        hour_ago(stage, hours, n_answers=2, n_people=1)
    rolling.measure(queue=stage.queue)
    where = "/p/rte/queues/main/operations/?people=1&items=0&overlap=2"
    assert "As it would be" in client.get(where).content.decode()
    part = client.get(where, headers={"HX-Request": "true"})
    assert part.content.strip().startswith(b'<div id="what-if"')
    assert client.get("/p/rte/queues/main/operations/?people=9999999").status_code == 200
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    reply = api.get("/api/v1/projects/rte/queues/main/what-if?people=1").json()
    assert (reply["before"]["drained"][1], reply["after"]["drained"][1]) == (10, 5)
    board = api.get("/api/v1/projects/rte/board").json()["queues"]
    assert {row["queue"] for row in board} >= {"main"}
    assert api.get("/api/v1/projects/rte/queues/main/what-if?people=x").status_code in (400, 422)


def test_relabelling_is_a_class_of_demand_of_its_own() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    queues.create_queue(
        project=stage.project,
        key="again",
        name="Again",
        spec=stage.spec,
        owner=stage.ada,
        purpose="relabelling",
        adjudication_queue=stage.queue.adjudication_queue,
        by=stage.ada,
        overlap=1,
        max_overlap=1,
    )
    stage.load(2, start=10, queue=Queue.objects.get(key="again"))
    found = {one.purpose: one.waiting for one in operating.demands(operating.board(project=stage.project))}
    assert found == {"labelling": 6, "adjudication": 0, "relabelling": 2}
