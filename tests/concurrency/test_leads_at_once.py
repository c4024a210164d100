"""Thirty-two leads on two hundred disputes at once: each dispute is decided once, and who comes too late is told so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connections
from django.db.models import Count

from annotation.models import Dispute, Resolution, Ruling
from specs import ledger
from specs.models import Event, Role
from tests import cast
from tests.concurrency.crew import Crew
from workforce import staffing
from workforce.models import Queue

N_LEADS, N_DISPUTES = 32, 200


def _stage() -> tuple[cast.Stage, list[int]]:
    stage = cast.stage(overlap=2, max_overlap=2)
    Queue.objects.filter(purpose="adjudication").update(gold_share="0", gold_first=0)
    stage.load(N_DISPUTES)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        for _ in range(N_DISPUTES):
            stage.answer(who, value)
    queue = Queue.objects.get(purpose="adjudication")
    leads = []
    for number in range(N_LEADS):
        member = staffing.add_member(
            project=stage.project,
            user=User.objects.create(username=f"lead{number}"),
            roles=[Role.LEAD],
            by=stage.ada,
        )
        staffing.enrol(queue=queue, annotator=staffing.annotator_for(member=member), by=stage.ada)
        leads.append(member.pk)
    return stage, leads


def test_each_dispute_is_decided_once_and_losers_meet_a_conflict(committed_db: None, tmp_path: Path) -> None:
    stage, leads = _stage()
    connections.close_all()
    crew = Crew.start(
        "tests.concurrency.lead",
        [(stage.project.pk, lead, seed) for seed, lead in enumerate(leads)],
        tmp_path,
    )
    statuses, told = crew.join(patience=180)
    assert statuses == [0] * N_LEADS
    outcomes = Counter(line["outcome"] for line in told)
    print(f"{N_LEADS} leads: {dict(outcomes)}")
    assert outcomes["ruled"] == Ruling.objects.count() == N_DISPUTES
    assert set(outcomes) <= {"ruled", "409"}
    assert outcomes["409"] > 0, "nobody met anybody"
    assert not Ruling.objects.values("dispute").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert set(Dispute.objects.values_list("state", flat=True)) == {"decided"}
    assert Resolution.objects.count() == Event.objects.filter(kind="dispute.decided").count() == N_DISPUTES
    ledger.seal_all(project_id=stage.project.pk)
    assert ledger.verify(project_id=stage.project.pk) == []
