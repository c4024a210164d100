"""What the labelling page says around a task: her day, her pace, the queue's progress, when to rest."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation import keeping, revising, surroundings
from tests import cast
from workforce import leasing
from workforce.models import Assignment, QueueGauge

pytestmark = pytest.mark.django_db


def _around(stage: cast.Stage, task_id: int | None = None) -> surroundings.Surroundings:
    return surroundings.around(annotator=stage.ben, queue=stage.queue, task_id=task_id)


def _worked(stage: cast.Stage, *, ago: int, minutes: int, now: datetime) -> None:
    """One more answer of Ben's: from so many minutes ago, for so many minutes."""
    served = stage.claim(stage.ben)
    stage.submit(stage.ben, served, {"entailed": "yes"})
    began = now - timedelta(minutes=ago)
    Assignment.objects.filter(pk=served.assignment_id).update(
        leased_at=began, submitted_at=began + timedelta(minutes=minutes)
    )


def test_around_nothing_there_is_nothing() -> None:
    stage = cast.stage()
    assert _around(stage) == surroundings.Surroundings(0, None, timedelta(0), None, None, None, None)


def test_all_of_it_is_one_statement() -> None:
    stage = cast.stage()
    stage.load(2)
    stage.answer(stage.ben, "yes")
    served = stage.claim(stage.ben)
    keeping.save_draft(
        annotator=stage.ben, task_id=served.task_id, values={"entailed": "no"}, citations={}, revision=0
    )
    with CaptureQueriesContext(connection) as seen:
        around = _around(stage, served.task_id)
    assert len(seen) == 1
    assert around.n_today == 1
    assert isinstance(around.undo, revising.Given)
    assert around.draft is not None
    assert (around.undo.values, around.draft.values) == ({"entailed": "yes"}, {"entailed": "no"})


def test_her_answers_of_the_day_are_counted_once_and_those_of_yesterday_are_not_among_them() -> None:
    stage = cast.stage()
    stage.load(8)
    slots = []
    for _ in range(4):
        served = stage.claim(stage.ben)
        stage.submit(stage.ben, served, {"entailed": "yes"})
        slots.append(Assignment.objects.filter(pk=served.assignment_id))
    now = leasing.database_now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    slots[0].update(submitted_at=midnight - timedelta(seconds=1))
    slots[1].update(submitted_at=midnight)
    assert _around(stage).n_today == 3
    stage.answer(stage.ben, "yes")
    assert _around(stage).n_today == 4
    kept = surroundings._known[stage.ben.pk]
    assert midnight < kept.until < leasing.database_now()
    assert kept.n == 1  # the last ten seconds are counted again
    slots[1].update(submitted_at=midnight - timedelta(seconds=1))  # as nothing does: it is counted already
    assert _around(stage).n_today == 4
    surroundings._known[stage.ben.pk] = kept._replace(until=midnight - timedelta(seconds=5))  # another day
    assert _around(stage).n_today == 3
    slots[1].update(submitted_at=midnight)
    surroundings._known[stage.ben.pk] = kept._replace(anew_at=0.0)
    assert _around(stage).n_today == 4


def test_the_answer_that_was_given_just_now_can_be_taken_up_while_its_task_is_open() -> None:
    stage = cast.stage()

    def undo(*, is_open: bool) -> object:
        fresh = revising.Fresh(7, open=is_open)
        return surroundings.around(annotator=stage.ben, queue=stage.queue, task_id=None, fresh=fresh).undo

    assert undo(is_open=True) == revising.Fresh(7, open=True)
    assert undo(is_open=False) is None
    for setting, nothing in (("undo_for", timedelta(0)), ("n_correctable", 0)):
        before = getattr(stage.queue, setting)
        setattr(stage.queue, setting, nothing)
        assert undo(is_open=True) is None
        setattr(stage.queue, setting, before)


def test_the_pace_is_the_median_of_her_last_answers_today(settings) -> None:  # type: ignore[no-untyped-def]  # a fixture
    settings.PACE_FROM_ANSWERS = 3
    stage = cast.stage()
    stage.load(4)
    now = leasing.database_now()
    for number, seconds in enumerate((900, 10, 20, 90)):
        served = stage.claim(stage.ben)
        stage.submit(stage.ben, served, {"entailed": "yes"})
        ended = now + timedelta(milliseconds=number)
        Assignment.objects.filter(pk=served.assignment_id).update(
            leased_at=ended - timedelta(seconds=seconds), submitted_at=ended
        )
    assert _around(stage).pace == 20


def test_progress_is_the_queues_as_it_was_last_counted() -> None:
    stage = cast.stage()
    QueueGauge.objects.update_or_create(
        queue=stage.queue,
        project=stage.project,
        defaults={"counts": {"open": 5, "disputed": 1, "resolved": 2, "withdrawn": 9}},
    )
    around = _around(stage)
    assert (around.done, around.n_left) == (0.25, 6)


@pytest.mark.parametrize(
    ("work", "minutes"),
    [
        ([(40, 10), (29, 10), (18, 16)], 40),  # gaps of one minute: no pause
        ([(40, 10), (24, 10), (13, 12)], 0),  # a pause of six minutes, and 24 of work since
        ([(90, 10), (40, 37)], 40),  # what lies before a pause does not count
        ([(90, 60)], 0),  # she rests now
        ([(29, 28)], 0),
    ],
)
def test_a_rest_is_suggested_after_long_work_without_a_pause(
    work: list[tuple[int, int]], minutes: int
) -> None:
    assert (
        timedelta(minutes=30),
        timedelta(minutes=5),
    ) == (settings.REST_HINT_AFTER, settings.PAUSE_COUNTS_FROM)
    stage = cast.stage()
    stage.load(4)
    now = leasing.database_now()
    for ago, lasted in work:
        _worked(stage, ago=ago, minutes=lasted, now=now)
    around = _around(stage)
    assert around.rest_after({}) == minutes
    dismissed = timezone.now() - timedelta(minutes=29)
    assert around.rest_after({surroundings.DISMISSED: dismissed.isoformat()}) == 0


def test_the_stretch_that_is_known_is_not_read_again() -> None:
    stage = cast.stage()
    stage.load(8)
    now = leasing.database_now()
    for ago, lasted in ((40, 10), (29, 10), (18, 16)):
        _worked(stage, ago=ago, minutes=lasted, now=now)
    assert _around(stage).rest_after({}) == 40
    known = surroundings._known[stage.ben.pk]
    assert (known.began, known.ended) == (now - timedelta(minutes=40), now - timedelta(minutes=2))
    before = Assignment.objects.filter(annotator=stage.ben, leased_at=now - timedelta(minutes=29))
    before.update(leased_at=now - timedelta(minutes=20))  # as nothing does: it would be a pause
    _worked(stage, ago=1, minutes=1, now=now)
    assert _around(stage).rest_after({}) == 40
    assert surroundings._known[stage.ben.pk].ended == now
    surroundings._known[stage.ben.pk] = known._replace(anew_at=0.0)
    assert _around(stage).rest_after({}) == 0


def test_a_pause_after_a_stretch_that_is_known_ends_it() -> None:
    stage = cast.stage()
    stage.load(8)
    now = leasing.database_now()
    _worked(stage, ago=100, minutes=40, now=now)
    slot = Assignment.objects.get(annotator=stage.ben)
    began, ended = now - timedelta(minutes=100), now - timedelta(minutes=60)
    assert (slot.leased_at, slot.submitted_at) == (began, ended)
    surroundings._known[stage.ben.pk] = surroundings._Known(ended, 1, began, ended, time.monotonic() + 60)
    _worked(stage, ago=40, minutes=39, now=now)
    assert _around(stage).rest_after({}) == 40
    assert surroundings._known[stage.ben.pk].began == now - timedelta(minutes=40)


def test_a_task_that_takes_long_counts_while_it_is_held() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    Assignment.objects.filter(pk=served.assignment_id).update(
        leased_at=leasing.database_now() - timedelta(minutes=45)
    )
    assert _around(stage, served.task_id).rest_after({}) == 45
