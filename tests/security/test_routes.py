"""Every route declares who may; foreign and missing answer alike and change nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from specs.access import Policy
from tests import cast

BY_OTHERS = {"accounts/"}  # allauth's pages decide by themselves, before the project is known


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        where = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield where, entry.callback
        else:
            yield from _routes(entry, where)


ROUTES = [(where, view) for where, view in _routes(get_resolver()) if not where.startswith(tuple(BY_OTHERS))]


def _policies(view: Any) -> dict[str, Policy]:
    if hasattr(view, "policy"):
        return {"page": view.policy}
    return dict(getattr(getattr(view, "cls", None), "policies", {}))


def test_every_route_declares_its_policy() -> None:
    without = [where for where, view in ROUTES if not _policies(view)]
    assert without == []
    assert len(ROUTES) > 90


def test_every_verb_of_the_api_declares_its_policy() -> None:
    for where, view in ROUTES:
        kind = getattr(view, "cls", None)
        if kind is None:
            continue
        verbs = {verb for verb in ("get", "post", "put", "patch", "delete") if hasattr(kind, verb)}
        assert verbs == set(kind.policies), where


def test_only_named_routes_are_public() -> None:
    public = {
        where for where, view in ROUTES for policy in _policies(view).values() if policy.kind == "public"
    }
    assert public == {"api/v1/schema", "api/v1/docs", "healthz", "readyz"}


def _address(where: str, project: str, ids: dict[str, object]) -> str:
    """A route with its places filled: the project by name, everything else by the ids of a stage or by 1."""
    filled = where
    for place in ("slug:project",):
        filled = filled.replace(f"<{place}>", project)
    while "<" in filled:
        start, end = filled.index("<"), filled.index(">")
        name = filled[start + 1 : end].split(":")[-1]
        filled = filled[:start] + str(ids.get(name, 1)) + filled[end + 1 :]
    return "/" + filled


def _digest() -> list[tuple[str, int]]:
    """How many rows every table has: what a request may not change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        tables = [row[0] for row in cursor.fetchall() if row[0] not in ("django_session",)]
        found = []
        for table in tables:
            cursor.execute(f"SELECT count(*), coalesce(sum(hashtext(t::text)::bigint), 0) FROM {table} t")
            found.append((table, *cursor.fetchone()))
        return found


def _plain(content: bytes) -> bytes:
    """A page without what differs in every answer: the masked CSRF token."""
    return re.sub(rb"X-CSRFToken[^}]*}|csrfmiddlewaretoken[^>]*>", b"", content)


IDS: dict[str, object] = {
    "spec": "rte",
    "queue": "main",
    "number": "1.0.0",
    "old": "1.0.0",
    "new": "1.0.0",
    "clause": "whole",
}
IN_PROJECT = [(where, view) for where, view in ROUTES if "<slug:project>" in where]
MISSING_IDS: dict[str, object] = {
    "spec": "none",
    "queue": "none",
    "number": "9.9.9",
    "old": "9.9.9",
    "new": "9.9.9",
    "clause": "none",
    "step": "none",
    "name": "none",
    "pseudonym": "none",
}


@pytest.mark.django_db
def test_a_foreign_project_answers_like_a_missing_one_on_every_page_and_changes_nothing() -> None:
    stage = cast.stage()
    stage.load(2)
    client = Client()
    client.force_login(stage.eve)
    for where, _view in IN_PROJECT:
        if where.startswith("api/"):
            continue
        for verb in ("get", "post", "head", "put", "delete"):
            before = _digest() if verb != "get" else None
            foreign = getattr(client, verb)(_address(where, "rte", IDS))
            missing = getattr(client, verb)(_address(where, "nowhere", IDS))
            assert foreign.status_code == missing.status_code, (verb, where)
            assert foreign.status_code in (404, 405), (verb, where)
            if foreign.status_code == 404:
                assert _plain(foreign.content) == _plain(missing.content)
            assert before is None or _digest() == before, (verb, where)


@pytest.mark.django_db
def test_a_foreign_token_answers_like_a_missing_project_on_every_api_route_and_changes_nothing() -> None:
    stage, other = cast.stage(), cast.stage("other")
    stage.load(2)
    secret = other.token(other.ada)
    client = Client(headers={"authorization": f"Bearer {secret}"})
    client.get("/api/v1/projects/other/specs")  # sets the token's last use once
    before = _digest()
    for where, view in IN_PROJECT:
        if not where.startswith("api/"):
            continue
        for verb in view.cls.policies:
            options = {} if verb == "get" else {"content_type": "application/json"}
            foreign = getattr(client, verb)(_address(where, "rte", IDS), **options)
            missing = getattr(client, verb)(_address(where, "nowhere", IDS), **options)
            assert (foreign.status_code, missing.status_code) == (404, 404), (verb, where)
            assert foreign.content == missing.content
    assert _digest() == before


@pytest.mark.django_db
def test_a_foreign_child_under_ones_own_project_is_missing() -> None:
    """Rows of another project, asked for below one's own: no list and no detail shows them."""
    stage, other = cast.stage(), cast.stage("other", overlap=2, max_overlap=2)
    other.load(1)
    for who in (other.ben, other.chi):
        other.answer(who, "yes" if who == other.ben else "no")
    from annotation.models import Dispute
    from workforce.models import Assignment

    foreign: dict[str, object] = {
        **IDS,
        "dispute": Dispute.objects.get().pk,
        "assignment": Assignment.objects.filter(project=other.project)[0].pk,
        "member": other.ada.pk,
    }
    client = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    for where, view in IN_PROJECT:
        if where.startswith("api/") and any(
            f":{name}>" in where for name in ("dispute", "assignment", "member")
        ):
            for verb in view.cls.policies:
                options = {} if verb == "get" else {"content_type": "application/json"}
                reply = getattr(client, verb)(_address(where, "rte", foreign), **options)
                assert reply.status_code in (403, 404, 422), (verb, where, reply.status_code)
                assert b"item-0" not in reply.content


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
def test_a_token_does_no_more_than_it_was_given() -> None:
    stage = cast.stage()
    client = Client(headers={"authorization": f"Bearer {stage.token(stage.ada, 'spec.read')}"})
    assert client.get("/api/v1/projects/rte/specs").status_code == 200
    assert client.get("/api/v1/projects/rte/queues").status_code == 403
    assert client.post("/api/v1/projects/rte/specs", {}, content_type="application/json").status_code == 403


@pytest.mark.django_db
def test_looking_changes_nothing() -> None:
    """GET on every page as the owner: no row anywhere differs afterwards."""
    stage = cast.stage()
    stage.load(2)
    client = Client()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    before = [row for row in _digest() if row[0] != "auth_user"]
    for where, _view in IN_PROJECT:
        if not where.startswith("api/"):
            client.get(
                _address(where, "rte", {**IDS, **{k: v for k, v in MISSING_IDS.items() if k == "step"}})
            )
    assert [row for row in _digest() if row[0] != "auth_user"] == before
