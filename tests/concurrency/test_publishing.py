"""Publication against claims and submissions: every answer names the digest that was served, and fits that version."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections

from annotation import releasing
from annotation.models import Annotation
from specs import drafting, schema, versions
from specs.models import SpecVersion
from specs.refusals import Stale
from tests import cast
from tests.concurrency.crew import Crew
from workforce import staffing
from workforce.models import Annotator, InProgress, Queue, Task

LABELS = (["yes", "no"], ["yes", "no", "maybe"])


def _annotators(stage: cast.Stage, n: int) -> list[Annotator]:
    made = []
    for number in range(n):
        user = User.objects.create(username=f"r{number}")
        member = staffing.add_member(project=stage.project, user=user, roles=["annotator"], by=stage.ada)
        made.append(staffing.annotator_for(member=member))
        staffing.enrol(queue=stage.queue, annotator=made[-1], by=stage.ada)
    return made


def _publish(stage: cast.Stage, labels: list[str], in_progress: str) -> SpecVersion:
    """A major version with other labels, in force at once; an edit in between is refused as stale, never lost."""
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    question = {**cast.QUESTION, "labels": [{"value": value, "title": value} for value in labels]}
    drafting.set_questions(draft=draft, questions=[question], revision=draft.revision, by=stage.ada)
    with pytest.raises(Stale):
        drafting.set_questions(draft=draft, questions=[question], revision=draft.revision, by=stage.ada)
    return releasing.publish(
        draft=draft,
        notes="Other labels.",
        rationale="For the test.",
        override_reason="For the test.",
        in_force=[stage.queue],
        in_progress=in_progress,
        by=stage.ada,
    )


@pytest.mark.parametrize(
    ("n_annotators", "n_items", "seconds", "every"),
    [
        pytest.param(6, 300, 4, 0.6, id="short"),
        pytest.param(32, 3000, 40, 2.0, id="long", marks=pytest.mark.long),
    ],
)
def test_every_answer_names_the_version_that_was_served_and_fits_it(
    committed_db: None, tmp_path: Path, n_annotators: int, n_items: int, seconds: int, every: float
) -> None:
    stage = cast.stage(overlap=3, max_overlap=3, entry="acknowledge")
    stage.load(n_items)
    people = _annotators(stage, n_annotators)
    connections.close_all()
    crew = Crew.start(
        "tests.concurrency.reader",
        [(stage.queue.pk, one.pk, n, seconds) for n, one in enumerate(people)],
        tmp_path,
    )
    n_published = 0
    policies = itertools.cycle(InProgress.values)
    while crew.alive():
        time.sleep(every)
        _publish(stage, LABELS[(n_published + 1) % 2], next(policies))
        n_published += 1
    statuses, lines = crew.join(patience=60)
    assert statuses == [0] * n_annotators
    digests = dict(SpecVersion.objects.values_list("pk", "digest"))
    stored = {row.pk: row for row in Annotation.objects.select_related("version")}
    for line in lines:
        if line["outcome"] == "counted":
            answer = stored[line["annotation"]]
            assert answer.served_digest == digests[answer.version_id]
    invalid = 0
    for answer in stored.values():
        try:
            schema.parse_answer(versions.read(answer.version_id).questions, answer.values, {})
        except schema.BadAnswer:
            invalid += 1
    under = len({answer.version_id for answer in stored.values()})
    print(f"published {n_published}, answers {len(stored)} under {under} versions, invalid {invalid}")
    assert invalid == 0
    assert under >= 3
    assert {line["annotation"] for line in lines if line["outcome"] == "counted"} <= set(stored)
    for task in Task.objects.filter(queue=stage.queue, state="resolved").prefetch_related("annotations"):
        meanings = {versions.read(answer.version_id).meaning for answer in task.annotations.all()}
        assert meanings == {task.meaning}, "answers of one task were given under two meanings"
    assert Queue.objects.get(pk=stage.queue.pk).version == SpecVersion.objects.published().newest_first()[0]
