"""Threads of tasks: who writes, what each reads, whom a mention reaches."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from annotation import adjudicating, reviewing, talking
from annotation.models import Dispute, Mention, Message
from specs.models import Event, Member, Role
from specs.refusals import Invalid, NotAllowed
from tests import cast
from workforce import goldkeeping, queues, review_stages, staffing
from workforce.models import Queue, Task

pytestmark = pytest.mark.django_db


def _stage() -> tuple[cast.Stage, Task]:
    """Ben has answered; Chi has the task and has not."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.claim(stage.chi)
    return stage, Task.objects.get(queue=stage.queue)


def _texts(task: Task, member: Member) -> list[tuple[str, str, bool]]:
    return [(one.speaker, one.text, one.own) for one in talking.read(task=task, member=member)]


def test_who_has_not_answered_reads_only_what_she_wrote() -> None:
    stage, task = _stage()
    ben, chi = stage.member("ben"), stage.member("chi")
    talking.say(task=task, text="It plainly follows.", by=ben)
    talking.say(task=task, text="What is a whole?", by=chi)
    assert _texts(task, chi) == [("annotator", "What is a whole?", True)]
    assert len(_texts(task, ben)) == 2
    held = stage.claim(stage.chi)
    stage.submit(stage.chi, held, {"entailed": "yes"})
    assert [text for _, text, _ in _texts(task, chi)] == ["It plainly follows.", "What is a whole?"]


def test_nobody_else_reads_or_writes() -> None:
    stage, task = _stage()
    with pytest.raises(NotAllowed):
        talking.say(task=task, text="Hello.", by=stage.member("dov"))
    with pytest.raises(NotAllowed):
        talking.read(task=task, member=stage.member("dov"))
    for empty in (" ", "x" * 5001):
        with pytest.raises(Invalid):
            talking.say(task=task, text=empty, by=stage.ada)
    assert not Message.objects.exists()


def test_a_message_is_kept_with_one_event_that_holds_no_word_of_it() -> None:
    stage, task = _stage()
    made = talking.say(task=task, text="It plainly follows.", by=stage.member("ben"))
    event = Event.objects.get(kind="thread.message")
    assert "plainly" not in json.dumps(event.data)
    with pytest.raises(DatabaseError), transaction.atomic():
        Message.objects.filter(pk=made.pk).update(text="No.")


def test_a_mention_stands_in_the_inbox_until_the_thread_is_opened() -> None:
    stage, task = _stage()
    ben, chi = stage.member("ben"), stage.member("chi")
    numbers = talking.numbers_of(task)
    talking.say(task=task, text=f"@{numbers[ben.pk]} and @lead, mail@reviewer.org, @9", by=stage.ada)
    assert list(Mention.objects.values_list("member", flat=True)) == [ben.pk]
    talking.say(task=task, text=f"@{numbers[chi.pk]} why? @lead", by=ben)
    assert set(Mention.objects.values_list("member", flat=True)) == {ben.pk, chi.pk, stage.ada.pk}
    page = Client()
    page.force_login(ben.user)  # type: ignore[arg-type]
    assert "1 message names you" in page.get("/").content.decode()
    shown = page.get(f"/p/rte/threads/{task.pk}/").content.decode()
    assert stage.ben.pseudonym not in shown
    assert stage.chi.pseudonym not in shown
    assert "names you" not in page.get("/").content.decode()
    assert talking.open_thread(task=task, member=chi) == 0  # she cannot read it yet


def test_the_reviewer_writes_without_a_name_and_rework_leads_to_the_same_thread() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    where = review_stages.add(queue=stage.queue, terms=review_stages.Terms(), by=stage.ada)
    staffing.enrol(queue=where.review_queue, annotator=stage.dov, by=stage.ada)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    task = Task.objects.get(queue=stage.queue)
    taken = reviewing.take(queue=where.review_queue, annotator=stage.dov, by=stage.member("dov"))
    assert taken is not None
    assert talking.about(Task.objects.get(pk=taken[0].work_id)) == task
    talking.say(task=task, text="Look at §2.", by=stage.member("dov"))
    assert _texts(task, stage.member("ben")) == [("reviewer", "Look at §2.", False)]
    talking.say(task=task, text="@reviewer, why?", by=stage.member("ben"))
    assert Mention.objects.get().member == stage.member("dov")


def test_a_lead_who_decides_blind_reads_what_others_wrote_once_it_is_decided() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    queue = Queue.objects.get(purpose="adjudication")
    queues.change_settings(queue=queue, by=stage.ada, second_share=1, **cast.QUIET)
    fay = staffing.add_member(project=stage.project, user=cast.user("fay"), roles=[Role.LEAD], by=stage.ada)
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        stage.answer(who, value)
    task = Task.objects.get(queue=stage.queue)
    talking.say(task=task, text="It plainly follows.", by=stage.member("ben"))
    assert len(_texts(task, fay)) == 1  # nobody has ruled: the dispute is as open to her as to all
    cast.ruled(stage, Dispute.objects.get())
    talking.say(task=task, text="No, and I have ruled so.", by=stage.ada)
    talking.say(task=task, text="What is it about?", by=fay)
    assert [text for _, text, _ in _texts(task, fay)] == ["What is it about?"]
    assert len(_texts(task, stage.ada)) == 3
    again = Dispute.objects.select_related("work__queue", "task").get(state="second")
    annotator = staffing.annotator_for(member=fay)
    assert again.work is not None
    staffing.enrol(queue=again.work.queue, annotator=annotator, by=fay)
    served = adjudicating.take(dispute=again, annotator=annotator, by=fay)
    adjudicating.rule(
        dispute=again,
        annotator=annotator,
        assignment_id=served.assignment_id,
        token=served.token,
        values={"entailed": "yes"},
        cause="annotator-erred",
        by=fay,
    )
    assert len(_texts(task, fay)) == 3


def test_markdown_is_inert() -> None:
    stage, task = _stage()
    page = Client()
    page.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    where = f"/p/rte/threads/{task.pk}/"
    page.post(where, {"text": "**So** <script>alert(1)</script> [x](javascript:alert(1))"})
    shown = page.get(where).content.decode()
    assert "<strong>So</strong>" in shown
    assert "<script>alert" not in shown
    assert 'href="javascript' not in shown
    assert page.post(where, {"text": " "}).status_code == 422


def test_gold_has_a_thread_like_work() -> None:
    stage = cast.stage()
    work = _stage_page(stage, gold=False)
    gold = _stage_page(stage, gold=True)
    assert work == gold


def _stage_page(stage: cast.Stage, *, gold: bool) -> str:
    """The thread of a task that Ben holds, without what differs from task to task."""
    if gold:
        row = {"key": "item-0", "value": "yes", "text": "text 0"}
        goldkeeping.bring_in(
            spec=stage.spec, source=io.BytesIO(json.dumps(row).encode()), name="gold", by=stage.ada
        )
        served = cast.mint(stage, stage.ben, "gold")
    else:
        stage.load(1, start=1)
        served = stage.claim(stage.ben)
    assert served is not None
    page = Client()
    page.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    shown = page.get(f"/p/rte/threads/{served.task_id}/").content.decode()
    return re.sub(
        r"item-\d|text \d|/threads/\d+/|csrfmiddlewaretoken[^>]*|X-CSRFToken[^}]*|nonce[^>]*", "", shown
    )


def test_a_thread_by_rest() -> None:
    stage, task = _stage()
    ben = stage.client(stage.member("ben"))()
    where = f"/api/v1/projects/rte/tasks/{task.pk}/thread"
    made = ben.post(where, json.dumps({"text": "So."}), content_type="application/json")
    assert made.status_code == 201
    (one,) = ben.get(where).json()["messages"]
    assert (one["speaker"], one["own"], one["text"]) == ("annotator", True, "So.")
    assert stage.client(stage.member("dov"))().get(where).status_code == 404
