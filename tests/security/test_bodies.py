"""Bodies and parameters of another type than described are refused, and turned into nothing else; found by requests
made from the schema."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import cast
from tests.furnished import furnish

API = "/api/v1/projects/rte"


@pytest.fixture
def client(db: None) -> Client:
    stage = cast.stage()
    return Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("specs", {"key": "x", "title": 17955}),
        ("specs", {"key": "x", "title": True}),
        ("tokens", {"name": "t", "permissions": ["queue.read"], "max_leases": "5"}),
        ("tokens", {"name": "t", "permissions": ["queue.read", 5]}),
    ],
)
def test_a_body_is_of_the_type_that_is_described(client: Client, where: str, body: Any) -> None:
    reply = client.post(f"{API}/{where}", body, content_type="application/json")
    assert (reply.status_code, reply.json()["title"]) == (422, "invalid"), reply.content


@pytest.mark.parametrize("body", ["[null, null]", "null", "5", '{"name": 5}', " "])
def test_settings_that_are_no_object_are_refused(client: Client, body: str) -> None:
    reply = client.patch(f"{API}/settings", body, content_type="application/json")
    assert reply.status_code in (400, 422), reply.content


@pytest.mark.parametrize(
    "where",
    [
        "precedents?state=maybe",
        "disputes/open?order=AAA",
        "alerts?state=x",
        "specs/rte/gold?state=x",
        "feeds/items?limit=x",
    ],
)
def test_a_choice_that_there_is_not_is_refused(client: Client, where: str) -> None:
    assert client.get(f"{API}/{where}").status_code == 422


def test_a_guideline_needs_a_name_and_an_appeal_against_a_ruling_is_decided_by_another_ruling(
    db: None,
) -> None:
    house = furnish("rte", versions=2)
    client = Client(headers={"authorization": f"Bearer {house.stage.token(house.stage.ada)}"})
    reply = client.post(f"{API}/specs/rte/draft/guideline", data="# A", content_type="text/markdown")
    assert (reply.status_code, reply.json()["problems"][0]["where"]) == (422, "name")
    decided = client.post(
        f"{API}/answer-appeals/{house.ids['appealed']}/decide",
        {"right": "anew", "reason": "So it is."},
        content_type="application/json",
    )
    assert decided.status_code == 404


def test_a_no_in_an_address_is_no_yes(client: Client) -> None:
    for name in ("review", "flagged"):
        answers = [client.get(f"{API}/items?{name}={said}") for said in ("false", "0", "null")]
        assert [answer.status_code for answer in answers] == [200, 200, 422]
        assert answers[0].content == client.get(f"{API}/items").content
