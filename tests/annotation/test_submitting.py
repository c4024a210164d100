"""Answers in: counted once, late ones kept, drafts never overwritten by older ones."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation import keeping, submitting
from annotation.models import Annotation, AnswerDraft, Citation, LateAnswer
from specs import canonical, drafting, publishing, versions
from specs.models import Event
from specs.refusals import Invalid, KeyReused, Stale
from tests import cast
from workforce import leasing, queues
from workforce.models import Assignment, Task

pytestmark = pytest.mark.django_db
YES, NO = {"entailed": "yes"}, {"entailed": "no"}


def _let_leases_end() -> None:
    now = leasing.database_now()
    Assignment.objects.filter(state="leased").update(
        leased_at=now - timedelta(hours=2), lease_until=now - timedelta(hours=1)
    )


def test_an_answer_is_stored_with_its_citations_and_the_digest_that_was_served() -> None:
    stage = cast.stage()
    stage.load(1)
    receipt = stage.answer(stage.ben, "yes", cite=["whole", "knowledge"])
    stored = Annotation.objects.get()
    assert (stored.pk, stored.values, stored.ordinal) == (receipt.annotation_id, YES, 1)
    assert stored.served_digest == stage.version.digest
    assert {c.clause.key for c in Citation.objects.select_related("clause") if c.clause} == {
        "whole",
        "knowledge",
    }


def test_the_same_key_again_is_one_answer_and_gives_the_first_receipt() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    key = str(uuid.uuid4())
    first = stage.submit(stage.ben, served, YES, key=key)
    again = stage.submit(stage.ben, served, YES, key=key)
    assert (again.annotation_id, again.repeated) == (first.annotation_id, True)
    assert Annotation.objects.count() == 1


def test_another_body_under_the_same_key_is_refused() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    key = str(uuid.uuid4())
    stage.submit(stage.ben, served, YES, key=key)
    with pytest.raises(KeyReused):
        stage.submit(stage.ben, served, NO, key=key)


def test_an_answer_that_does_not_fit_is_refused_and_the_lease_stays() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    for values in ({}, {"entailed": "maybe"}, {"other": "yes"}, {"entailed": ["yes"]}):
        with pytest.raises(Invalid):
            stage.submit(stage.ben, served, values)
    with pytest.raises(Invalid, match="citations"):
        stage.submit(stage.ben, served, YES, {"entailed": ["no-such-clause"]})
    assert leasing.held(annotator=stage.ben) == [served]


def test_a_late_answer_counts_only_through_a_free_slot_under_a_new_token() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    _let_leases_end()
    receipt = stage.submit(stage.ben, served, YES)
    assert receipt.outcome == "counted"
    assert Annotation.objects.get().lease_token != served.token


def test_a_late_answer_without_a_free_slot_is_kept_and_never_counted() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    _let_leases_end()
    stage.answer(stage.chi, "no")
    receipt = stage.submit(stage.ben, served, YES)
    assert receipt.outcome == "late"
    assert LateAnswer.objects.get().values == YES
    assert Annotation.objects.get().values == NO
    assert Task.objects.get().n_answers == 1


def test_nobody_submits_for_somebody_else() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    with pytest.raises(leasing.LeaseLost):
        stage.submit(stage.chi, served, YES)
    assert not Annotation.objects.exists()


def test_nobody_picks_a_task_by_naming_its_slot_under_an_invented_token() -> None:
    stage = cast.stage(overlap=2)
    stage.load(1)
    served = stage.claim(stage.ben)
    for slot in Assignment.objects.all():
        invented = dataclasses.replace(served, assignment_id=slot.pk, token=uuid.uuid4())
        with pytest.raises(leasing.LeaseLost):
            stage.submit(stage.chi, invented, YES)
    assert (Annotation.objects.count(), LateAnswer.objects.count()) == (0, 0)


def test_a_submission_takes_at_most_twelve_statements_settling_included() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    served = stage.claim(stage.ben)
    with CaptureQueriesContext(connection) as seen:
        stage.submit(stage.ben, served, YES)
    assert len(seen) <= 12
    assert Task.objects.get().state == "resolved"


def test_a_plain_claim_is_one_statement_and_so_is_a_plain_answer_that_is_not_the_last() -> None:
    stage = cast.stage(overlap=2)
    stage.load(3)
    versions.read(stage.version.pk)
    stage.answer(stage.ben, "yes"), stage.answer(stage.chi, "yes")  # the first claim looks whether they may
    with CaptureQueriesContext(connection) as seen:
        served = stage.claim(stage.ben)
    assert len(seen) == 1
    with CaptureQueriesContext(connection) as seen:
        stage.submit(stage.ben, served, YES)
    assert len(seen) == 1
    served = stage.claim(stage.chi)
    with CaptureQueriesContext(connection) as seen:  # the last wanted answer: the task is settled with it
        stage.submit(stage.chi, served, YES)
    assert len(seen) == 2
    assert Task.objects.get(pk=served.task_id).state == "resolved"


def test_an_answer_is_judged_by_the_version_that_it_was_served_under_whatever_was_served_before() -> None:
    stage = cast.stage(overlap=2)
    stage.load(3)
    stage.answer(stage.ben, "yes")
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = draft.draft_clauses.select_related("clause", "version").get(clause__key="whole")
    blocks = [row.blocks[0], {"type": "notes", "text": "Mind the gap."}]
    drafting.reword_clause(clause=row, title=row.title, blocks=blocks, governs=row.governs, by=stage.ada)
    amended = publishing.publish(draft=draft, notes="A note.", rationale="Asked for.", by=stage.ada)
    queues.put_in_force(queue=stage.queue, version=amended, by=stage.ada)
    served = stage.claim(stage.ben)
    assert served.version_id == amended.pk
    with CaptureQueriesContext(connection) as seen:
        stage.submit(stage.ben, served, YES)
    assert len([query for query in seen if "annotation_annotation" in query["sql"]]) == 2
    assert Annotation.objects.get(assignment=served.assignment_id).version_id == amended.pk
    served = stage.claim(stage.ben)
    with CaptureQueriesContext(connection) as seen:
        stage.submit(stage.ben, served, YES)
    assert len(seen) == 1
    given = Annotation.objects.get(assignment=served.assignment_id)
    assert (given.version_id, given.served_digest) == (amended.pk, served.served_digest)
    event = Event.objects.get(pk=given.event_id)
    assert event.data == {
        "annotator": stage.ben.pk,
        "task": served.task_id,
        "version": amended.pk,
        "values": canonical.digest(canonical.dumps(YES)),
    }


def test_what_does_not_fit_is_refused_in_one_statement_as_in_two() -> None:
    stage = cast.stage(overlap=2)
    stage.load(2)
    for _ in range(2):
        served = stage.claim(stage.ben)
        with pytest.raises(Invalid):
            stage.submit(stage.ben, served, {"entailed": "perhaps"})
        stage.submit(stage.ben, served, YES)
    assert Annotation.objects.count() == 2


def test_the_next_task_comes_with_the_answer() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    first = stage.claim(stage.ben)
    known: dict[str, Any] = {"annotator": stage.ben, "by": stage.ben.member}
    done = submitting.submit_plain(
        **known,
        assignment_id=first.assignment_id,
        token=first.token,
        answer=submitting.Answer(YES, {}),
        client_key="first-answer",
        claim_next=True,
    )
    assert done is not None
    assert done.next is not None
    assert leasing.held(annotator=stage.ben) == [done.next]
    last = submitting.submit_plain(
        **known,
        assignment_id=done.next.assignment_id,
        token=done.next.token,
        answer=submitting.Answer(YES, {}),
        client_key="second-answer",
        claim_next=True,
    )
    assert last is not None
    assert last.next is None
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None


def test_a_key_names_one_answer_for_one_slot() -> None:
    stage = cast.stage(overlap=2)
    stage.load(2)
    stage.submit(stage.ben, stage.claim(stage.ben), YES, key="only-one-answer")
    with pytest.raises(KeyReused):
        stage.submit(stage.ben, stage.claim(stage.ben), YES, key="only-one-answer")


def test_an_older_draft_never_overwrites_a_newer_one() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)

    def save(value: str, revision: int) -> int:
        return keeping.save_draft(
            annotator=stage.ben,
            task_id=served.task_id,
            values={"entailed": value},
            citations={},
            revision=revision,
        )

    assert (save("yes", 0), save("no", 1)) == (1, 2)
    with pytest.raises(Stale) as stale:
        save("yes", 1)
    assert stale.value.details["values"] == NO
    stage.submit(stage.ben, served, YES)
    assert not AnswerDraft.objects.exists()


def test_several_answers_at_once_are_each_an_answer_or_a_problem_of_its_own(settings: Any) -> None:
    settings.MAX_SUBMITTED_AT_ONCE = 5
    stage = cast.stage(overlap=1, max_overlap=1, max_leases=3)
    stage.load(3)
    leases = [stage.claim(stage.ben) for _ in range(3)]
    sent: list[dict[str, Any]] = [
        {
            "assignment": served.assignment_id,
            "token": str(served.token),
            "idempotency_key": f"run-1-{served.item_key}",
            "values": YES,
        }
        for served in leases
    ]
    sent[1]["values"] = {"entailed": "perhaps"}
    sent += [{**sent[0], "assignment": 987_654_321}, {"assignment": leases[2].assignment_id, "values": YES}]
    client = stage.client(stage.member("ben"))()
    where = f"/api/v1/projects/{stage.project.key}/assignments"
    first, again = (
        client.post(f"{where}/submit", {"answers": sent}, content_type="application/json") for _ in range(2)
    )
    assert first.status_code == 207, first.content
    assert [one["status"] for one in first.json()["replies"]] == [200, 422, 200, 404, 422]
    assert [one["problem"] is None for one in first.json()["replies"]] == [True, False, True, False, False]
    assert again.json() == first.json()
    assert sorted(Annotation.objects.values_list("assignment", flat=True)) == [
        leases[0].assignment_id,
        leases[2].assignment_id,
    ]
    assert leasing.held(annotator=stage.ben)[0].task_id == leases[1].task_id  # the lease stays
    alone = client.post(
        f"{where}/{leases[0].assignment_id}/submit",
        {"token": str(leases[0].token), "values": YES},
        content_type="application/json",
        headers={"idempotency-key": sent[0]["idempotency_key"]},
    )
    assert alone.json() == first.json()["replies"][0]["receipt"]
    settings.MAX_SUBMITTED_AT_ONCE = 4
    many = client.post(f"{where}/submit", {"answers": sent}, content_type="application/json")
    assert many.status_code == 422
