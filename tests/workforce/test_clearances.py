"""A claim relies on what was looked at before, until something changes that it rests on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from tests import cast
from workforce import availability, cohorts, entering, excluding, leasing, queues, skills
from workforce.models import AnnotatorSkill, Enrolment

pytestmark = pytest.mark.django_db


def _cleared(stage: cast.Stage) -> bool:
    return Enrolment.objects.filter(annotator=stage.ben, queue=stage.queue, cleared_until__gt=Now()).exists()


def _grant(stage: cast.Stage, until: datetime | None = None) -> AnnotatorSkill:
    skill = skills.create(project=stage.project, key="law", name="Law", by=stage.ada)
    return skills.grant(annotator=stage.ben, skill=skill, level=1, until=until, by=stage.ada)


def _cohort(stage: cast.Stage) -> None:
    cohort = cohorts.create(project=stage.project, key="new", name="New", by=stage.ada)
    cohorts.join(cohort=cohort, annotator=stage.ben, by=stage.ada)


def _amend(stage: cast.Stage) -> None:
    queues.put_in_force(queue=stage.queue, version=cast.amend(stage), by=stage.ada)


CHANGES: dict[str, Callable[[cast.Stage], object]] = {
    "a skill": _grant,
    "the version in force": _amend,
    "a cohort": _cohort,
    "a sensitive category": lambda stage: excluding.add_category(
        project=stage.project, key="violence", name="Violence", warning="Blood.", by=stage.ada
    ),
    "somebody kept apart": lambda stage: excluding.keep_apart(one=stage.ben, other=stage.chi, by=stage.ada),
    "the queue's entry": lambda stage: queues.change_settings(
        queue=stage.queue, by=stage.ada, entry="acknowledge"
    ),
    "her languages": lambda stage: availability.describe(
        annotator=stage.ben, languages=["de"], time_zone="", weekday_hours=[], by=stage.member("ben")
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_clearance_rests_on_ends_it(change: str) -> None:
    stage = cast.stage()
    stage.load(2)
    assert not _cleared(stage)
    stage.answer(stage.ben, "yes")
    assert _cleared(stage)
    CHANGES[change](stage)
    assert not _cleared(stage)


def test_a_clearance_ends_with_the_skill_that_ends_first() -> None:
    stage = cast.stage()
    stage.load(2)
    soon = timezone.now() + timedelta(seconds=60)
    _grant(stage, until=soon)
    stage.answer(stage.ben, "yes")
    assert Enrolment.objects.get(annotator=stage.ben, queue=stage.queue).cleared_until == soon


def test_nobody_is_cleared_who_may_not() -> None:
    stage = cast.stage(entry="acknowledge")
    stage.load(1)
    with pytest.raises(entering.AcknowledgementNeeded):
        leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None)
    assert not _cleared(stage)
