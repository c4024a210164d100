"""Idempotency keys on every unsafe route, tags on every look: a repeat has no effect and gets the first reply."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from specs.models import ApiToken, Event, StoredReply
from tests import cast
from tests.security.routes import ROUTES
from workforce.models import Item, Load

API = "/api/v1/projects/rte"
UNSAFE = ("post", "put", "patch", "delete")


def _keyed(stage: cast.Stage, key: str = "once-and-no-more") -> Client:
    return Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}", "idempotency-key": key})


@pytest.fixture
def stage(db: None) -> cast.Stage:
    return cast.stage()


MADE = [
    ("post", "skills", {"name": "Medical", "key": "medical"}),
    ("post", "cohorts", {"name": "Morning", "key": "morning"}),
    ("post", "queues/main/pause", {}),
    ("post", "specs/rte/draft", {}),
]


@pytest.mark.parametrize(("verb", "where", "body"), MADE, ids=[where for _, where, _ in MADE])
def test_the_same_request_under_its_key_has_one_effect_and_one_reply(
    stage: cast.Stage, verb: str, where: str, body: dict[str, Any]
) -> None:
    client = _keyed(stage)
    first, *others = (
        getattr(client, verb)(f"{API}/{where}", body, content_type="application/json") for _ in range(3)
    )
    assert first.status_code < 300, first.content
    n_events = Event.objects.count()
    for other in others:
        assert (other.status_code, other.content) == (first.status_code, first.content)
    assert Event.objects.count() == n_events
    other_body = getattr(client, verb)(f"{API}/{where}", {**body, "x": 1}, content_type="application/json")
    assert (other_body.status_code, other_body.json()["title"]) == (422, "idempotency-key-reused")
    another = _keyed(stage, "another-one")
    again = getattr(another, verb)(f"{API}/{where}", body, content_type="application/json")
    assert again.content != first.content or Event.objects.count() >= n_events


def test_every_unsafe_route_looks_at_its_key(stage: cast.Stage) -> None:
    """A key that is none is refused everywhere, before anything else is done; a page of errors would not know it."""
    client = _keyed(stage, "short")
    ids = {"spec": "rte", "queue": "main", "clause": "whole", "category": "x", "cohort": "x", "name": "x"}
    n = 0
    for route in ROUTES:
        if not (route.is_api and route.in_project) or getattr(route.view.cls, "own_keys", False):
            continue
        for verb, policy in route.policies.items():
            if verb in UNSAFE and policy.permission != "work.label":
                address = route.address("rte", {**dict.fromkeys(route.places, 1), **ids})
                reply = getattr(client, verb)(address, content_type="application/json")
                assert reply.status_code == 422, (route.where, verb, reply.content)
                assert "idempotency key" in reply.json()["detail"], (route.where, verb)
                n += 1
    assert n > 80


def test_a_refusal_is_not_kept_and_may_succeed_later(stage: cast.Stage) -> None:
    client = _keyed(stage)
    assert client.post(f"{API}/queues/main/reopen").status_code in (200, 409, 204)
    kept = StoredReply.objects.count()
    refused = client.post(f"{API}/skills", {"nonsense": 1}, content_type="application/json")
    assert refused.status_code == 422
    assert StoredReply.objects.count() == kept
    assert (
        client.post(f"{API}/skills", {"name": "S", "key": "s"}, content_type="application/json").status_code
        == 201
    )


def test_a_secret_is_shown_once_and_kept_nowhere(stage: cast.Stage) -> None:
    client = _keyed(stage)
    body = {"name": "bot", "permissions": ["queue.read"]}
    made = client.post(f"{API}/tokens", body, content_type="application/json").json()
    n = ApiToken.objects.count()
    again = client.post(f"{API}/tokens", body, content_type="application/json")
    assert (again.status_code, again.json()["title"], again.json()["first"]["id"]) == (
        409,
        "shown-once",
        made["id"],
    )
    assert ApiToken.objects.count() == n
    assert made["secret"] not in json.dumps(list(StoredReply.objects.values_list("reply", flat=True)))


def test_a_streamed_body_is_told_apart_by_its_bytes(stage: cast.Stage) -> None:
    client = _keyed(stage)
    rows = b"".join(b'{"key": "k-%d", "text": "t"}\n' % n for n in range(50))

    def load(data: bytes, form: str = "jsonl") -> Any:
        return client.post(
            f"{API}/queues/main/items?form={form}", data=data, content_type="application/x-ndjson"
        )

    first, second = load(rows), load(rows)
    assert (first.status_code, second.content) == (201, first.content)
    assert (Load.objects.count(), Item.objects.count()) == (1, 50)
    assert load(rows + b"\n").json()["title"] == "idempotency-key-reused"
    assert load(rows, "csv").json()["title"] == "idempotency-key-reused"


def test_two_at_the_same_moment_have_one_effect(committed_db: None) -> None:
    stage = cast.stage()
    secret = stage.token(stage.ada)

    def make(_: int) -> tuple[int, bytes]:
        client = Client(headers={"authorization": f"Bearer {secret}", "idempotency-key": "eight-at-once"})
        try:
            reply = client.post(f"{API}/queues/main/pause", {}, content_type="application/json")
            return reply.status_code, reply.content
        finally:
            connections.close_all()

    n_events = Event.objects.count()
    with ThreadPoolExecutor(8) as pool:
        replies = set(pool.map(make, range(8)))
    assert len(replies) == 1
    assert Event.objects.count() == n_events + 1


def test_a_look_has_a_tag_and_whoever_has_it_gets_304(stage: cast.Stage) -> None:
    client = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    first = client.get(f"{API}/queues")
    again = client.get(f"{API}/queues", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert int(again["RateLimit-Remaining"]) < int(first["RateLimit-Remaining"])
    stage.load(1)
    client.post(f"{API}/queues/main/pause", {}, content_type="application/json")
    assert client.get(f"{API}/queues", headers={"if-none-match": first["ETag"]}).status_code == 200


def test_a_look_at_the_head_alone_needs_the_same_permission(stage: cast.Stage) -> None:
    weak = Client(headers={"authorization": f"Bearer {stage.token(stage.ada, 'spec.read')}"})
    assert weak.head(f"{API}/queues").status_code == 403
    assert weak.head(f"{API}/specs").status_code == 200
    assert weak.options(f"{API}/queues").status_code == 405
    assert Client().head(f"{API}/specs").status_code == 401
