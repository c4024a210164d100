"""Faults answer in the caller's language: a problem document below /api/, a page elsewhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError
from django.test import Client

from annotation.config import api_schema
from tests import cast

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


def _clients() -> tuple[Client, Client]:
    stage = cast.stage()
    token = Client(
        headers={"authorization": f"Bearer {stage.token(stage.ada)}"}, raise_request_exception=False
    )
    pages = Client(raise_request_exception=False)
    assert stage.ada.user is not None
    pages.force_login(stage.ada.user)
    return token, pages


def test_an_address_that_does_not_exist() -> None:
    token, pages = _clients()
    reply = token.get("/api/v1/nowhere")
    assert (reply.status_code, reply["Content-Type"], reply.json()["title"]) == (404, PROBLEM, "not-found")
    assert pages.get("/nowhere/")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [(RuntimeError("secret detail"), 500, "fault"), (OperationalError("terminating"), 503, "unavailable")],
)
def test_a_fault_and_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, title: str
) -> None:
    token, pages = _clients()
    monkeypatch.setattr("annotation.api.comparisons.comparing", _Broken(error))
    monkeypatch.setattr("annotation.views.read.versions", _Broken(error))
    reply = token.get("/api/v1/projects/rte/specs/rte/compare/1.0.0/1.0.0")
    assert (reply.status_code, reply["Content-Type"], reply.json()["title"]) == (status, PROBLEM, title)
    assert b"secret detail" not in reply.content
    page = pages.get("/p/rte/specs/rte/1.0.0/")
    assert page.status_code == status
    assert b"secret detail" not in page.content
    assert b"is kept" in page.content
    for answer in (reply, page):
        assert ("Retry-After" in answer.headers) == (status == 503)


class _Broken:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        raise self._error


def test_the_schema_is_made_once_also_for_those_who_ask_at_the_same_moment() -> None:
    api_schema._document.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: Client().get("/api/v1/schema"), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert api_schema._document.cache_info().misses == 1
    again = Client().get("/api/v1/schema", headers={"if-none-match": answers[0]["ETag"]})
    assert again.status_code == 304
