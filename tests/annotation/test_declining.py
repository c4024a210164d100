"""What cannot be labelled ends without a label; what nobody labels ends with a lead."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from annotation import (
    adjudicating,
    declining,
    ending,
    exporting,
    measuring,
    rules,
    sides,
    unlabellable,
)
from annotation.models import Annotation, Dispute, DisputeReason, Resolution
from specs.refusals import Invalid, KeyReused
from tests import cast
from workforce import assigning, leasing, queues, staffing
from workforce.models import Annotator, Assignment, Skip, Task, TaskState

pytestmark = pytest.mark.django_db


def _decline(stage: cast.Stage, who: Annotator, category: str = "broken") -> int:
    served = stage.claim(who)
    receipt = declining.decline(
        assignment_id=served.assignment_id,
        annotator=who,
        token=served.token,
        category=category,
        by=who.member,
    )
    return receipt.task_id


def _skip(stage: cast.Stage, who: Annotator, reason: str = "other") -> Skip:
    served = stage.claim(who)
    return ending.skip(
        assignment_id=served.assignment_id, annotator=who, token=served.token, reason=reason, by=who.member
    )


def test_when_all_wanted_say_so_the_task_ends_without_a_value_and_with_its_category() -> None:
    stage = cast.stage(overlap=2, max_overlap=3)
    stage.load(1)
    _decline(stage, stage.ben)
    assert Task.objects.get().state == TaskState.OPEN
    _decline(stage, stage.chi)
    ended = Resolution.objects.get()
    assert Task.objects.get().state == TaskState.UNLABELLABLE
    assert (ended.value, ended.cannot, ended.distribution) == (None, "broken", {"cannot:broken": 2})


def test_one_who_says_so_among_labels_asks_for_one_more_and_then_is_a_dispute() -> None:
    stage = cast.stage(overlap=2, max_overlap=3)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    _decline(stage, stage.chi)
    assert Task.objects.get(queue=stage.queue).overlap == 3
    stage.answer(stage.dov, "yes")
    dispute = Dispute.objects.get()
    assert (dispute.reason, dispute.questions) == (DisputeReason.CANNOT, ["entailed"])
    assert sides.declined(dispute) == {"broken": 1}


def test_a_majority_that_labels_it_outvotes_one_who_does_not() -> None:
    stage = cast.stage(overlap=3, max_overlap=3, rule="majority")
    stage.load(1)
    stage.answer(stage.ben, "yes")
    _decline(stage, stage.chi)
    stage.answer(stage.dov, "yes")
    assert (Resolution.objects.get().value, Task.objects.get().state) == ("yes", TaskState.RESOLVED)


@pytest.mark.parametrize(
    ("labels", "said", "verdict"),
    [
        ([], ["a", "a"], "cannot"),
        (["x"], ["", "a", "a", "a", "a"], "cannot"),
        (["x", "x", "x", "x"], ["", "", "", "", "a"], "agreed"),
        (["x", "x"], ["", "", "a"], "more"),
        (["x", "x", "x"], ["", "", "", "a", "a"], "disputed"),
    ],
)
def test_votes_are_judged_by_the_share(labels: list[str], said: list[str], verdict: str) -> None:
    question = {**cast.QUESTION, "labels": [{"value": "x", "title": "X"}, {"value": "y", "title": "Y"}]}
    share = Fraction(4, 5)
    outcomes = rules.decide(
        [question], [{"entailed": label} for label in labels], {}, rule="share", share=share, maximum=5
    )
    assert unlabellable.judge(outcomes, said, rule="share", share=share, maximum=5).verdict == verdict


def test_the_same_again_gives_the_first_receipt_and_another_category_is_refused() -> None:
    stage = cast.stage()
    stage.load(1)
    served = stage.claim(stage.ben)
    same = {"assignment_id": served.assignment_id, "annotator": stage.ben, "token": served.token, "by": None}
    first = declining.decline(category="empty", **same)  # type: ignore[arg-type]
    again = declining.decline(category="empty", **same)  # type: ignore[arg-type]
    assert (again.annotation_id, again.repeated, Annotation.objects.count()) == (first.annotation_id, True, 1)
    with pytest.raises(KeyReused):
        declining.decline(category="broken", **same)  # type: ignore[arg-type]


def test_only_the_categories_of_the_queue_are_taken() -> None:
    stage = cast.stage(cannot_categories=["torn"])
    stage.load(1)
    with pytest.raises(Invalid, match="torn"):
        _decline(stage, stage.ben, "broken")


def test_it_is_no_label_in_agreement_and_in_a_snapshot_and_its_category_is_seen() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(2)
    for who in (stage.ben, stage.chi):
        _decline(stage, who, "empty")
        stage.answer(who, "yes")
    (measured,) = measuring.compute(spec=stage.spec)
    assert measured.summary.n_items == 1
    snapshot = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    built = exporting.build(snapshot_id=snapshot.pk)
    labels = {row["key"]: row["labels"]["entailed"] for row in exporting.rows(built)}
    assert (labels["item-0"]["value"], labels["item-0"]["cannot_be_labelled"]) == (None, "empty")
    assert "cannot_be_labelled" not in labels["item-1"]
    assert built.manifest is not None
    assert built.manifest["counts"]["cannot_be_labelled"] == {"entailed: empty": 1}
    assert exporting.verify(built) == []


def test_a_task_that_everybody_skips_ends_with_a_lead() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    for who in (stage.ben, stage.chi):
        _skip(stage, who)
        assert not Dispute.objects.exists()
    _skip(stage, stage.dov)
    dispute = Dispute.objects.get()
    assert (dispute.reason, dispute.task.state) == (DisputeReason.RETURNED, TaskState.DISPUTED)
    assert Assignment.objects.get(task=dispute.task).state == "withdrawn"


def test_a_task_that_comes_back_too_often_ends_with_a_lead() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, max_returns=2)
    stage.load(1)
    for _ in range(2):
        assert ending.end_exhausted() == 0
        served = stage.claim(stage.ben)
        Assignment.objects.filter(pk=served.assignment_id).update(
            leased_at=leasing.database_now() - timedelta(hours=2),
            lease_until=leasing.database_now() - timedelta(hours=1),
        )
        leasing.return_expired()
    assert ending.end_exhausted() == 1
    assert ending.end_exhausted() == 0
    assert Dispute.objects.get().reason == DisputeReason.RETURNED


def test_what_is_not_the_items_doing_does_not_count_as_coming_back() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, max_returns=2)
    stage.load(1)
    for _ in range(2):
        stage.claim(stage.ben)
        staffing.dismiss(queue=stage.queue, annotator=stage.ben, by=stage.ada)  # her leases go back
        staffing.enrol(queue=stage.queue, annotator=stage.ben, by=stage.ada)
    served = stage.claim(stage.ben)
    slot = Assignment.objects.get(pk=served.assignment_id)
    assigning.recall(assignment=slot, reason="Urgent.", to=None, by=stage.ada)
    assert (Assignment.objects.get().n_returns, ending.end_exhausted()) == (0, 0)
    for _ in range(2):
        served = stage.claim(stage.chi)
        leasing.release(
            assignment_id=served.assignment_id, annotator=stage.chi, token=served.token, by=stage.chi.member
        )
    assert (Assignment.objects.get().n_returns, ending.end_exhausted()) == (2, 1)


def test_a_lead_rules_on_what_nobody_labelled_that_it_cannot_be() -> None:
    stage = cast.stage(overlap=1, max_overlap=1, max_returns=1)
    stage.load(1)
    _skip(stage, stage.ben)
    dispute = Dispute.objects.get()
    assert dispute.work is not None
    lead = staffing.annotator_for(member=stage.ada)
    assert dispute.work is not None
    staffing.enrol(queue=dispute.work.queue, annotator=lead, by=stage.ada)
    served = adjudicating.take(dispute=dispute, annotator=lead, by=stage.ada)
    ruling: dict[str, Any] = {
        "dispute": dispute,
        "annotator": lead,
        "assignment_id": served.assignment_id,
        "token": served.token,
        "cause": "item-unclear",
        "by": stage.ada,
    }
    with pytest.raises(Invalid):
        adjudicating.rule(values={"entailed": "yes"}, cannot="broken", **ruling)
    with pytest.raises(Invalid, match="category"):
        adjudicating.rule(values={}, cannot="nonsense", **ruling)
    adjudicating.rule(values={}, cannot="broken", **ruling)
    dispute.task.refresh_from_db()
    ended = Resolution.objects.get(task=dispute.task)
    assert (dispute.task.state, ended.cannot, ended.basis) == (TaskState.UNLABELLABLE, "broken", "ruling")


def test_a_skip_by_what_upsets_changes_no_measure() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(4)
    for who in (stage.ben, stage.chi):
        for value in ("yes", "no"):
            stage.answer(who, value)
    before = [one.as_dict() for one in measuring.compute(spec=stage.spec)]
    _skip(stage, stage.ben, "upsetting")
    assert [one.as_dict() for one in measuring.compute(spec=stage.spec)] == before


def test_a_queue_may_offer_no_category() -> None:
    stage = cast.stage()
    stage.load(1)
    queues.change_settings(queue=stage.queue, by=stage.ada, cannot_categories=[])
    with pytest.raises(Invalid, match="can be labelled"):
        _decline(stage, stage.ben)
