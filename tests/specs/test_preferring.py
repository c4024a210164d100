"""The language of somebody's choice: on every page, after a log-in elsewhere, in mails; and what was stored in English."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import translation

from specs import delivering, preferring, retelling
from specs.models import Preferences
from specs.refusals import Invalid
from tests import cast
from workforce import alerting
from workforce.models import AlertKind

COOKIE = "concordat-language"


def _log_in(client: Client, name: str) -> None:
    client.post("/accounts/login/", {"login": name, "password": cast.PASSWORD})


@pytest.fixture
def stage(db: None) -> cast.Stage:
    return cast.stage()


def test_a_browser_is_answered_in_its_language(stage: cast.Stage) -> None:
    reply = Client(headers={"accept-language": "de-AT,de;q=0.9"}).get("/accounts/login/")
    assert '<html lang="de" dir="ltr">' in reply.content.decode()
    assert reply.headers["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in reply.headers["Vary"].split(",")}
    unknown = Client(headers={"accept-language": "tlh"}).get("/accounts/login/")
    assert '<html lang="en"' in unknown.content.decode()


def test_a_choice_follows_its_owner_to_another_browser(stage: cast.Stage) -> None:
    here, there = Client(), Client()
    _log_in(here, "ben")
    chosen = here.post("/language/", {"language": "de", "next": "/p/rte/mine/"})
    assert (chosen.status_code, chosen.headers["Location"]) == (302, "/p/rte/mine/")
    assert '<html lang="de"' in here.get("/").content.decode()
    _log_in(there, "ben")
    assert '<html lang="de"' in there.get("/").content.decode()
    _log_in(there, "chi")
    assert not Preferences.objects.filter(user=stage.member("chi").user).exists()


def test_a_guest_is_remembered_by_the_browser_alone(stage: cast.Stage) -> None:
    guest = Client()
    guest.post("/language/", {"language": "de"})
    assert guest.cookies[COOKIE].value == "de"
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("back", ["https://elsewhere.test/", "//elsewhere.test/", "javascript:alert(1)", ""])
def test_the_way_back_leads_nowhere_else(stage: cast.Stage, back: str) -> None:
    assert Client().post("/language/", {"language": "de", "next": back}).headers["Location"] == "/"


def test_a_language_that_is_not_spoken_is_refused(stage: cast.Stage) -> None:
    reply = Client().post("/language/", {"language": "xx"})
    assert reply.status_code == 422
    assert COOKIE not in reply.cookies
    with pytest.raises(Invalid, match="not spoken"):
        preferring.choose(user=stage.member("ben").user, language="xx")  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match="preferences_language_is_a_tag"), transaction.atomic():
        Preferences.objects.create(user=stage.member("ben").user, language="German")  # type: ignore[misc]


def test_a_mail_speaks_its_readers_language_whoever_causes_it(stage: cast.Stage, settings: Any) -> None:
    settings.ALERTS_BY_MAIL = True
    user = stage.ada.user
    assert user is not None
    user.email = "ada@example.org"
    user.save()
    preferring.choose(user=user, language="de")
    with translation.override("en"):
        alerting.raise_alert(project=stage.project, kind=AlertKind.NOBODY, queue=stage.queue, facts={})
    delivering.send_due()
    (sent,) = mail.outbox
    assert "Arbeit wartet, und niemand ist eingeschrieben" in sent.subject
    assert translation.get_language() == "en"


def test_what_a_job_wrote_in_english_is_told_anew() -> None:
    stored = "3 of 20 rows cannot be loaded; nothing was loaded."
    with translation.override("de"):
        assert retelling.retold(stored) == "3 von 20 Zeilen lassen sich nicht laden; nichts wurde geladen."
        assert retelling.retold("question mood") == "Frage mood"
        assert (
            retelling.retold("clause whole, block 2 (Use when)") == "Klausel whole, Block 2 (Verwenden, wenn)"
        )
        assert retelling.retold("what somebody wrote by hand") == "what somebody wrote by hand"
        assert retelling.retold("") == ""
    assert retelling.retold(stored) == stored


def test_the_api_answers_in_one_language(stage: cast.Stage) -> None:
    headers = {"authorization": f"Bearer {stage.token(stage.ada)}", "accept-language": "de"}
    Client(headers={"accept-language": "de"}).get("/accounts/login/")
    reply = Client(headers=headers).post(
        "/api/v1/projects/rte/specs", {"key": "rte", "title": "x"}, content_type="application/json"
    )
    assert reply.json()["detail"] == "There is a spec rte already."
