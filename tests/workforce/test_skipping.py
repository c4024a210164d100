"""Skips: with a reason, within limits that hold under concurrency, and without harm where a person is protected."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from workforce import leasing, queues, skipping
from workforce.models import Annotator, Assignment, Barred, Skip, SkipNote

pytestmark = pytest.mark.django_db


def _skip(stage: cast.Stage, who: Annotator, reason: str = "cannot-decide", note: str = "") -> Skip:
    served = stage.claim(who)
    return skipping.skip(
        assignment_id=served.assignment_id,
        annotator=who,
        token=served.token,
        reason=reason,
        note=note,
        by=who.member,
    )


def test_a_skipped_task_goes_to_others_and_never_to_her_again() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    skipped = _skip(stage, stage.ben)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None
    assert stage.claim(stage.chi).task_id == skipped.task_id


def test_the_words_of_a_skip_stand_apart_and_in_no_event() -> None:
    stage = cast.stage()
    stage.load(1)
    skipped = _skip(stage, stage.ben, note="my neighbour is in the picture")
    event = Event.objects.get(pk=skipped.event_id)
    assert (event.kind, "neighbour" in str(event.data)) == ("assignment.skipped", False)
    SkipNote.objects.get(skip=skipped).delete()
    assert Skip.objects.filter(pk=skipped.pk).exists()


def test_a_task_that_was_handed_back_comes_again_to_her_as_well() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    first = stage.claim(stage.ben)
    leasing.release(assignment_id=first.assignment_id, annotator=stage.ben, token=first.token, by=None)
    assert not Barred.objects.exists()
    assert stage.claim(stage.ben).task_id == first.task_id


def test_the_limit_of_an_hour_is_refused_with_the_reason_and_the_way_and_the_task_stays_hers() -> None:
    stage = cast.stage(skips_per_hour=2)
    stage.load(4)
    for _ in range(2):
        _skip(stage, stage.ben)
    with pytest.raises(skipping.TooManySkips, match="hand it back") as refused:
        _skip(stage, stage.ben)
    assert "again_at" in refused.value.details
    assert len(leasing.held(annotator=stage.ben)) == 1


def test_skips_of_an_hour_ago_do_not_count_any_more() -> None:
    stage = cast.stage(skips_per_hour=1)
    stage.load(3)
    old = _skip(stage, stage.ben)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workforce_skip (project_id, task_id, queue_id, annotator_id, assignment_id, reason, excused, "
            "skipped_at, event_id) SELECT project_id, (SELECT max(id) FROM workforce_task), queue_id, annotator_id, "
            "assignment_id, reason, excused, now() - interval '2 hours', event_id FROM workforce_skip WHERE id = %s",
            [old.pk],
        )
    known = skipping.standing(queue_id=stage.queue.pk, annotator=stage.ben)
    assert (known.n_this_hour, known.n_today) == (1, 2)


def test_the_share_of_skips_is_judged_once_there_are_enough_tasks(settings: object) -> None:
    settings.SKIP_SHARE_FROM = 5  # type: ignore[attr-defined]
    stage = cast.stage(skip_share=Decimal("0.4"))
    stage.load(8)
    for _ in range(2):
        _skip(stage, stage.ben)
    for _ in range(2):
        stage.answer(stage.ben, "yes")
    with pytest.raises(skipping.TooManySkips, match="2 of the last 4"):
        _skip(stage, stage.ben)
    held = leasing.held(annotator=stage.ben)[0]
    stage.submit(stage.ben, held, {"entailed": "yes"})
    stage.answer(stage.ben, "yes")
    stage.answer(stage.ben, "yes")
    assert _skip(stage, stage.ben).pk


def test_whoever_would_rather_not_see_it_is_stopped_by_no_limit_and_counted_nowhere() -> None:
    stage = cast.stage(skips_per_hour=0)
    stage.load(3)
    for _ in range(3):
        assert _skip(stage, stage.ben, "upsetting").excused
    known = skipping.standing(queue_id=stage.queue.pk, annotator=stage.ben)
    assert (known.n_this_hour, known.n_today, known.given) == (0, 0, 0)


def test_an_unknown_reason_and_a_lost_lease_change_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    with pytest.raises(Invalid):
        _skip(stage, stage.ben, "tired")
    held = leasing.held(annotator=stage.ben)[0]
    Assignment.objects.filter(pk=held.assignment_id).update(
        leased_at=leasing.database_now() - timedelta(hours=2),
        lease_until=leasing.database_now() - timedelta(hours=1),
    )
    with pytest.raises(leasing.LeaseLost):
        skipping.skip(
            assignment_id=held.assignment_id,
            annotator=stage.ben,
            token=held.token,
            reason="other",
            by=None,
        )
    assert not Skip.objects.exists()


def test_everything_held_is_handed_back_at_once() -> None:
    stage = cast.stage(max_leases=3)
    stage.load(3)
    for _ in range(3):
        stage.claim(stage.ben)
    assert leasing.return_leases_of(annotator=stage.ben, by=None, kind="assignment.released") == 3
    assert leasing.held(annotator=stage.ben) == []


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"skips_per_hour": -1}, "skips_per_hour"),
        ({"skip_share": Decimal("1.5")}, "skip_share"),
        ({"max_returns": 0}, "max_returns"),
        ({"cannot_categories": ["Two Words"]}, "cannot_categories"),
        ({"cannot_categories": ["broken", "broken"]}, "cannot_categories"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(wrong: dict[str, object], where: str) -> None:
    stage = cast.stage()
    with pytest.raises(Invalid) as refused:
        queues.change_settings(queue=stage.queue, by=stage.ada, **wrong)
    assert where in {problem["where"] for problem in refused.value.problems}
