"""Loaded items go where the first rule that fits sends them; a look shows it before, the load's record after."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client

from specs.refusals import Invalid
from tests import cast
from workforce import directing, loading, looking, queues
from workforce.models import Direction, Load, Queue, Task

pytestmark = pytest.mark.django_db
ROWS = [
    {"key": "a", "lang": "de", "tier": 1},
    {"key": "b", "lang": "de", "tier": 2},
    {"key": "c", "lang": "en", "tier": 1},
    {"key": "d", "lang": "en", "urgent": True},
    {"key": "e", "lang": ["de"]},
]
DATA = "\n".join(json.dumps(row) for row in ROWS).encode()


def _another(stage: cast.Stage, key: str, **settings: Any) -> Queue:
    return queues.create_queue(
        project=stage.project,
        key=key,
        name=key.title(),
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        **settings,
    )


def _load(stage: cast.Stage) -> Load:
    return loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(DATA), name="x.jsonl", by=stage.ada
    )


def _where() -> dict[str, tuple[str, int]]:
    return {
        key: (queue, priority)
        for key, queue, priority in Task.objects.values_list("item__key", "queue__key", "priority")
    }


def test_the_first_rule_that_fits_decides() -> None:
    stage = cast.stage(overlap=2)
    german = _another(stage, "german", overlap=3)
    directing.add(queue=stage.queue, field="lang", value="de", target=german, by=stage.ada)
    directing.add(queue=stage.queue, field="tier", value="1", priority=7, by=stage.ada)
    directing.add(queue=stage.queue, field="urgent", value="true", target=german, priority=9, by=stage.ada)
    seen = looking.look(io.BytesIO(DATA), form="jsonl", queue=stage.queue)
    assert ([rule.n_rows for rule in seen.directed], seen.n_stay) == ([2, 1, 1], 1)
    load = _load(stage)
    assert _where() == {
        "a": ("german", 0),
        "b": ("german", 0),
        "c": ("main", 7),
        "d": ("german", 9),
        "e": ("main", 0),
    }
    assert [rule["n_rows"] for rule in load.directed] == [2, 1, 1]
    assert Task.objects.filter(queue=german, overlap=3).count() == 3
    again = _load(stage)
    assert (again.n_known, Task.objects.count()) == (5, 5)


def test_a_rule_says_something_and_leads_somewhere() -> None:
    stage = cast.stage()
    for wrong in ({}, {"priority": -1}, {"priority": 1, "field": " "}):
        with pytest.raises(Invalid):
            directing.add(queue=stage.queue, by=stage.ada, **{"field": "x", "value": "y", **wrong})  # type: ignore[arg-type]
    directing.add(queue=stage.queue, field="x", value="y", priority=1, by=stage.ada)
    with pytest.raises(Invalid, match="There is a rule"):
        directing.add(queue=stage.queue, field="x", value="y", priority=2, by=stage.ada)


def test_rules_are_added_and_taken_away_by_pages(client: Client) -> None:
    stage = cast.stage()
    other = _another(stage, "other")
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    address = "/p/rte/queues/main/directions/"
    assert client.post(address, {"field": "lang", "value": "de"}).status_code == 422
    assert client.post(address, {"field": "lang", "value": "de", "target": other.pk}).status_code == 302
    rule = Direction.objects.get()
    assert b"Other" in client.get(address).content
    assert client.post(f"{address}{rule.pk}/remove/").status_code == 302
    assert not Direction.objects.exists()


def test_rules_are_added_and_taken_away_by_rest(client: Client) -> None:
    stage = cast.stage()
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    address = "/api/v1/projects/rte/queues/main/directions"
    made = client.post(
        address,
        json.dumps({"field": "tier", "value": "gold", "priority": 3}),
        content_type="application/json",
        headers=head,
    )
    assert (made.status_code, made.json()["priority"]) == (201, 3)
    assert len(client.get(address, headers=head).json()["directions"]) == 1
    assert client.delete(f"{address}/{made.json()['id']}", headers=head).status_code == 204
    assert not Direction.objects.exists()
