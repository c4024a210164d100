"""How sure somebody is: asked where the queue says so, stored with the answer, corrected with it, taken along with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation import dossier_file, submitting
from annotation.models import Annotation, AnswerDraft, LateAnswer
from tests import cast
from workforce import queues
from workforce.models import Assignment

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    stage = cast.stage(overlap=3, asks_confidence=True)
    stage.load(3)
    return stage


def ben_of(stage: cast.Stage) -> Client:
    client = Client()
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    return client


def page(name: str, **more: object) -> str:
    return reverse(f"annotation:{name}", kwargs={"project": "rte", "queue": "main", **more})


def test_the_page_asks_where_the_queue_wants_it_and_the_answer_has_it(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), ben_of(stage)
    assert "How sure are you?" in ben.get(page("label")).content.decode()
    form = {"token": str(served.token), "q.entailed": "yes", "confidence": "4"}
    ben.post(page("draft", assignment=served.assignment_id), form)
    assert AnswerDraft.objects.get().confidence == 4
    ben.post(page("submit", assignment=served.assignment_id), form)
    assert Annotation.objects.get().confidence == 4
    again = page("correct", assignment=served.assignment_id)
    assert 'value="4"' in ben.get(again).content.decode()
    key = ben.get(again).context["key"]
    ben.post(again, {"q.entailed": "no", "confidence": "2", "seen": "1", "key": key})
    assert [one.confidence for one in Annotation.objects.order_by("revision")] == [4, 2]
    queues.change_settings(queue=stage.queue, by=stage.ada, asks_confidence=False)
    assert "How sure are you?" not in ben.get(page("label")).content.decode()


def test_whoever_does_not_say_is_not_asked_twice(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), ben_of(stage)
    form = {"token": str(served.token), "q.entailed": "yes", "confidence": "9"}
    ben.post(page("submit", assignment=served.assignment_id), form)
    assert Annotation.objects.get().confidence is None


@pytest.mark.parametrize(
    ("sent", "status"), [(5, 200), (None, 200), (0, 422), (6, 422), ("x", 422), (True, 422)]
)
def test_rest_takes_one_to_five(stage: cast.Stage, sent: object, status: int) -> None:
    served = stage.claim(stage.ben)
    reply = stage.client(stage.member("ben"))().post(
        f"/api/v1/projects/rte/assignments/{served.assignment_id}/submit",
        {"token": str(served.token), "values": {"entailed": "yes"}, "confidence": sent},
        content_type="application/json",
        headers={"Idempotency-Key": "sure-or-not"},
    )
    assert reply.status_code == status, reply.content
    assert [one.confidence for one in Annotation.objects.all()] == ([sent] if status == 200 else [])


def test_it_is_part_of_what_she_can_take_along(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    form = {"token": str(served.token), "q.entailed": "yes", "confidence": "3"}
    ben_of(stage).post(page("submit", assignment=served.assignment_id), form)
    taken = json.loads("".join(dossier_file.chunks(stage.ben)))
    assert [line["confidence"] for line in taken["answers"]] == [3]


def test_a_late_answer_keeps_it_and_its_author_can_take_both_along() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, asks_confidence=True)
    stage.load(1)
    served = stage.claim(stage.ben)
    Assignment.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    stage.answer(stage.chi, "no")
    answer = submitting.Answer({"entailed": "yes"}, {"entailed": ["whole"]}, flagged=True, confidence=2)
    sent: dict[str, Any] = {
        "assignment_id": served.assignment_id,
        "token": served.token,
        "client_key": "late-and-unsure",
    }
    assert submitting.submit(annotator=stage.ben, answer=answer, by=None, **sent).outcome == "late"
    taken = json.loads("".join(dossier_file.chunks(stage.ben)))
    assert taken["answers"] == []
    [late] = taken["late_answers"]
    assert (late["item"], late["values"], late["confidence"]) == ("item-0", {"entailed": "yes"}, 2)
    assert (late["flagged"], late["clauses"]) == (True, [{"question": "entailed", "clauses": ["whole"]}])
    with pytest.raises(IntegrityError, match="late_answer_confidence_from_one_to_five"), transaction.atomic():
        LateAnswer.objects.create(
            project=stage.project,
            assignment_id=served.assignment_id,
            annotator=stage.ben,
            token=served.token,
            client_key="another-key",
            values={},
            confidence=6,
            reason="lease-lost",
            event_id=1,
        )


def test_nothing_but_one_to_five_is_stored(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    with (
        pytest.raises(IntegrityError, match="annotation_confidence_from_one_to_five"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO annotation_annotation (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, "
            "served_digest, client_key, revision, ordinal, values, flagged, confidence, source, answered_at, event_id) "
            "SELECT project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, 'k2-other', "
            "2, ordinal, values, flagged, 6, source, answered_at, event_id FROM annotation_annotation"
        )
