"""The pages and routes of reviews: stages are added, answers decided on, returned work shown to its author alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Resolution, Review, ReviewDecision
from specs.models import Member
from tests import cast
from workforce import cohorts, review_stages, staffing
from workforce.models import ReviewStage
from workforce.review_stages import Terms

pytestmark = pytest.mark.django_db
QUEUES = "/p/rte/queues/"


def _client(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)  # type: ignore[arg-type]
    return client


@pytest.fixture
def stage() -> cast.Stage:
    made = cast.stage(overlap=1, max_overlap=1)
    where = review_stages.add(queue=made.queue, terms=Terms(), by=made.ada)
    staffing.enrol(queue=where.review_queue, annotator=made.dov, by=made.ada)
    made.load(3)
    return made


def _form(page: str, verdict: str) -> tuple[str, dict[str, str]]:
    """Where the form of a verdict goes, and what it sends by itself."""
    for form in re.findall(r"<form.*?</form>", page, re.S):
        if f'name="verdict" value="{verdict}"' in form:
            action = re.search(r'action="([^"]+)"', form)
            assert action
            hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
            return action[1], {k: v for k, v in hidden.items() if k != "csrfmiddlewaretoken"}
    raise AssertionError(page)


def test_a_stage_is_added_by_its_page_and_a_wrong_one_refused() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    cohorts.create(project=stage.project, key="new", name="New", by=stage.ada)
    ada = _client(stage.ada)
    page = f"{QUEUES}main/review-stages/"
    assert "No review stages" in ada.get(page).content.decode()
    refused = ada.post(page, {"scope": "cohort", "level": "1"})
    assert (refused.status_code, ReviewStage.objects.count()) == (422, 0)
    ada.post(page, {"scope": "newcomers", "first_n": "20", "level": "1"})
    made = ReviewStage.objects.get()
    assert (made.first_n, made.review_queue.key, made.rework_queue.key) == (
        20,
        "main-review-1",
        "main-rework",
    )
    shown = ada.get(page).content.decode()
    assert "the first 20 answers of each annotator" in shown
    ada.post(f"{page}{made.pk}/end/")
    made.refresh_from_db()
    assert made.ended_at is not None


def test_a_reviewer_fixes_an_answer_by_the_page(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes", cite=["whole"])
    dov = _client(stage.member("dov"))
    where = f"{QUEUES}main-review-1/"
    assert dov.get(f"{where}label/").headers["Location"] == f"{where}review/"
    dov.post(f"{where}review/take/")
    page = dov.get(f"{where}review/").content.decode()
    assert stage.ben.pseudonym not in page
    action, form = _form(page, "fix")
    refused = dov.post(action, form)
    assert refused.status_code == 422
    assert "Not sent yet" in refused.content.decode()
    dov.post(action, {**form, "q.entailed": "no", "cite": "numbers"})
    decision = ReviewDecision.objects.get()
    assert (decision.values, decision.citations) == ({"entailed": "no"}, {"entailed": ["numbers"]})
    assert Resolution.objects.get().value == "no"


def test_what_is_returned_is_shown_first_with_reason_clause_and_the_old_answer(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes", cite=["whole"])
    dov, ben = _client(stage.member("dov")), _client(stage.member("ben"))
    dov.post(f"{QUEUES}main-review-1/review/take/")
    action, form = _form(dov.get(f"{QUEUES}main-review-1/review/").content.decode(), "return")
    dov.post(action, {**form, "clause": "knowledge", "reason": "Whose <b>knowledge</b>?"})
    inbox = ben.get("/").content.decode()
    assert "1 answer of yours was returned" in inbox
    mine = ben.get("/p/rte/mine/").content.decode()
    for words in ("Whose &lt;b&gt;knowledge&lt;/b&gt;?", "knowledge", "Rework"):
        assert words in mine
    ben.post(f"{QUEUES}main-rework/label/claim/")
    page = ben.get(f"{QUEUES}main-rework/label/").content.decode()
    assert "A reviewer returned your answer" in page
    assert stage.dov.pseudonym not in page
    assert re.search(r'value="yes"[^>]*checked', page, re.S)
    chi = _client(stage.member("chi"))
    assert "Whose" not in chi.get("/p/rte/mine/").content.decode()


def test_reviews_by_rest(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    dov, ben = stage.client(stage.member("dov"))(), stage.client(stage.member("ben"))()
    api = "/api/v1/projects/rte/"

    def post(client: Client, where: str, body: Any) -> Any:
        return client.post(f"{api}{where}", json.dumps(body), content_type="application/json")

    claimed = post(dov, "queues/main-review-1/reviews/claim", {}).json()
    assert claimed["answer"]["values"] == {"entailed": "yes"}
    body = {
        "assignment": claimed["lease"]["assignment"],
        "token": claimed["lease"]["token"],
        "annotation": claimed["answer"]["annotation"],
        "verdict": "return",
        "reason": "Whose?",
        "clause": "knowledge",
    }
    where = f"reviews/{claimed['review']}/decide"
    assert post(dov, where, {**body, "clause": ""}).status_code == 422
    assert post(dov, where, body).status_code == 201
    assert post(dov, where, body).status_code == 409
    (returned,) = ben.get(f"{api}me/returned").json()["returned"]
    assert (returned["reason"], returned["clause"], returned["queue"]) == (
        "Whose?",
        "knowledge",
        "main-rework",
    )
    assert post(dov, "queues/main-review-1/reviews/claim", {}).status_code == 204
    assert ben.get(f"{api}queues/main/review-stages").status_code == 403
    stages = stage.client(stage.ada)().get(f"{api}queues/main/review-stages").json()["stages"]
    assert [(one["scope"], one["review_queue"]) for one in stages] == [("all", "main-review-1")]


def test_my_work_asks_no_more_queries_for_more_that_was_returned(stage: cast.Stage) -> None:
    ben = _client(stage.member("ben"))
    dov = _client(stage.member("dov"))
    counts = []
    for _ in range(2):
        stage.answer(stage.ben, "yes")
        dov.post(f"{QUEUES}main-review-1/review/take/")
        action, form = _form(dov.get(f"{QUEUES}main-review-1/review/").content.decode(), "return")
        dov.post(action, {**form, "clause": "knowledge", "reason": "Whose?"})
        ben.get("/p/rte/mine/")
        with CaptureQueriesContext(connection) as seen:
            ben.get("/p/rte/mine/")
        counts.append(len(seen))
    assert Review.objects.filter(state="returned").count() == 2
    assert counts[0] == counts[1]
