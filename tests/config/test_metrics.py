"""/metrics: behind its token, exact, without names of people or texts; the dashboard asks for nothing that it does not say."""

from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from annotation.config import local
from tests import cast

TOKEN = "a-token-that-only-prometheus-and-this-test-know"


def _read(client: Client) -> dict[str, dict[tuple[str, ...], float]]:
    reply = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert reply.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(reply.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_without_the_setting_there_is_no_such_page_and_with_it_only_the_token_opens_it(
    committed_db: None, settings: Any
) -> None:
    client = Client()
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for headers in (
        {},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": TOKEN},
    ):
        reply = client.get("/metrics", headers=headers)
        assert reply.status_code == 401
        assert b"concordat_" not in reply.content


def test_what_it_says_follows_the_work(committed_db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    before = _read(Client())
    assert before["concordat_slots"][("rte", "main", "open")] == 6
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    stage.claim(stage.ben)
    after = _read(Client())
    assert after["concordat_slots"][("rte", "main", "open")] == 3
    assert after["concordat_slots"][("rte", "main", "leased")] == 1
    assert after["concordat_disputes_open"][("rte",)] == 1
    assert after["concordat_events_total"][()] > before["concordat_events_total"][()]
    assert after["concordat_ledger_unsealed_seconds"][()] > 0
    said = json.dumps([list(map(list, samples)) for samples in after.values()])
    assert not re.search("ada|ben|chi|text 0|item-0", said)


def test_every_panel_of_the_dashboard_asks_for_what_is_there(committed_db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    stage = cast.stage()
    stage.load(1)
    there = _read(Client())
    board = json.loads((local.ROOT / "docs" / "deploy" / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"concordat_\w+", expression)}
    assert names == set(there), "each figure has a panel, and each panel a figure"
    labels = {
        name
        for expression in asked
        for group in re.findall(r"by \((.*?)\)", expression)
        for name in group.split(", ")
    }
    assert labels <= {"project", "queue", "state"}
