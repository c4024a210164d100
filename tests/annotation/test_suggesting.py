"""Predictions before people: hidden without a trace, shown by a fixed draw, on record, never where an answer is to be blind."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import dossier_file, revealing
from annotation.models import Annotation, AnswerDraft
from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import leasing, predicting, queues, suggesting
from workforce.models import Assignment, Queue, Suggestion
from workforce.models.suggestions import Arm

pytestmark = pytest.mark.django_db
BEFORE: dict[str, Any] = {"predictions": "before", "overlap": 1, "max_overlap": 1}


def bring(
    stage: cast.Stage,
    n: int,
    value: str = "yes",
    *,
    model: str = "bert",
    version: str = "3",
    only: Sequence[int] = (),
) -> None:
    rows = "\n".join(
        json.dumps({"key": f"item-{k}", "value": value, "confidence": 0.83}) for k in only or range(n)
    ).encode()
    predicting.bring_in(
        spec=stage.spec,
        source=io.BytesIO(rows),
        name="p.jsonl",
        model=model,
        model_version=version,
        by=stage.ada,
    )


@pytest.fixture
def everybody_sees(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a queue that shows predictions, nobody is left without by chance."""
    settings.PREDICTIONS_WITHHELD_PERCENT = 0


def _signed_in(stage: cast.Stage, client: Client, name: str = "ben") -> Client:
    user = stage.member(name).user
    assert user is not None
    client.force_login(user)
    return client


def _plain(content: bytes) -> str:
    """The page without what every request has of its own."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value=|"X-CSRFToken": ?)"[^"]*"', "", content.decode())
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)
    return re.sub(r'nonce[-=]"?[\w+/=-]+|csrf[^>]*', "", text)


def test_where_predictions_are_hidden_page_and_reply_are_the_same_with_and_without_them(
    client: Client,
) -> None:
    stage = cast.stage(overlap=3)
    stage.load(1)
    head = {"Authorization": f"Bearer {stage.token(stage.member('chi'))}"}
    _signed_in(stage, client).post("/p/rte/queues/main/label/claim/")
    client.post("/api/v1/projects/rte/queues/main/claim", headers=head)

    def seen() -> tuple[str, int, str, int, dict[str, str]]:
        with CaptureQueriesContext(connection) as by_page:
            page = client.get("/p/rte/queues/main/label/")
        with CaptureQueriesContext(connection) as by_rest:
            reply = client.get("/api/v1/projects/rte/leases", headers=head)
        headers = {name: page.headers.get(name, "") for name in ("ETag", "Content-Length", "Last-Modified")}
        return _plain(page.content), len(by_page), reply.content.decode(), len(by_rest), headers

    seen()  # what a process reads once
    without = seen()
    bring(stage, 1)
    assert seen() == without
    assert '"suggestions":[]' in without[2]
    with CaptureQueriesContext(connection) as queries:
        client.get("/p/rte/queues/main/label/")
        client.get("/api/v1/projects/rte/leases", headers=head)
    assert not any("workforce_suggestion" in query["sql"] for query in queries)
    assert not Suggestion.objects.exists()


def test_the_hidden_arm_of_an_experiment_sees_and_costs_what_somebody_without_predictions_does(
    client: Client,
) -> None:
    stage = cast.stage(overlap=2, predictions="experiment", predictions_share="0.001")
    stage.load(1)
    _signed_in(stage, client).post("/p/rte/queues/main/label/claim/")

    def seen() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/p/rte/queues/main/label/")
        return _plain(page.content), len(queries)

    seen()
    without = seen()
    bring(stage, 1)
    assert seen() == without
    assert Suggestion.objects.get().arm == Arm.HIDDEN


def test_the_arm_is_drawn_once_by_task_and_person_and_about_as_often_as_the_queue_says() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, predictions="experiment", max_leases=60)
    stage.load(60)
    bring(stage, 60)
    served = [stage.claim(stage.ben) for _ in range(60)]
    first = [bool(suggesting.serve(one)) for one in served]
    assert [bool(suggesting.serve(one)) for one in served] == first
    assert 12 <= sum(first) <= 48  # beyond that chance once in 10^6 times
    arms = {row.task_id: row.arm for row in Suggestion.objects.all()}
    assert [arms[one.task_id] == Arm.SHOWN for one in served] == first
    one = served[first.index(True)]
    leasing.release(assignment_id=one.assignment_id, annotator=stage.ben, token=one.token, by=None)
    again = leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None, task_id=one.task_id)
    assert again is not None
    bring(stage, 60, "no", version="4")
    assert [shown.model_version for shown in suggesting.serve(again)] == ["3"]


@pytest.mark.usefixtures("everybody_sees")
def test_what_is_shown_is_the_newest_of_the_model_the_queue_names_and_is_on_record() -> None:
    stage = cast.stage(**BEFORE, predictions_model="bert")
    stage.load(1)
    bring(stage, 1, "no", version="2")
    bring(stage, 1, "yes", version="3")
    bring(stage, 1, "no", model="other")
    served = stage.claim(stage.ben)
    (shown,) = suggesting.serve(served)
    assert (shown.value, shown.model, shown.model_version, shown.confidence) == ("yes", "bert", "3", 0.83)
    stage.submit(stage.ben, served, {"entailed": "yes"})
    answer, kept = Annotation.objects.get(), Suggestion.objects.get()
    assert (kept.task_id, kept.annotator_id) == (answer.task_id, answer.annotator_id)
    assert (kept.arm, kept.prediction_id, kept.taken_at) == (Arm.SHOWN, shown.prediction_id, None)
    mine = json.loads("".join(dossier_file.chunks(stage.ben)))["answers"][0]
    assert [one["value"] for one in mine["suggested_to_you"]] == ["yes"]


@pytest.mark.usefixtures("everybody_sees")
def test_gold_and_repeats_and_answers_asked_for_later_are_given_blind() -> None:
    stage = cast.stage(predictions="before")
    bring_in(stage, {"key": "item-7", "text": "known", "value": "yes"})
    stage.load(1)
    bring(stage, 8, only=[0, 7])
    gold = cast.mint(stage, stage.ben, "gold")
    assert gold is not None
    assert suggesting.serve(gold) == []
    stage.submit(stage.ben, gold, {"entailed": "no"})
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        served = stage.claim(who)
        assert suggesting.serve(served)
        stage.submit(who, served, {"entailed": value})
    third = stage.claim(stage.dov)  # they differ, so one more is asked
    assert third.number == 3
    assert suggesting.serve(third) == []
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=3, max_overlap=4)
    assert suggesting.serve(third) == [], "whatever the queue wants of other tasks by now"
    assert {row.annotator_id for row in Suggestion.objects.all()} == {stage.ben.pk, stage.chi.pk}


@pytest.mark.usefixtures("everybody_sees")
def test_an_answer_that_was_wanted_from_the_start_is_none_that_was_asked_for_later() -> None:
    stage = cast.stage(predictions="before", overlap=3)
    stage.load(1)
    bring(stage, 1, only=[0])
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=1, max_overlap=1)
    for who in (stage.ben, stage.chi, stage.dov):
        served = stage.claim(who)
        assert suggesting.serve(served), served.number
        stage.submit(who, served, {"entailed": "yes"})


def test_a_queue_that_measures_people_keeps_them_hidden() -> None:
    stage = cast.stage()
    with pytest.raises(Invalid):
        queues.create_queue(
            project=stage.project,
            key="practice",
            name="Practice",
            spec=stage.spec,
            owner=stage.ada,
            by=stage.ada,
            purpose="training",
            predictions="before",
        )
    with pytest.raises(Invalid):
        queues.change_settings(queue=stage.queue, by=stage.ada, predictions="after", predictions_prefill=True)
    for broken in (
        "predictions = 'before', purpose = 'training'",
        "predictions_share = 1",
        "predictions = 'odd'",
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE workforce_queue SET {broken} WHERE id = {stage.queue.pk}")


@pytest.mark.usefixtures("everybody_sees")
def test_the_page_marks_a_suggestion_and_chooses_nothing_until_it_is_taken_over(client: Client) -> None:
    stage = cast.stage(**BEFORE)
    stage.load(1)
    bring(stage, 1)
    _signed_in(stage, client).post("/p/rte/queues/main/label/claim/")
    page = client.get("/p/rte/queues/main/label/").content.decode()
    assert "Suggested by a model" in page
    assert "bert 3" in page
    assert "83\N{NO-BREAK SPACE}%" in page
    assert "checked" not in page
    slot = Assignment.objects.get(state="leased")
    way, asked = (
        f"/p/rte/queues/main/label/{slot.pk}/suggestion/",
        {"token": str(slot.token), "take": "entailed"},
    )
    taken = client.post(way, asked, headers={"HX-Request": "true"}).content.decode()
    assert re.search(r'value="yes"[^>]*checked', taken)
    assert AnswerDraft.objects.get().values == {"entailed": "yes"}
    client.post(way, asked)
    assert Event.objects.filter(kind="suggestion.taken").count() == 1
    assert Suggestion.objects.get().taken_at is not None
    assert re.search(r'value="yes"[^>]*checked', client.get("/p/rte/queues/main/label/").content.decode())


@pytest.mark.usefixtures("everybody_sees")
def test_a_queue_that_prefills_has_it_chosen_and_says_so(client: Client) -> None:
    stage = cast.stage(**BEFORE, predictions_prefill=True)
    stage.load(1)
    bring(stage, 1)
    _signed_in(stage, client).post("/p/rte/queues/main/label/claim/")
    assert re.search(r'value="yes"[^>]*checked', client.get("/p/rte/queues/main/label/").content.decode())
    assert Suggestion.objects.get().prefilled


def test_what_the_model_said_is_told_once_the_answer_is_given(client: Client) -> None:
    stage = cast.stage(overlap=1, max_overlap=1, predictions="after")
    stage.load(2)
    bring(stage, 2, "no")
    _signed_in(stage, client).post("/p/rte/queues/main/label/claim/")
    before = client.get("/p/rte/queues/main/label/").content.decode()
    assert "bert" not in before
    slot = Assignment.objects.get(state="leased")
    sent = {"token": str(slot.token), "q.entailed": "yes"}
    way = f"/p/rte/queues/main/label/{slot.pk}/submit/"
    after = client.post(way, sent, follow=True).content.decode()
    assert "What a model said of your last task" in after
    assert "bert 3" in after
    client.post(way, {**sent, "q.entailed": "no"})  # she learnt it, and sends again
    assert Annotation.objects.get(assignment=slot).values == {"entailed": "yes"}
    (told,) = revealing.revealed(assignment_id=slot.pk, annotator=stage.ben)
    assert (told.given, told.said, told.same) == ("Yes", "No", False)
    assert revealing.revealed(assignment_id=slot.pk, annotator=stage.chi) == []


@pytest.mark.usefixtures("everybody_sees")
def test_by_rest_it_comes_with_the_claim_is_taken_over_and_told_afterwards(client: Client) -> None:
    stage = cast.stage(**BEFORE)
    stage.load(1)
    bring(stage, 1)
    head = {"Authorization": f"Bearer {stage.token(stage.member('ben'))}"}
    root = "/api/v1/projects/rte"
    claimed = client.post(f"{root}/queues/main/claim", headers=head).json()
    assert [one["value"] for one in claimed["suggestions"]] == ["yes"]
    way = f"{root}/assignments/{claimed['assignment']}/suggestions"
    body = {"token": claimed["token"], "question": "entailed"}

    def post(address: str, sent: dict[str, Any], **more: str) -> Any:
        return client.post(
            address, json.dumps(sent), content_type="application/json", headers={**head, **more}
        )

    assert post(f"{way}/take", body).json()["taken"]
    assert post(f"{way}/take", {**body, "question": "other"}).status_code == 422
    other = {"Authorization": f"Bearer {stage.token(stage.member('chi'))}"}
    assert client.get(way, headers=other).status_code == 404
    queues.change_settings(queue=Queue.objects.get(pk=stage.queue.pk), by=stage.ada, predictions="hidden")
    assert client.get(way, headers=head).json() == {"suggestions": []}


@pytest.mark.usefixtures("everybody_sees")
def test_what_was_shown_stays_as_it_was() -> None:
    stage = cast.stage(**BEFORE)
    stage.load(1)
    bring(stage, 1)
    served = stage.claim(stage.ben)
    suggesting.serve(served)
    asked: dict[str, Any] = {
        "assignment_id": served.assignment_id,
        "annotator": stage.ben,
        "question": "entailed",
        "by": None,
    }
    suggesting.take(**asked, token=served.token)
    assert suggesting.take(**asked, token=served.token).taken  # again: harmless
    with pytest.raises(Invalid):
        suggesting.take(**asked, token=uuid.uuid4())
    for broken in (
        "UPDATE workforce_suggestion SET arm = 'hidden'",
        "UPDATE workforce_suggestion SET taken_at = now()",
        "UPDATE workforce_suggestion SET prediction_id = 1",
        "DELETE FROM workforce_suggestion",
        "INSERT INTO workforce_suggestion (project_id, queue_id, task_id, annotator_id, prediction_id, question, arm, "
        "prefilled) SELECT project_id, queue_id, task_id, annotator_id, prediction_id, 'other', 'hidden', true "
        "FROM workforce_suggestion",
        "INSERT INTO workforce_suggestion (project_id, queue_id, task_id, annotator_id, prediction_id, question, arm, "
        "prefilled) SELECT project_id, queue_id, task_id, annotator_id, prediction_id, question, 'shown', false "
        "FROM workforce_suggestion",
        "INSERT INTO workforce_suggestion (project_id, queue_id, task_id, annotator_id, prediction_id, question, arm, "
        "prefilled) SELECT project_id, queue_id, task_id, annotator_id, 999999999, 'other', 'shown', false "
        "FROM workforce_suggestion",
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{broken}; SET CONSTRAINTS ALL IMMEDIATE")
