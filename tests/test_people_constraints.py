"""What was decided about people is written once: the database itself says no, to the application's role as well."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import Error, connection, transaction

from annotation.models import Recheck
from tests import cast
from workforce import onboarding, paths, people_rules, quizzing, suspending
from workforce.models import Enrolment, Finding, ReviewDraw, SpecWarning, Task

pytestmark = pytest.mark.django_db

APPEND_ONLY = [
    "specs_suspension",
    "specs_suspensionend",
    "workforce_finding",
    "workforce_onboardingstep",
    "workforce_quizleave",
    "workforce_reviewdraw",
    "workforce_specwarning",
    "annotation_recheck",
]


@pytest.fixture
def judged(db: None) -> cast.Stage:
    """Somebody about whom everything was decided that is written once."""
    stage = cast.stage()
    stage.load(1)
    stage.claim(stage.ben)
    task = Task.objects.get()
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared.", by=stage.ada)
    suspending.lift(member=suspension.member, by=stage.ada)
    terms = people_rules.PRESETS["agreement-notice"]
    rule = people_rules.create(project=stage.project, by=stage.ada, **terms)
    known: dict[str, Any] = {
        "project": stage.project,
        "rule": rule,
        "window_end": date(2026, 1, 1),
        "event_id": 1,
    }
    Finding.objects.create(**known, annotator=stage.ben, value=0.5, n=10)
    SpecWarning.objects.create(**known, n_annotators=3, n_judged=3)
    paths.lay(queue=stage.queue, path={"read": {}}, by=stage.ada)
    onboarding.begin(enrolment=Enrolment.objects.get(annotator=stage.chi), by=stage.ada)
    ReviewDraw.objects.create(project=stage.project, task=task, annotator=stage.ben, raised=True)
    quizzing.let_in(
        queue=stage.queue,
        annotator=stage.ben,
        version=stage.version,
        excused=True,
        reason="Knows it.",
        by=stage.ada,
    )
    Recheck.objects.create(
        project=stage.project,
        annotator=stage.ben,
        since=task.created_at,
        reason="Doubts.",
        tasks=[task.pk],
        n_reopened=0,
        by=stage.ada,
        event_id=1,
    )
    return stage


def test_what_was_decided_about_people_is_written_once(judged: cast.Stage) -> None:
    for table in APPEND_ONLY:
        for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
                cursor.execute(statement)
