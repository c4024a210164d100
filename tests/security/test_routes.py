"""Every route declares who may, the public ones are named, and looking changes nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import cast
from tests.security.routes import ROUTES, fingerprint


def test_every_route_declares_its_policy() -> None:
    assert [route.where for route in ROUTES if not route.policies] == []
    assert len(ROUTES) > 90


def test_every_verb_of_the_api_declares_its_policy() -> None:
    for route in ROUTES:
        kind = getattr(route.view, "cls", None)
        if kind is not None:
            verbs = {verb for verb in ("get", "post", "put", "patch", "delete") if hasattr(kind, verb)}
            assert verbs == set(kind.policies), route.where


def test_only_named_routes_are_public() -> None:
    public = {
        route.where for route in ROUTES if any(policy.kind == "public" for policy in route.policies.values())
    }
    assert public == {
        "api/v1/schema",
        "api/v1/client.py",
        "api/v1/docs",
        "healthz",
        "readyz",
        "metrics",
        "language/",
    }


@pytest.mark.django_db
def test_without_a_token_or_with_a_bad_one_the_api_says_401() -> None:
    stage = cast.stage()
    for headers in ({}, {"authorization": "Bearer cc_no_such"}, {"authorization": "Basic YTpi"}):
        reply = Client(headers=headers).get("/api/v1/projects/rte/specs")
        assert reply.status_code == 401
        assert reply["Content-Type"] == "application/problem+json"
    client = Client()
    client.force_login(stage.eve)
    assert client.get("/api/v1/projects/rte/specs").status_code == 401


@pytest.mark.django_db
def test_looking_changes_nothing() -> None:
    """GET on every page as the owner: no row anywhere differs afterwards."""
    stage = cast.stage()
    stage.load(2)
    client = Client()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    ids = {"spec": "rte", "queue": "main", "clause": "whole", "step": "pause", "name": "none"}
    ids |= dict.fromkeys(("number", "old", "new"), "1.0.0")
    before = fingerprint("auth_user")
    for route in ROUTES:
        if not route.is_api:
            client.get(route.address("rte", {**dict.fromkeys(route.places, 1), **ids}))
    assert fingerprint("auth_user") == before
