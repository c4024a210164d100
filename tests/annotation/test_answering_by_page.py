"""The labelling page's busiest request: an answer goes out, the next task comes back."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Annotation
from specs.templatetags import once
from tests import cast
from workforce.models import Assignment

pytestmark = pytest.mark.django_db
WORK = "/p/rte/queues/main/label/"


@pytest.fixture
def ben() -> tuple[cast.Stage, Client]:
    """Ben holds his second task: whether he may was looked at with the first."""
    stage = cast.stage(overlap=2)
    stage.load(5)
    stage.answer(stage.ben, "yes")
    client = Client(headers={"hx-request": "true"})
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    client.post(f"{WORK}claim/")
    return stage, client


def _answer(client: Client, page: str, value: str = "yes") -> str:
    action = re.search(r'<form id="answer"[^>]*?action="([^"]+)"', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert action, page
    assert token
    return client.post(action[1], {"token": token[1], "q.entailed": value, "cite": "whole"}).content.decode()


def test_an_answer_by_the_page_takes_four_statements_and_brings_the_next_task(
    ben: tuple[cast.Stage, Client],
) -> None:
    stage, client = ben
    second = _answer(client, client.get(WORK).content.decode())
    with CaptureQueriesContext(connection) as seen:
        third = _answer(client, second)
    assert len(seen) <= 4, [query["sql"][:80] for query in seen]
    assert Annotation.objects.filter(annotator=stage.ben).count() == 3
    held = Assignment.objects.get(annotator=stage.ben, state="leased")
    assert str(held.token) in third


def test_what_is_kept_of_a_page_has_each_task_s_own_token_and_each_session_s_own_forms(
    ben: tuple[cast.Stage, Client],
) -> None:
    stage, client = ben
    pages = [client.get(WORK).content.decode()]
    pages.append(_answer(client, pages[0]))
    other = Client(headers={"hx-request": "true"})
    other.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    other.post(f"{WORK}claim/")
    pages.append(other.get(WORK).content.decode())
    tokens = [set(re.findall(r'name="token" value="([^"]+)"', page)) for page in pages]
    assert [len(found) for found in tokens] == [1, 1, 1]
    assert len(set.union(*tokens)) == 3
    forms = [set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)) for page in pages]
    assert forms[0].isdisjoint(forms[2])
    assert not any(place in page for place in once._PLACES.values() for page in pages)


def test_what_is_kept_of_a_page_is_kept_once_and_again_for_what_is_cited(
    ben: tuple[cast.Stage, Client],
) -> None:
    stage, client = ben
    once._kept.cache_clear()

    def kept() -> int:
        return once._kept.cache_info().currsize

    page = client.get(WORK).content.decode()
    parts = kept()
    client.get(WORK)
    assert kept() == parts >= 5
    action = re.search(r'<form id="answer"[^>]*?action="([^"]+)submit/"', page)
    assert action
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    said = {
        "cite": "numbers",
        "q.entailed": "yes",
        "note": "Chi is not to read",
        "draft_revision": "0",
        "token": token[1],
    }
    cited = client.post(f"{action[1]}draft/", said)
    assert cited.status_code == 200
    again = client.get(WORK).content.decode()
    assert re.search(r'value="numbers" form="answer"[^>]*checked', again, re.S)
    assert re.search(r'value="yes"[^>]*checked', again, re.S)
    assert "Chi is not to read" in again
    assert kept() == parts + 1  # the clauses; what she wrote is kept nowhere
    refused = client.post(f"{action[1]}submit/", {"token": token[1], "note": "nor this"})
    assert refused.status_code == 422
    other = Client()
    other.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    other.post(f"{WORK}claim/")
    hers = other.get(WORK).content.decode()
    assert 'id="answer"' in hers
    assert "checked" not in hers
    assert not any(text in hers for text in ("Chi is not to read", "nor this", "Not sent yet"))


def test_no_setting_of_a_session_switches_a_guard_of_slots_off(ben: tuple[cast.Stage, Client]) -> None:
    stage, _ = ben
    answered = Assignment.objects.filter(annotator=stage.ben, state="submitted").first()
    assert answered is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'workforce_assignment'::regclass AND tgname ~ 'state_steps'"
        )
        ((guard,),) = cursor.fetchall()
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{guard}}}"])
        with pytest.raises(DatabaseError, match="does not go from submitted to open"), transaction.atomic():
            cursor.execute(
                "UPDATE workforce_assignment SET state = 'open', annotator_id = NULL, submitted_at = NULL, token = NULL "
                "WHERE id = %s",
                [answered.pk],
            )


def test_an_answer_sent_twice_by_the_page_counts_once_and_brings_the_held_task(
    ben: tuple[cast.Stage, Client],
) -> None:
    stage, client = ben
    page = client.get(WORK).content.decode()
    first, again = _answer(client, page), _answer(client, page)
    assert Annotation.objects.filter(annotator=stage.ben).count() == 2
    token = r'name="token" value="([^"]+)"'
    assert re.findall(token, first) == re.findall(token, again)


def test_an_answer_with_somebody_else_s_token_is_refused(ben: tuple[cast.Stage, Client]) -> None:
    stage, client = ben
    held = Assignment.objects.get(annotator=stage.ben, state="leased")
    sent = client.post(f"{WORK}{held.pk}/submit/", {"token": str(uuid.uuid4()), "q.entailed": "yes"})
    assert Annotation.objects.filter(annotator=stage.ben).count() == 1
    assert sent.status_code < 500
