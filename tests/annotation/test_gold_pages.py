"""The pages and routes about gold: bring in, decide, look, set aside; settings in words; feedback where the queue gives it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import nominating
from specs.refusals import Invalid
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import queues
from workforce.forms.gold import GoldFields
from workforce.models import KnownAnswer, Queue

pytestmark = pytest.mark.django_db
GOLD = "/p/rte/queues/main/gold/"


def _in(stage: cast.Stage, who: str = "ada") -> Client:
    client = Client()
    member = stage.ada if who == "ada" else stage.member(who)
    assert member.user is not None
    client.force_login(member.user)
    return client


def _api(stage: cast.Stage, who: str = "ada") -> Client:
    member = stage.ada if who == "ada" else stage.member(who)
    return Client(headers={"authorization": f"Bearer {stage.token(member)}"})


def test_a_file_comes_in_by_page_and_a_bad_one_is_refused_with_its_lines() -> None:
    stage = cast.stage()
    client = _in(stage)
    assert "No known answers yet" in client.get(GOLD).text
    bad = SimpleUploadedFile("g.csv", b"key,value,text\na,yes,One\nb,maybe,Two\n")
    refused = client.post(f"{GOLD}bring-in/", {"file": bad})
    assert (refused.status_code, "line 3" in refused.text) == (422, True)
    good = SimpleUploadedFile("g.csv", b"key,value,text\na,yes,One\nb,no,Two\n")
    assert client.post(f"{GOLD}bring-in/", {"file": good}).headers["Location"] == GOLD
    assert KnownAnswer.objects.count() == 2
    assert "mono" in client.get(GOLD, {"label": "no"}).text
    assert "None of these" in client.get(GOLD, {"clause": "whole"}).text
    assert client.get(GOLD, {"state": "odd"}).status_code == 404


def test_a_lead_confirms_candidates_in_bulk_and_sets_one_aside_with_its_reason() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    for who in (stage.ben, stage.chi):
        for _ in range(3):
            stage.answer(who, "yes")
    client = _in(stage)
    client.post(f"{GOLD}find/", {"source": "unanimous", "least": 2, "limit": 50})
    ids = list(KnownAnswer.objects.order_by("pk").values_list("pk", flat=True))
    assert len(ids) == 3
    client.post(f"{GOLD}decide/", {"known": ids[:2], "decision": "confirm"})
    client.post(f"{GOLD}decide/", {"known": ids[2:], "decision": "decline"})
    one = f"{GOLD}{ids[0]}/"
    assert "item-" in client.get(one).text
    client.post(f"{one}explain/", {"explanation": "It is said."})
    client.post(f"{one}set-aside/", {"reason": "Doubtful."})
    states = dict(KnownAnswer.objects.values_list("pk", "state"))
    assert [states[pk] for pk in ids] == ["set-aside", "in-use", "declined"]
    assert KnownAnswer.objects.get(pk=ids[0]).explanation == "It is said."
    assert _in(stage, "ben").get(GOLD).status_code == 404 or _in(stage, "ben").get(GOLD).status_code == 403


def test_what_the_pages_do_a_token_may_do() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    for who in (stage.ben, stage.chi):
        for _ in range(2):
            stage.answer(who, "yes")
    api, base = _api(stage), "/api/v1/projects/rte/specs/rte/gold"
    rows = '{"key": "g-1", "value": "yes", "text": "One"}\n{"key": "g-2", "value": "no", "text": "Two"}'
    done = api.post(base, rows, content_type="application/x-ndjson")
    assert (done.status_code, done.json()["n_new"]) == (201, 2)
    found = api.post(f"{base}/find", {"source": "unanimous", "least": 2}, content_type="application/json")
    assert found.json() == {"n": 2}
    listed = api.get(base, {"state": "candidate"}).json()["gold"]
    ids = [one["id"] for one in listed]
    decided = api.post(f"{base}/decide", {"ids": ids, "decision": "confirm"}, content_type="application/json")
    assert decided.json() == {"n": 2}
    one = f"{base}/{ids[0]}"
    assert (
        api.patch(one, {"explanation": "So."}, content_type="application/json").json()["explanation"] == "So."
    )
    gone = api.post(f"{one}/set-aside", {"reason": "No."}, content_type="application/json")
    assert (gone.json()["state"], gone.json()["set_aside_for"]) == ("set-aside", "person")
    (ben, *_) = [
        row
        for row in api.get("/api/v1/projects/rte/queues/main/gold/people").json()["people"]
        if row["annotator"] == stage.ben.pseudonym
    ]
    assert (ben["others"]["n"], ben["others"]["value"], ben["gold"]["n"]) == (2, 1.0, 0)
    assert _api(stage, "ben").get(base).status_code == 403


def test_the_reply_tells_what_was_expected_only_where_the_queue_says_so() -> None:
    stage = cast.stage(max_leases=5)
    bring_in(
        stage, *({"key": f"g-{k}", "value": "yes", "text": f"{k}", "explanation": "Look."} for k in range(3))
    )
    stage.load(1)
    api = _api(stage, "ben")

    def send(served: Any, value: str) -> dict[str, Any]:
        reply = api.post(
            f"/api/v1/projects/rte/assignments/{served.assignment_id}/submit",
            {"token": str(served.token), "values": {"entailed": value}},
            content_type="application/json",
            headers={"Idempotency-Key": f"key-{served.assignment_id:08}"},
        )
        assert reply.status_code == 200
        body: dict[str, Any] = reply.json()
        return body

    silent = send(cast.mint(stage, stage.ben, "gold"), "no")
    work = send(stage.claim(stage.ben), "no")
    assert silent.keys() == work.keys()
    assert silent["feedback"] == work["feedback"] == []
    queues.change_settings(queue=stage.queue, by=stage.ada, gold_feedback="at-once")
    (told,) = send(cast.mint(stage, stage.ben, "gold"), "no")["feedback"]
    assert (told["expected"], told["right"], told["explanation"]) == ("Yes", False, "Look.")
    page = _in(stage, "ben")
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    reply = page.post(
        f"/p/rte/queues/main/label/{served.assignment_id}/submit/",
        {"token": str(served.token), "q.entailed": "no"},
        follow=True,
    )
    assert "Your last answer was on a known item" in reply.text
    other = _in(stage, "chi").get(f"/p/rte/queues/main/label/?after={served.assignment_id}")
    assert "known item" not in other.text


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"gold_first": 60, "gold_first_of": 50}, "gold_first"),
        ({"gold_first": 40, "gold_first_of": 50}, "gold_first"),
        ({"gold_share": 0}, "gold_share"),
        ({"gold_share": "0.6"}, "gold_share"),
        ({"repeat_share": "0.2"}, "repeat_share"),
        ({"gold_failed_share": 0}, "gold_failed_share"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(settings: dict[str, Any], word: str) -> None:
    stage = cast.stage(gold_share="0.05", gold_first=40)
    with pytest.raises(Invalid) as refused:
        queues.change_settings(queue=stage.queue, by=stage.ada, **settings)
    assert word in [problem["where"] for problem in refused.value.problems]


def test_settings_are_kept_by_page_and_by_token() -> None:
    stage = cast.stage()
    assert 'name="gold_percent"' in _in(stage).get("/p/rte/queues/main/settings/").text
    given = {name: value for name, value in GoldFields.of_gold(stage.queue).items() if value is not None} | {
        "gold_percent": "7.5",
        "gold_age_days": "30",
        "repeat_percent": "2",
        "gold_feedback": "at-once",
    }
    form = GoldFields(given)
    assert form.is_valid(), form.errors
    queues.change_settings(queue=stage.queue, by=stage.ada, **form.gold_settings())
    queue = Queue.objects.get(pk=stage.queue.pk)
    assert (float(queue.gold_share), queue.gold_age.days, float(queue.repeat_share)) == (0.075, 30, 0.02)  # type: ignore[union-attr]
    reply = _api(stage).patch(
        "/api/v1/projects/rte/queues/main", {"gold_exposures": 9}, content_type="application/json"
    )
    assert (reply.json()["gold_exposures"], reply.json()["gold_feedback"]) == (9, "at-once")


def test_among_her_own_answers_gold_ends_a_day_later_like_work() -> None:
    stage = cast.stage()
    bring_in(stage, {"key": "g", "value": "yes", "text": "One"})
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    stage.submit(stage.ben, served, {"entailed": "no"})
    client = _in(stage, "ben")
    (row,) = client.get("/p/rte/mine/").context["answers"]
    assert [one["ended"] for one in row["outcomes"]] == [None]
    with patch("annotation.views.mine.UNSEEN_FOR", timedelta(0)):
        (row,) = client.get("/p/rte/mine/").context["answers"]
    assert [(one["ended"], one["same"]) for one in row["outcomes"]] == [("Yes", False)]


def test_the_settings_page_keeps_what_it_shows() -> None:
    stage = cast.stage()
    client = _in(stage)
    form = client.get("/p/rte/queues/main/settings/").context["form"]
    shown = {name: form.initial.get(name, form.fields[name].initial) for name in form.fields}
    data = {name: value for name, value in shown.items() if value not in (None, "") and value is not False}
    reply = client.post("/p/rte/queues/main/settings/", {**data, "gold_percent": "7.5"})
    assert reply.status_code == 302, reply.context["form"].errors


def test_the_list_takes_as_many_queries_for_forty_as_for_two() -> None:
    stage = cast.stage()
    bring_in(
        stage, *({"key": f"g-{k}", "value": "yes", "clauses": "whole", "text": f"{k}"} for k in range(2))
    )
    client = _in(stage)
    client.get(GOLD)
    numbers = []
    for more in (0, 40):
        bring_in(
            stage,
            *(
                {"key": f"h-{k}", "value": "no", "clauses": "numbers", "text": f"{k}"}
                for k in range(more or 1)
            ),
        )
        with CaptureQueriesContext(connection) as queries:
            client.get(GOLD)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_a_command_brings_answers_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = cast.stage()
    file = tmp_path / "gold.jsonl"
    file.write_text('{"key": "g", "value": "yes", "text": "One"}\n')
    call_command("import_gold", str(file), "--project", stage.project.key, "--json")
    assert json.loads(capsys.readouterr().out)["n_new"] == 1
    assert nominating.flagged(stage.project.pk) == []
