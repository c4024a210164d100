"""One's own answer corrected: the next revision counts, until the task has ended."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from annotation import recording, revising, settling, submitting
from annotation.models import Annotation, Citation, Dispute, Resolution
from specs import versions
from specs.models import Event
from specs.refusals import Invalid, KeyReused, Stale
from tests import cast
from tests.annotation.test_probing import _stage as stage_with_gold
from workforce import leasing
from workforce.models import Annotator, Assignment, Judgement, KnownAnswer, Queue, Task

pytestmark = pytest.mark.django_db
YES, NO = {"entailed": "yes"}, {"entailed": "no"}


def _revise(stage: cast.Stage, who: Annotator, slot: int, values: dict[str, Any], **more: Any) -> Any:
    known = Annotation.objects.counted().filter(assignment=slot).first()
    return revising.revise(
        annotator=who,
        assignment_id=slot,
        answer=submitting.Answer(values, more.pop("citations", {})),
        seen=more.pop("seen", known.revision if known else 1),
        client_key=more.pop("key", str(uuid.uuid4())),
        by=who.member,
    )


def _answered(stage: cast.Stage, who: Annotator, value: str) -> int:
    stage.answer(who, value)
    return Assignment.objects.filter(annotator=who, state="submitted").latest("submitted_at").pk


def test_a_correction_is_the_next_revision_and_counts() -> None:
    stage = cast.stage()
    stage.load(1)
    slot = _answered(stage, stage.ben, "no")
    receipt = _revise(stage, stage.ben, slot, YES, citations={"entailed": ["whole"]})
    first, second = Annotation.objects.order_by("revision")
    assert (first.values, second.values, second.pk) == (NO, YES, receipt.annotation_id)
    assert (second.revision, second.ordinal, second.served_digest) == (2, first.ordinal, first.served_digest)
    assert Citation.objects.get().annotation == second
    event = Event.objects.get(pk=second.event_id)
    assert (event.kind, event.subject_id, event.by_id) == ("annotation.revised", slot, stage.ben.member_id)
    stage.answer(stage.chi, "yes")
    resolution = Resolution.objects.get()
    assert resolution.value == "yes"
    assert second.pk in resolution.answers
    assert first.pk not in resolution.answers


def test_once_the_task_has_ended_or_a_lead_has_it_the_answer_stands() -> None:
    stage = cast.stage(max_overlap=2)
    stage.load(2)
    agreed = _answered(stage, stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    disputed = _answered(stage, stage.ben, "yes")
    stage.answer(stage.chi, "no")
    assert Dispute.objects.count() == 1
    for slot in (agreed, disputed):
        with pytest.raises(revising.Settled):
            _revise(stage, stage.ben, slot, NO)
    assert not Annotation.objects.filter(revision=2).exists()
    assert [one.correctable for one in revising.last(annotator=stage.ben, queue=stage.queue)] == [
        False,
        False,
    ]


def test_only_the_last_answers_can_be_corrected_and_none_where_the_queue_says_so() -> None:
    stage = cast.stage(n_correctable=1)
    stage.load(2)
    first = _answered(stage, stage.ben, "yes")
    second = _answered(stage, stage.ben, "yes")
    with pytest.raises(revising.TooFarBack):
        _revise(stage, stage.ben, first, NO)
    _revise(stage, stage.ben, second, NO)
    Queue.objects.update(n_correctable=0)
    with pytest.raises(revising.TooFarBack):
        _revise(stage, stage.ben, second, YES)


def test_nobody_corrects_the_answer_of_somebody_else() -> None:
    stage = cast.stage()
    stage.load(1)
    slot = _answered(stage, stage.ben, "yes")
    with pytest.raises(submitting.TaskGone):
        _revise(stage, stage.chi, slot, NO)


def test_an_older_page_never_overwrites_a_newer_correction() -> None:
    stage = cast.stage()
    stage.load(1)
    slot = _answered(stage, stage.ben, "yes")
    _revise(stage, stage.ben, slot, NO)
    with pytest.raises(Stale) as stale:
        _revise(stage, stage.ben, slot, YES, seen=1)
    assert (stale.value.details["revision"], stale.value.details["values"]) == (2, NO)
    assert Annotation.objects.counted().get().values == NO


def test_the_same_correction_sent_twice_is_one() -> None:
    stage = cast.stage()
    stage.load(1)
    slot, key = _answered(stage, stage.ben, "yes"), str(uuid.uuid4())
    first = _revise(stage, stage.ben, slot, NO, key=key)
    again = _revise(stage, stage.ben, slot, NO, key=key, seen=1)
    assert (again.annotation_id, again.repeated) == (first.annotation_id, True)
    with pytest.raises(KeyReused):
        _revise(stage, stage.ben, slot, YES, key=key, seen=1)
    assert Annotation.objects.count() == 2


def test_a_correction_that_does_not_fit_stores_nothing() -> None:
    stage = cast.stage()
    stage.load(1)
    slot = _answered(stage, stage.ben, "yes")
    for values in ({}, {"entailed": "maybe"}, {"other": "no"}):
        with pytest.raises(Invalid):
            _revise(stage, stage.ben, slot, values)
    assert Annotation.objects.count() == 1


def test_nothing_settles_on_an_answer_that_was_corrected_while_the_last_one_was_judged() -> None:
    stage = cast.stage()
    stage.load(1)
    slot = _answered(stage, stage.ben, "yes")
    served = stage.claim(stage.chi)
    looked = recording.look(
        project_id=stage.project.pk,
        annotator_id=stage.chi.pk,
        assignment_id=served.assignment_id,
        token=served.token,
    )
    assert looked is not None
    version = versions.read(looked.version_id)
    resolving = settling.foresee(looked, version, YES, [], [])
    assert resolving is not None
    _revise(stage, stage.ben, slot, NO)
    accepted = recording.Accepted(
        project_id=stage.project.pk,
        annotator_id=stage.chi.pk,
        assignment_id=served.assignment_id,
        token=served.token,
        version_id=looked.version_id,
        values=YES,
        questions=[],
        clauses=[],
        flagged=False,
        client_key=str(uuid.uuid4()),
        by_id=None,
    )
    assert recording.store(accepted, looked=looked, resolving=resolving, claim_next=False) is None
    stage.submit(stage.chi, served, YES)
    assert not Resolution.objects.exists()
    assert Task.objects.get().overlap == 3


def test_silent_gold_is_corrected_like_work_and_judged_anew() -> None:
    stage = stage_with_gold()
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    expected = KnownAnswer.objects.get(item=served.item_id, set_aside_at=None).value
    wrong = {"entailed": "no" if expected == "yes" else "yes"}
    stage.submit(stage.ben, served, wrong)
    assert not Judgement.objects.get().right
    assert [one.correctable for one in revising.last(annotator=stage.ben, queue=stage.queue)] == [True]
    _revise(stage, stage.ben, served.assignment_id, {"entailed": expected})
    judgement = Judgement.objects.get()
    assert (judgement.right, judgement.value, judgement.distance) == (True, expected, 0.0)
    assert Event.objects.filter(kind="probe.judged").count() == 2


def test_gold_that_was_told_at_once_stands() -> None:
    stage = stage_with_gold(gold_feedback="at-once")
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    stage.submit(stage.ben, served, NO)
    with pytest.raises(revising.Settled):
        _revise(stage, stage.ben, served.assignment_id, YES)


def test_a_judgement_changes_by_a_later_event_only_and_only_what_was_said() -> None:
    stage = stage_with_gold()
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    stage.submit(stage.ben, served, NO)
    for change in ("value = '\"yes\"'", "expected = '\"no\"', event_id = event_id + 1"):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE workforce_judgement SET {change}")


def test_the_last_answer_can_be_taken_up_again_for_a_while() -> None:
    stage = cast.stage()
    stage.load(2)
    slot = _answered(stage, stage.ben, "yes")

    def found() -> revising.Given | None:
        newest = revising.last(annotator=stage.ben, queue=stage.queue)[0]
        return revising.undoable(newest, queue=stage.queue)

    undo = found()
    assert undo is not None
    assert (undo.assignment_id, undo.values) == (slot, YES)
    late = leasing.database_now() - timedelta(seconds=31)
    Assignment.objects.filter(pk=slot).update(leased_at=late, submitted_at=late)
    assert found() is None
    stage.queue.undo_for = timedelta(minutes=1)
    assert found() is not None
    stage.queue.undo_for = timedelta(0)
    assert found() is None
