"""Answers of every form (lists, numbers, texts, orders) through the pages: answered, disputed, ruled, measured, exported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from annotation import appraising, measuring
from annotation.models import Annotation, AnswerDraft, Dispute, Resolution
from specs import schema
from tests import cast, questions
from workforce import goldkeeping, loading, staffing
from workforce.models import KnownAnswer, Task

pytestmark = pytest.mark.django_db
ANSWER: dict[str, Any] = {
    "q.topics": ["law", "art"],
    "q.severity": "4",
    "q.why": "It names\r\na person.",
    "q.order.thing": ["a", "b", "c"],
    "q.order.place": ["2", "1", "2"],
    "q.fixed": "This is sentence 0.",
    "q.height": "1,5",
}
VALUES = {
    "topics": ["art", "law"],
    "severity": 4,
    "why": "It names\na person.",
    "order": [["b"], ["a", "c"]],
    "fixed": "This is sentence 0.",
    "height": 1.5,
}


def staged(asked: Sequence[dict[str, Any]] = questions.ALL) -> cast.Stage:
    stage = cast.stage(questions=asked, overlap=2, max_overlap=2)
    rows = "\n".join(json.dumps(questions.item(number)) for number in range(2))
    loading.load(
        project=stage.project, queue=stage.queue, source=BytesIO(rows.encode()), name="i.jsonl", by=stage.ada
    )
    return stage


def page_of(stage: cast.Stage, name: str) -> Client:
    client = Client()
    client.force_login(stage.ada.user if name == "ada" else stage.member(name).user)  # type: ignore[arg-type]
    return client


def send(stage: cast.Stage, name: str, answer: dict[str, Any], way: str = "submit") -> Any:
    served = stage.claim(stage.annotators[name])
    path = f"/p/rte/queues/main/label/{served.assignment_id}/{way}/"
    return page_of(stage, name).post(path, {"token": str(served.token), **answer})


def test_every_kind_of_answer_is_stored_as_what_it_is_and_equal_ones_settle() -> None:
    stage = staged()
    for name in ("ben", "chi"):
        assert send(stage, name, ANSWER).status_code == 302
    assert [one.values for one in Annotation.objects.all()] == [VALUES, VALUES]
    assert {one.question: one.value for one in Resolution.objects.all()} == VALUES
    assert Task.objects.filter(state="resolved").count() == 1


def test_what_is_not_asked_on_the_branch_is_not_stored() -> None:
    stage = staged()
    assert send(stage, "ben", {**ANSWER, "q.severity": "2"}).status_code == 302
    answer = Annotation.objects.get()
    assert answer.values == {key: value for key, value in VALUES.items() if key != "why"} | {"severity": 2}


def test_a_refused_page_and_a_draft_show_again_what_was_entered() -> None:
    stage = staged()
    wrong = {**ANSWER, "q.topics": ["art", "nothing"], "q.order.place": ["", "1", ""], "q.height": "tall"}
    page = send(stage, "ben", wrong)
    assert page.status_code == 422
    told = page.content.decode()
    for words in ("excludes all others", "without one: The first, The third", "is no number"):
        assert words in told
    assert 'value="tall"' in told
    assert told.count("checked") >= 3
    assert send(stage, "ben", wrong, "draft").status_code == 200
    kept = AnswerDraft.objects.get().values
    assert (kept["topics"], kept["order"], kept["height"]) == (["art", "nothing"], {"b": 1}, "tall")
    shown = page_of(stage, "ben").get("/p/rte/queues/main/label/").content.decode()
    assert 'value="tall"' in shown
    assert "It names\na person." in shown


def test_a_lead_rules_with_an_answer_that_stands_there_or_with_one_of_her_own() -> None:
    stage = staged()
    other = {
        **ANSWER,
        "q.topics": ["sport"],
        "q.order.place": ["1", "2", "3"],
        "q.height": "2",
        "q.fixed": "No.",
    }
    send(stage, "ben", ANSWER)
    send(stage, "chi", other)
    dispute = Dispute.objects.get()
    assert dispute.questions == ["topics", "order", "fixed", "height"]
    lead = page_of(stage, "ada")
    lead.post(f"/p/rte/disputes/{dispute.pk}/take/")
    console = lead.get(f"/p/rte/disputes/{dispute.pk}/").content.decode()
    assert "The second &gt; The first = The third" in console
    assert "Put the sentence right" in console
    form = {
        "assignment": str(dispute.work.assignments.get().pk),  # type: ignore[union-attr]
        "token": console.split('name="token" value="')[1].split('"')[0],
        "cause": "annotator-erred",
        "side.topics": json.dumps(["sport"], separators=(",", ":")),
        "side.order": "",
        "q.order.thing": ["a", "b", "c"],
        "q.order.place": ["1", "1", "2"],
        "side.fixed": "This is sentence 0.",
        "side.height": "",
        "q.height": "",
    }
    refused = lead.post(f"/p/rte/disputes/{dispute.pk}/rule/", form)
    assert refused.status_code == 422
    assert "height" in refused.content.decode()
    assert lead.post(f"/p/rte/disputes/{dispute.pk}/rule/", {**form, "q.height": "1.8"}).status_code == 302
    ruled = {one.question: one.value for one in Resolution.objects.filter(basis="ruling")}
    assert ruled == {
        "topics": ["sport"],
        "order": [["a", "b"], ["c"]],
        "fixed": "This is sentence 0.",
        "height": 1.8,
    }
    assert (
        "The first = The second &gt; The third" in page_of(stage, "ben").get("/p/rte/mine/").content.decode()
    )


def test_answers_a_little_apart_settle_where_the_questions_let_them() -> None:
    loose = [
        {**one, "settings": {**one.get("settings", {}), "agree_within": 0.7}}
        if one["kind"] != "rating"
        else {**one, "settings": {**one["settings"], "agree_points": 1}}
        for one in questions.ALL
    ]
    stage = staged(loose)
    other = {
        **ANSWER,
        "q.topics": ["law"],
        "q.severity": "5",
        "q.order.place": ["3", "1", "2"],
        "q.height": "1.6",
    }
    send(stage, "ben", ANSWER)
    send(stage, "chi", other)
    assert not Dispute.objects.exists()
    assert Resolution.objects.filter(basis="consensus").count() == len(questions.ALL)


def test_every_kind_is_measured_at_its_level() -> None:
    stage = staged()
    send(stage, "ben", ANSWER)
    send(stage, "chi", {**ANSWER, "q.severity": "5", "q.height": "2"})
    found = {one.question: one for one in measuring.compute(spec=stage.spec)}
    assert list(found) == [question["key"] for question in stage.version.questions]
    assert found["topics"].as_dict()["annotations"] == 2
    assert {label.value for label in found["severity"].labels} == {"1", "2", "3", "4", "5"}


def test_nobody_differs_from_the_others_by_what_the_question_lets_pass() -> None:
    loose = {**questions.HEIGHT, "settings": {"unit": "m", "agree_within": 0.1}}
    stage = cast.stage(questions=[loose], overlap=3, max_overlap=3)
    stage.load(1)
    for name, height in (("ben", "10"), ("chi", "10.5"), ("dov", "20")):
        assert send(stage, name, {"q.height": height}).status_code == 302
    third = staffing.annotator_for(member=stage.ada)
    found = appraising.answers(annotators=[stage.ben.pk, stage.dov.pk, third.pk], last=10)
    assert {one.annotator_id: one.agrees for one in found} == {stage.ben.pk: None, stage.dov.pk: False}


def test_gold_of_every_kind_is_taken_from_a_file_and_judged() -> None:
    stage = staged()
    rows = [{"key": "item-0", "question": key, "value": value} for key, value in VALUES.items()]
    text = "\n".join(json.dumps(row) for row in rows)
    goldkeeping.bring_in(spec=stage.spec, source=BytesIO(text.encode()), name="gold.jsonl", by=stage.ada)
    assert {one.question: one.value for one in KnownAnswer.objects.all()} == VALUES


def test_settings_of_a_kind_are_written_checked_and_compared() -> None:
    asked = {**questions.SEVERITY, "settings": {"min": 1, "max": 5, "level": "rough", "colour": "red"}}
    told = " ".join(problem.message for problem in schema.problems([asked]))
    assert "is one of ordinal, interval" in told
    assert "no settings named colour" in told
