"""Declared degradation: on record, undone by itself, and nothing answered is lost by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count, Q
from django.test import Client

from annotation import asking
from annotation.models import Annotation
from specs.models import Event
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import degrading, jobs, leasing, staffing
from workforce.models import Assignment, Degradation, Enrolment, Queue, Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(db: None) -> cast.Stage:
    made = cast.stage(overlap=3, max_overlap=4)
    made.load(4)
    return made


def begin(stage: cast.Stage, measure: str, **more: Any) -> Degradation:
    return degrading.begin(
        queue=stage.queue, measure=measure, lasting=timedelta(hours=1), reason="Behind.", by=stage.ada, **more
    )


def wanted(stage: cast.Stage) -> list[tuple[int, int]]:
    """(overlap, live slots) of each task."""
    live = Count("assignments", filter=~Q(assignments__state="withdrawn"))
    return list(
        Task.objects.filter(queue=stage.queue).order_by("pk").annotate(n=live).values_list("overlap", "n")
    )


def test_a_use_needs_a_reason_an_end_and_happens_once_at_a_time(stage: cast.Stage) -> None:
    for lasting, reason in ((timedelta(hours=1), " "), (timedelta(0), "x"), (timedelta(days=99), "x")):
        with pytest.raises(Invalid):
            degrading.begin(
                queue=stage.queue, measure="priority", lasting=lasting, reason=reason, by=stage.ada
            )
    made = begin(stage, "priority")
    with pytest.raises(WrongState):
        begin(stage, "priority")
    assert Event.objects.filter(kind="queue.degraded", subject_id=stage.queue.pk).count() == 1
    degrading.end(degradation=made, by=stage.ada)
    with pytest.raises(WrongState):
        degrading.end(degradation=made, by=stage.ada)
    begin(stage, "priority")


def test_it_ends_by_itself_and_what_somebody_changed_meanwhile_stays(stage: cast.Stage) -> None:
    made = begin(stage, "priority")
    assert Queue.objects.get(pk=stage.queue.pk).priority == degrading.FIRST
    jobs.end_degradations()
    assert Degradation.objects.get().ended_at is None
    degrading.end(degradation=made, by=stage.ada)
    short = degrading.begin(
        queue=stage.queue,
        measure="priority",
        lasting=timedelta(milliseconds=1),
        reason="Short.",
        by=stage.ada,
    )
    assert [degrading.end_over(), degrading.end_over()] == [1, 0]
    short.refresh_from_db()
    assert short.ended_at is not None
    assert short.ended_by is None
    assert Queue.objects.get(pk=stage.queue.pk).priority == 0
    made = begin(stage, "priority")
    Queue.objects.filter(pk=stage.queue.pk).update(priority=3)
    degrading.end(degradation=made, by=None)
    assert Queue.objects.get(pk=stage.queue.pk).priority == 3


def test_a_slot_that_comes_back_waits_with_a_task_that_is_held(stage: cast.Stage) -> None:
    made = begin(stage, "overlap", overlap=1)
    served = stage.claim(stage.ben)
    asking.ask_and_hold(
        assignment_id=served.assignment_id,
        annotator=stage.ben,
        token=served.token,
        clause_key="whole",
        text="How?",
        by=stage.member("ben"),
    )
    degrading.end(degradation=made, by=stage.ada)
    states = Assignment.objects.filter(task=served.task_id).exclude(state="withdrawn")
    assert sorted(states.values_list("state", flat=True)) == ["held", "held", "held"]


def test_fewer_answers_for_what_nobody_has_begun_and_the_rest_again_afterwards(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    made = begin(stage, "overlap", overlap=1)
    assert wanted(stage) == [(3, 3), (1, 1), (1, 1), (1, 1)]
    stage.load(1, start=50)
    assert wanted(stage)[-1] == (1, 1)
    stage.answer(stage.ben, "yes")
    degrading.end(degradation=made, by=stage.ada)
    assert wanted(stage)[0] == (3, 3)
    assert Task.objects.filter(queue=stage.queue, state="resolved").count() == 1, (
        "settled with the one answer it wanted"
    )
    assert sorted(wanted(stage)[1:]) == [(1, 1), (3, 3), (3, 3), (3, 3)], "what came in meanwhile as well"
    pieces = Event.objects.filter(kind="tasks.overlap-changed").order_by("pk")
    assert [(piece.data["measure"], piece.data["tasks"]) for piece in pieces] == [
        ("overlap", 3),
        ("overlap", 3),
    ]
    assert Annotation.objects.count() == 2
    assert Queue.objects.get(pk=stage.queue.pk).overlap == 3
    for who in (stage.ben, stage.chi, stage.dov):
        while leasing.claim(queue_id=stage.queue.pk, annotator=who, by=None):
            served = stage.claim(who)
            stage.submit(who, served, {"entailed": "yes"})
    assert not Assignment.objects.filter(queue=stage.queue, state="open").exists()
    assert Task.objects.filter(queue=stage.queue, state="resolved").count() == 5


def test_a_wider_pool_is_enrolled_and_leaves_again(stage: cast.Stage) -> None:
    staffing.dismiss(queue=stage.queue, annotator=stage.chi, by=stage.ada)
    made = begin(stage, "pool")
    active = Enrolment.objects.filter(queue=stage.queue, active=True)
    assert stage.chi.pk in active.values_list("annotator", flat=True)
    degrading.end(degradation=made, by=None)
    assert set(active.values_list("annotator", flat=True)) == {stage.ben.pk, stage.dov.pk}


def test_nothing_new_comes_in_while_the_intake_pauses(stage: cast.Stage) -> None:
    made = begin(stage, "intake")
    with pytest.raises(degrading.IntakePaused):
        stage.load(1, start=70)
    stage.claim(stage.ben)
    degrading.end(degradation=made, by=stage.ada)
    stage.load(1, start=70)


def test_an_answer_is_known_to_have_been_given_under_it(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    made = begin(stage, "priority")
    stage.answer(stage.chi, "yes")
    degrading.end(degradation=made, by=stage.ada)
    stage.answer(stage.dov, "yes")
    stamps = [
        list(degrading.during(queue_id=answer.queue_id, at=answer.answered_at))
        for answer in Annotation.objects.order_by("pk")
    ]
    assert stamps == [[], [made], []]


def test_it_is_put_into_use_seen_and_ended_on_the_page_and_by_rest(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    where = "/p/rte/queues/main/"
    assert client.post(f"{where}degrade/", {"measure": "priority", "hours": 5}).status_code == 422
    client.post(f"{where}degrade/", {"measure": "priority", "hours": 5, "reason": "A flood."})
    made = Degradation.objects.get()
    for page in (f"{where}operations/", "/p/rte/queues/"):
        assert "Its work comes first" in client.get(page).content.decode()
    assert "A flood." in client.get(f"{where}operations/").content.decode()
    client.post(f"{where}degradations/{made.pk}/end/")
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    base = "/api/v1/projects/rte/queues/main/degradations"
    again = api.post(
        base, {"measure": "intake", "hours": 2, "reason": "Full."}, content_type="application/json"
    )
    assert again.status_code == 201, again.content
    assert api.post(f"{base}/{again.json()['id']}/end").status_code == 200
    rows = api.get(base).json()["degradations"]
    assert [row["measure"] for row in rows] == ["intake", "priority"]
    assert all(row["ended_at"] for row in rows)
