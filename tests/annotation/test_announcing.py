"""What is told outside about labels: settled tasks by the hundred, frozen snapshots, published versions, flagged clauses."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import announcing, exporting, investigating
from specs import ledger
from specs.models import Delivery, Subscriber
from tests import cast
from workforce import alerting
from workforce.models import AlertKind

TOPICS = ["clause.flagged", "snapshot.frozen", "tasks.resolved", "version.published"]


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    made = cast.stage(overlap=1, max_overlap=1)
    Subscriber.objects.create(
        project=made.project, name="w", url="https://example.org/", topics=TOPICS, nonce="n", made_by=made.ada
    )
    made.load(5)
    return made


def _told(topic: str) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(topic=topic, subscriber__isnull=False)
    return list(rows.order_by("pk").values_list("body", flat=True))


def test_settled_tasks_are_told_of_once_they_are_enough(stage: cast.Stage, settings: Any) -> None:
    settings.ANNOUNCED_EVERY = 2
    stage.answer(stage.ben, "yes")
    ledger.seal_all(project_id=stage.project.pk)
    assert announcing.announce_all() == 0
    for _ in range(2):
        stage.answer(stage.ben, "yes")
    assert announcing.announce_all() == 0, "what is not sealed does not count yet"
    ledger.seal_all(project_id=stage.project.pk)
    assert (announcing.announce_all(), announcing.announce_all()) == (1, 0)
    for _ in range(2):
        stage.answer(stage.ben, "no")
    ledger.seal_all(project_id=stage.project.pk)
    assert announcing.announce_all() == 1
    first, second = _told("tasks.resolved")
    assert (first["n"], second["n"]) == (3, 2)
    assert first["after"] == 0
    assert first["position"] == second["after"] < second["position"]


def test_versions_snapshots_and_flags_are_told_of(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    frozen = exporting.build(snapshot_id=asked.pk)
    (told,) = _told("snapshot.frozen")
    assert (told["digest"], told["rows"], told["version"]) == (frozen.digest, 1, "1.0.0")
    cast.amend(stage)
    (told,) = _told("version.published")
    assert (told["version"], told["class"], told["breaking"]) == ("2.0.0", "major", True)
    investigating.open_issue(clause=stage.spec.clauses.get(key="numbers"), evidence=None, by=stage.ada)
    (told,) = _told("clause.flagged")
    assert told["clause"] == "numbers"


def test_a_missed_service_level_is_told_of_beside_its_alert(stage: cast.Stage) -> None:
    Subscriber.objects.create(
        project=stage.project,
        name="operations",
        url="https://example.org/operations",
        topics=["alert.raised", "service-level.missed"],
        nonce="o",
        made_by=stage.ada,
    )
    for _ in range(2):
        alerting.raise_alert(
            project=stage.project, kind=AlertKind.LEVEL_MISSED, queue=stage.queue, facts={"late": 3}
        )
    (missed,), (raised,) = _told("service-level.missed"), _told("alert.raised")
    assert (missed["queue"], missed["kind"]) == ("main", "level-missed")
    assert missed.items() <= raised.items()
    alerting.raise_alert(project=stage.project, kind=AlertKind.OPPOSITE, subject="x", facts={})
    assert (len(_told("service-level.missed")), len(_told("alert.raised"))) == (1, 2)
