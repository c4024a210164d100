"""Undo and correction in a real Chromium, by keyboard only; a clause found by typing."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from annotation.models import Annotation
from specs import drafting, publishing
from tests import cast
from tests.browsing import log_in, settled
from workforce import queues


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=2, max_overlap=2)


def test_the_last_answer_is_taken_up_again_by_one_key_and_the_next_task_waits(
    page: Page, stage: cast.Stage
) -> None:
    stage.load(2)
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 0", exact=True)).to_be_visible()
    settled(page)
    page.keyboard.press("1")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    settled(page)
    page.keyboard.press("Backspace")
    expect(page.get_by_role("heading", name="Correct an answer")).to_be_visible()
    expect(page.locator("input[value=yes]")).to_be_checked()
    expect(page.locator("[name=cite]").first).to_be_checked()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Corrected.")).to_be_visible()
    expect(page.get_by_text("text 1", exact=True)).to_be_visible()
    before, after = Annotation.objects.order_by("revision")
    assert (before.values["entailed"], after.values["entailed"]) == ("yes", "no")
    page.get_by_role("link", name="1 answer today").click()
    expect(page.get_by_role("row", name="item-0")).to_contain_text("corrected")
    page.keyboard.press("1")
    expect(page.locator("input[value=no]")).to_be_checked()
    stage.answer(stage.chi, "no")  # the task ends
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("your answer stays as it is")).to_be_visible()
    expect(page.get_by_role("row", name="item-0")).to_contain_text("stands")
    assert Annotation.objects.filter(annotator=stage.ben).count() == 2


def test_a_clause_is_found_by_typing(page: Page, stage: cast.Stage) -> None:
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    for key, text in (("dates", "The 3rd of May is a date."), ("cafe", "A café is a place.")):
        drafting.add_clause(
            draft=draft,
            key=key,
            title=key.title(),
            blocks=[{"type": "definition", "text": text}],
            by=stage.ada,
        )
    version = publishing.publish(draft=draft, notes="More.", rationale="Missing.", by=stage.ada)
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    stage.load(1)
    log_in(page, "ben")
    page.goto("/p/rte/queues/main/label/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-clause]")).to_have_count(5)
    settled(page)
    page.keyboard.press("/")
    page.keyboard.type("cafe")
    expect(page.locator("[data-clause]:visible")).to_have_count(1)
    expect(page.locator("[data-clause]:visible")).to_contain_text("A café is a place.")
    page.keyboard.type(" nowhere")
    expect(page.get_by_text("No clause has these words.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(page.locator("[data-clause]:visible")).to_have_count(5)


@pytest.mark.django_db
def test_a_program_lists_its_last_answers_and_corrects_one() -> None:
    stage = cast.stage()
    stage.load(1)
    stage.answer(stage.ben, "yes")
    client: Client = stage.client(stage.member("ben"))()
    (given,) = client.get("/api/v1/projects/rte/queues/main/answered").json()["answers"]
    assert (given["values"], given["revision"], given["correctable"]) == ({"entailed": "yes"}, 1, True)
    address = f"/api/v1/projects/rte/assignments/{given['assignment']}/correct"
    body = {"values": {"entailed": "no"}, "revision": 1}

    def send(key: str, **changed: object) -> tuple[int, dict[str, object]]:
        reply = client.post(
            address,
            json.dumps(body | changed),
            content_type="application/json",
            headers={"idempotency-key": key},
        )
        return reply.status_code, reply.json()

    assert send("12345678")[0] == 200
    assert send("12345678") == send("12345678")
    status, problem = send("another-key")
    assert (status, problem["revision"], problem["values"]) == (409, 2, {"entailed": "no"})
    assert Annotation.objects.counted().get().values == {"entailed": "no"}
