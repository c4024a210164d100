"""Real processes on a real database: overlap is exact, nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.db.models import Count, F

from annotation.models import Annotation
from specs import ledger
from tests import cast
from tests.concurrency.crew import Crew
from workforce import leasing, staffing
from workforce.models import Annotator, Assignment, Queue, Task


def _annotators(stage: cast.Stage, n: int) -> list[Annotator]:
    made = []
    for number in range(n):
        member = staffing.add_member(
            project=stage.project,
            user=User.objects.create(username=f"p{number}"),
            roles=["annotator"],
            by=stage.ada,
        )
        annotator = staffing.annotator_for(member=member)
        staffing.enrol(queue=stage.queue, annotator=annotator, by=stage.ada)
        made.append(annotator)
    return made


@pytest.mark.parametrize(
    ("n_processes", "n_items", "overlap", "kills"),
    [
        pytest.param(12, 100, 3, 4, id="short"),
        pytest.param(64, 100, 3, 16, id="long", marks=pytest.mark.long),
    ],
)
def test_processes_with_kills_and_ended_leases_keep_every_promise(
    committed_db: None, tmp_path: Path, n_processes: int, n_items: int, overlap: int, kills: int
) -> None:
    stage = cast.stage(overlap=overlap, max_overlap=overlap)
    stage.load(n_items)
    people = _annotators(stage, n_processes)
    Queue.objects.filter(pk=stage.queue.pk).update(lease_for=timedelta(milliseconds=300))
    connections.close_all()
    crew = Crew.start(
        "tests.concurrency.worker",
        [(stage.queue.pk, person.pk, seed) for seed, person in enumerate(people)],
        tmp_path,
    )
    draw = random.Random(1)
    killed: list[int] = []
    while len(killed) < kills:
        time.sleep(0.25)
        alive = crew.alive()
        assert len(alive) > n_processes // 2, "they were done before the last was to be killed"
        killed.append(draw.choice(alive))
        crew.kill(killed[-1])
    statuses, acknowledged = crew.join(patience=120)
    assert statuses == [-signal.SIGKILL if pid in killed else 0 for pid in crew.pids]
    counted = [line["annotation"] for line in acknowledged if line["outcome"] == "counted"]
    stored = set(Annotation.objects.values_list("pk", flat=True))
    late = sum(line["outcome"] == "late" for line in acknowledged)
    print(f"acknowledged {len(acknowledged)}, late {late}, killed {len(killed)}, stored {len(stored)}")
    assert set(counted) <= stored, "an acknowledged answer was lost"
    assert len(counted) == len(set(counted)), "an answer was acknowledged as two"
    assert not Task.objects.annotate(n=Count("annotations")).filter(n__gt=F("overlap")).exists()
    assert not Annotation.objects.values("task", "annotator").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert Annotation.objects.count() == n_items * overlap, "a slot stayed stuck"
    assert set(Task.objects.filter(queue=stage.queue).values_list("state", flat=True)) == {"resolved"}
    ledger.seal_all(project_id=stage.project.pk)
    assert ledger.verify(project_id=stage.project.pk) == []


def test_an_abandoned_lease_is_claimable_within_five_seconds_of_its_end(committed_db: None) -> None:
    """By the claim alone: there is no beat and no worker in this test."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    Queue.objects.filter(pk=stage.queue.pk).update(lease_for=timedelta(seconds=1))
    lost = stage.claim(stage.ben)
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None) is None
    deadline = lost.lease_until + timedelta(seconds=5)
    while (served := leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None)) is None:
        assert leasing.database_now() < deadline
        time.sleep(0.1)
    assert served.assignment_id == lost.assignment_id
    assert Assignment.objects.get().n_returns == 1
