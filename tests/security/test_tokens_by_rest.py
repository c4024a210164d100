"""A token's life over REST: when it was used, that it ends by itself, and that it is dead within a second of being revoked."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from specs import tokens
from specs.models import ApiToken
from tests import cast

API = "/api/v1/projects/rte"
pytestmark = pytest.mark.django_db


def _client(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def test_a_token_tells_when_it_was_last_used_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = cast.stage()
    keeper = _client(stage.token(stage.ada))
    body = {"name": "bot", "permissions": ["queue.read"]}
    made = keeper.post(f"{API}/tokens", body, content_type="application/json").json()
    assert made["last_used_at"] is None
    bot = _client(made["secret"])
    assert bot.get(f"{API}/queues").status_code == 200
    shown = {one["id"]: one for one in keeper.get(f"{API}/tokens").json()["tokens"]}
    assert shown[made["id"]]["last_used_at"] is not None
    assert "secret" not in shown[made["id"]]
    ApiToken.objects.filter(pk=made["id"]).update(expires_at=Now() - timedelta(seconds=1))
    at = time.monotonic() + 1.01
    monkeypatch.setattr("specs.tokens.time.monotonic", lambda: at)
    assert bot.get(f"{API}/queues").status_code == 401


def test_a_revoked_token_is_dead_here_at_once_and_within_a_second_in_other_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = cast.stage()
    keeper = _client(stage.token(stage.ada))
    for elsewhere in (False, True):
        secret = stage.token(stage.ada, "queue.read")
        token = ApiToken.objects.latest("pk")
        assert _client(secret).get(f"{API}/queues").status_code == 200
        with monkeypatch.context() as patched:
            if elsewhere:  # the process that revokes is another one, so this one keeps what it knows
                patched.setattr(tokens, "forget", lambda: None)
            assert keeper.delete(f"{API}/tokens/{token.pk}").status_code == 204
        assert keeper.delete(f"{API}/tokens/{token.pk}").status_code == 204, "harmless to repeat"
        at = time.monotonic() + (1.0 if elsewhere else 0.0)
        with monkeypatch.context() as patched:
            patched.setattr("specs.tokens.time.monotonic", lambda at=at: at)
            assert _client(secret).get(f"{API}/queues").status_code == 401
