"""Drafts outlive their leases: they are their author's alone, come back to her, and count for nothing by themselves."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation import dossier_file, jobs, keeping
from annotation.models import Annotation, AnswerDraft
from specs.refusals import Stale
from tests import cast
from workforce import leasing, skipping
from workforce.models import Annotator, Assignment, Task

pytestmark = pytest.mark.django_db
YES, NO = {"entailed": "yes"}, {"entailed": "no"}


@pytest.fixture
def stage() -> cast.Stage:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    return stage


def save(who: Annotator, served: leasing.Served, values: dict[str, str] = YES, revision: int = 0) -> int:
    return keeping.save_draft(
        annotator=who, task_id=served.task_id, values=values, citations={}, revision=revision
    )


def end(served: leasing.Served) -> None:
    Assignment.objects.filter(pk=served.assignment_id).update(
        leased_at=F("leased_at") - timedelta(days=1), lease_until=F("leased_at") - timedelta(hours=1)
    )


def browser(stage: cast.Stage, name: str) -> Client:
    client = Client()
    client.force_login(stage.member(name).user)  # type: ignore[arg-type]
    return client


def page(name: str, **more: Any) -> str:
    return reverse(f"annotation:{name}", kwargs={"project": "rte", "queue": "main", **more})


def form(served: leasing.Served, value: str = "yes", revision: int = 0, **more: str) -> dict[str, str]:
    return {"token": str(served.token), "q.entailed": value, "draft_revision": str(revision), **more}


def test_a_draft_keeps_all_that_the_form_has(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), browser(stage, "ben")
    written = form(served, flagged="1", note="odd one", cite="whole", no_clause="")
    ben.post(page("draft", assignment=served.assignment_id), written)
    shown = ben.get(page("label")).content.decode()
    work = [line for line in shown.splitlines() if "checked" in line]
    assert len(work) == 3  # the answer, the clause, the flag
    assert ">odd one</textarea>" in shown


def test_the_same_draft_once_more_is_no_newer_one(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    assert (save(stage.ben, served), save(stage.ben, served)) == (1, 1)
    with pytest.raises(Stale):
        save(stage.ben, served, NO)


def test_nothing_is_kept_for_a_task_that_is_answered(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    stage.submit(stage.ben, served, YES)
    with pytest.raises(keeping.AnsweredAlready):
        save(stage.ben, served)
    reply = browser(stage, "ben").post(page("restore", assignment=served.assignment_id), form(served))
    assert (reply.status_code, reply["X-Kept"]) == (204, "answered")


def test_what_is_written_after_the_lease_is_kept_for_its_author_alone(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), browser(stage, "ben")
    end(served)
    other = stage.claim(stage.chi)
    assert other.task_id == served.task_id
    told = ben.post(page("draft", assignment=served.assignment_id), form(served)).content.decode()
    assert "Your time on this task has ended" in told
    assert AnswerDraft.objects.get().annotator == stage.ben
    start = ben.get(page("label")).content.decode()
    assert "Begun, not sent" in start
    assert "Others have it by now" in start
    assert "checked" not in browser(stage, "chi").get(page("label")).content.decode()
    assert not Annotation.objects.exists()


def test_she_takes_that_very_task_up_again_and_it_counts_once(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), browser(stage, "ben")
    save(stage.ben, served, NO)
    end(served)
    stage.submit(stage.chi, stage.claim(stage.chi), YES, key="chis-own-answer")  # it was hers for good
    again = stage.claim(stage.ben)
    save(stage.ben, again, NO)
    end(again)
    (kept,) = keeping.lapsed(annotator=stage.ben, queue=stage.queue)
    assert (kept.task_id, kept.item_key, kept.said, kept.free) == (
        again.task_id,
        again.item_key,
        [("Does it follow?", "No")],
        True,
    )
    ben.post(page("claim"), {"task": again.task_id})
    (now,) = leasing.held(annotator=stage.ben)
    assert (now.task_id, now.token != again.token) == (again.task_id, True)
    for _ in range(2):
        ben.post(page("submit", assignment=now.assignment_id), form(now, "no"))
    assert [a.values for a in Annotation.objects.filter(task_id=again.task_id)] == [NO]
    assert keeping.lapsed(annotator=stage.ben, queue=stage.queue) == []


def test_a_task_that_others_have_by_now_is_not_taken_from_them(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), browser(stage, "ben")
    save(stage.ben, served)
    end(served)
    assert stage.claim(stage.chi).task_id == served.task_id
    told = ben.post(page("claim"), {"task": served.task_id}, follow=True).content.decode()
    assert "kept, for you alone" in told
    assert leasing.held(annotator=stage.ben) == []


def test_nobody_picks_a_task_that_she_has_not_begun(stage: cast.Stage) -> None:
    first = stage.claim(stage.chi)
    stage.submit(stage.chi, first, YES)
    begun = stage.claim(stage.chi)
    save(stage.chi, begun)
    end(begun)
    assert browser(stage, "ben").post(page("claim"), {"task": begun.task_id}).status_code == 404
    assert leasing.held(annotator=stage.ben) == []


def test_what_she_skipped_is_not_offered_to_her(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    save(stage.ben, served)
    skipping.skip(
        assignment_id=served.assignment_id,
        annotator=stage.ben,
        token=served.token,
        reason="unknown",
        note="",
        by=stage.member("ben"),
    )
    assert keeping.lapsed(annotator=stage.ben, queue=stage.queue) == []


def test_a_copy_that_comes_back_shows_the_newer_draft_beside_it(stage: cast.Stage) -> None:
    served, ben = stage.claim(stage.ben), browser(stage, "ben")
    save(stage.ben, served, NO)
    where = page("restore", assignment=served.assignment_id)
    told = ben.post(where, form(served, "yes"), headers={"hx-request": "true"})
    assert told["X-Kept"] == "stale"
    assert "Another window holds a newer draft" in told.content.decode()
    assert AnswerDraft.objects.get().values == NO
    told = ben.post(where, form(served, "yes", 1), headers={"hx-request": "true"})
    assert (told["X-Kept"], AnswerDraft.objects.get().values) == ("saved", YES)


def test_without_ever_having_had_the_task_nothing_is_kept(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    chi = browser(stage, "chi")
    for token in (served.token, uuid.uuid4()):
        for name in ("draft", "restore"):
            reply = chi.post(
                page(name, assignment=served.assignment_id), form(served) | {"token": str(token)}
            )
            assert reply.status_code == 404
    assert not AnswerDraft.objects.exists()


def test_a_form_that_is_older_than_the_log_in_is_told_apart_from_other_refusals(stage: cast.Stage) -> None:
    served = stage.claim(stage.ben)
    client = Client(enforce_csrf_checks=True)
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    refused = client.post(page("submit", assignment=served.assignment_id), form(served))
    assert (refused.status_code, refused["X-Refused"]) == (403, "token")
    fresh = client.get(page("form-token")).json()
    assert fresh["user"] == str(stage.member("ben").user_id)
    client.post(
        page("submit", assignment=served.assignment_id),
        form(served) | {"csrfmiddlewaretoken": fresh["token"]},
    )
    assert Annotation.objects.count() == 1


def test_a_draft_whose_task_ended_without_it_goes_in_time_and_no_other(stage: cast.Stage) -> None:
    first, second = stage.claim(stage.ben), stage.claim(stage.dov)
    for who, served in ((stage.ben, first), (stage.dov, second)):
        save(who, served)
    end(first)
    stage.submit(stage.chi, stage.claim(stage.chi), NO)  # the task is resolved without Ben
    assert keeping.forget_ended() == 0
    taken = json.loads("".join(dossier_file.chunks(stage.ben)))
    assert [(one["item"], one["values"]) for one in taken["drafts"]] == [("item-0", YES)]
    long_ago = timezone.now() - settings.ENDED_DRAFTS_KEPT_FOR - timedelta(minutes=1)
    AnswerDraft.objects.update(saved_at=long_ago)
    assert keeping.forget_ended() == 0  # it ended only now
    Task.objects.filter(state="resolved").update(settled_at=long_ago)
    AnswerDraft.objects.filter(annotator=stage.ben).update(saved_at=timezone.now())
    assert keeping.forget_ended() == 0  # written in since
    AnswerDraft.objects.update(saved_at=long_ago)
    jobs.forget_ended_drafts()
    assert [draft.annotator_id for draft in AnswerDraft.objects.all()] == [stage.dov.pk]
