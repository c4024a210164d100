"""Answers to gold and repeats: judged, kept, and part of no label, dispute, figure, plan or export."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from annotation import affected, comparing, exporting, measuring, nominating
from annotation.models import Annotation, Dispute, Resolution
from specs.models import Event
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import judging, leasing, queues, retiring
from workforce.models import Barred, Judgement, KnownAnswer, Probe, Queue, SetAside, Task

pytestmark = pytest.mark.django_db


def _stage(n: int = 4, **settings: Any) -> cast.Stage:
    stage = cast.stage(max_leases=3, **settings)
    bring_in(
        stage,
        *(
            {
                "key": f"gold-{k}",
                "value": "no" if k % 2 else "yes",
                "clauses": "whole" if k % 2 else "numbers",
                "explanation": f"Because of {k}.",
                "text": f"gold {k}",
            }
            for k in range(n)
        ),
    )
    return stage


def _meet(stage: cast.Stage, who: str, *, right: bool = True, seed: int = 1) -> leasing.Served:
    """Somebody answers gold."""
    annotator = stage.annotators[who]
    served = cast.mint(stage, annotator, "gold", seed=seed)
    assert served is not None
    expected = KnownAnswer.objects.get(item=served.item_id, set_aside_at=None).value
    other = "no" if expected == "yes" else "yes"
    stage.submit(annotator, served, {"entailed": expected if right else other}, {"entailed": ["whole"]})
    return served


def test_an_answer_to_gold_is_judged_once_with_its_clause_and_version() -> None:
    stage = _stage()
    served = _meet(stage, "ben", right=False)
    judgement = Judgement.objects.get()
    assert (judgement.right, judgement.distance, judgement.assignment_id) == (
        False,
        1.0,
        served.assignment_id,
    )
    assert judgement.version == stage.version
    assert len(judgement.clauses) == 1
    assert Event.objects.filter(kind="probe.judged", subject_id=served.assignment_id).count() == 1
    assert Annotation.objects.get().task_id == served.task_id
    assert Task.objects.get(pk=served.task_id).state == "withdrawn"


def test_accuracy_has_an_interval_a_window_and_leaves_flagged_clauses_out() -> None:
    stage = _stage(12)
    for seed in range(12):
        served = _meet(stage, "ben", right=seed not in (0, 1), seed=seed)
    found = judging.gold_accuracy(annotator=stage.ben)
    assert (found.right, found.n, found.enough) == (10, 12, True)
    assert found.low == pytest.approx(0.552, abs=0.001)
    assert found.high == pytest.approx(0.953, abs=0.001)
    newest = Judgement.objects.get(assignment=served.assignment_id)
    assert judging.gold_accuracy(annotator=stage.ben, since=newest.judged_at).n >= 1
    assert (
        judging.gold_accuracy(annotator=stage.ben, until=Judgement.objects.order_by("pk")[0].judged_at).n == 0
    )
    flagged = stage.spec.clauses.get(key="numbers").pk
    some = judging.gold_accuracy(annotator=stage.ben, flagged=[flagged])
    assert (some.n, some.enough) == (6, False)
    assert not judging.gold_accuracy(annotator=stage.ben, enough_from=13).enough
    by_clause = {
        one.clause_id: one.gold.n for one in judging.figures(project_id=stage.project.pk, by_clause=True)
    }
    assert by_clause == {flagged: 6, stage.spec.clauses.get(key="whole").pk: 6}
    (whole,) = judging.figures(project_id=stage.project.pk, queue=stage.queue)
    assert (whole.annotator_id, whole.gold.n, whole.again.n) == (stage.ben.pk, 12, 0)
    assert judging.figures(project_id=stage.project.pk, annotators=[stage.chi.pk]) == []


def test_feedback_is_silent_unless_the_queue_says_at_once() -> None:
    stage = _stage()
    served = _meet(stage, "ben", right=False)
    assert judging.feedback(assignment_id=served.assignment_id, annotator=stage.ben) == []
    Queue.objects.filter(pk=stage.queue.pk).update(gold_feedback="at-once")
    (told,) = judging.feedback(assignment_id=served.assignment_id, annotator=stage.ben)
    assert (told["right"], told["explanation"][:7]) == (False, "Because")
    assert {told["given"], told["expected"]} == {"Yes", "No"}
    assert judging.feedback(assignment_id=served.assignment_id, annotator=stage.chi) == []


def test_a_repeat_is_compared_with_what_she_said_first() -> None:
    stage = cast.stage()
    stage.load(2)
    for _ in range(2):
        stage.answer(stage.ben, "yes")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET submitted_at = submitted_at - interval '8 days' WHERE state = 'submitted'"
        )
    Queue.objects.filter(pk=stage.queue.pk).update(repeat_after_answers=1)
    for seed, value in ((1, "yes"), (2, "no")):
        served = cast.mint(stage, stage.ben, "repeat", seed=seed)
        assert served is not None
        stage.submit(stage.ben, served, {"entailed": value})
    found = judging.self_agreement(annotator=stage.ben)
    assert (found.right, found.n, found.enough) == (1, 2, False)
    assert judging.self_agreement(queue=stage.queue).n == 2
    assert judging.gold_accuracy(annotator=stage.ben).n == 0


def _everything_read(stage: cast.Stage) -> dict[str, Any]:
    """What each reader of tasks and answers says, without the identity of what it read."""
    version = stage.version
    (measured,) = measuring.compute(spec=stage.spec)
    snapshot = exporting.request(project=stage.project, version=version, name="", by=stage.ada)
    built = exporting.build(snapshot_id=snapshot.pk)
    plan_scope = queues.counts(project=stage.project)[stage.queue.pk]
    oldest = queues.oldest(queue=stage.queue)
    with connection.cursor() as cursor:
        cursor.execute(
            affected._DIRECT,
            {
                "queue": stage.queue.pk,
                "meaning": version.meaning,
                "clauses": [clause.pk for clause in stage.spec.clauses.all()],
            },
        )
        direct = sorted(cursor.fetchall())
        cursor.execute(
            comparing._TOUCHED,
            {
                "spec": stage.spec.pk,
                "meaning": version.meaning,
                "clauses": [clause.pk for clause in stage.spec.clauses.all()],
            },
        )
        touched = sorted(map(str, cursor.fetchall()))
    return {
        "measured": json.dumps(measured.as_dict(), sort_keys=True, default=str),
        "clauses": [(one.key, one.estimate) for one in measured.clauses],
        "snapshot rows": built.n_rows,
        "counts": {name: n for name, n in plan_scope.items() if name != "slots_leased"},
        "oldest": oldest.pk if oldest else None,
        "direct": direct,
        "touched": touched,
        "disputes": Dispute.objects.count(),
        "resolutions": Resolution.objects.count(),
        "unanimous": nominating.from_unanimous(spec=stage.spec, least=2, by=stage.ada),
        "barred": Barred.objects.count(),
    }


def test_no_reader_of_tasks_and_answers_takes_gold_for_work() -> None:
    stage = _stage(6, max_overlap=2)
    stage.load(5)
    for who in ("ben", "chi"):
        for k in range(3):
            stage.answer(stage.annotators[who], "no" if (k, who) == (2, "chi") else "yes", cite=["whole"])
    nominating.from_unanimous(spec=stage.spec, least=2, by=stage.ada)
    before = _everything_read(stage)
    assert before["disputes"] == 1
    assert before["resolutions"] == 2
    for who in ("ben", "chi", "dov"):
        for seed in range(4):
            _meet(stage, who, right=seed % 2 == 0, seed=seed)
    held = cast.mint(stage, stage.ben, "gold", seed=9)
    assert held is not None
    assert Probe.objects.count() == 13
    assert _everything_read(stage) == before
    stage.load(5)  # the same file again: every row is known, no task of work was taken for one of gold
    assert Task.objects.filter(purpose="work", queue=stage.queue).count() == 5


def test_putting_another_meaning_in_force_leaves_gold_alone() -> None:
    stage = _stage()
    held = cast.mint(stage, stage.ben, "gold")
    assert held is not None
    version = cast.amend(stage, "knowledge")
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    assert Task.objects.filter(purpose="gold").count() == 1
    stage.submit(stage.ben, held, {"entailed": "yes"})
    assert Judgement.objects.get().version == stage.version


def test_gold_that_good_annotators_fail_is_retired_and_twice_is_once() -> None:
    stage = _stage(8)
    Queue.objects.filter(spec=stage.spec).update(gold_verdict_from=2)
    bad = KnownAnswer.objects.order_by("pk")[0]
    for who in ("ben", "chi", "dov"):
        for seed in range(8):
            served = cast.mint(stage, stage.annotators[who], "gold", seed=seed)
            assert served is not None
            expected = KnownAnswer.objects.get(item=served.item_id).value
            wrong = served.item_id == bad.item_id and who != "dov"
            answer = {"yes": "no", "no": "yes"}[expected] if wrong else expected
            stage.submit(stage.annotators[who], served, {"entailed": answer})
    health = retiring.health(spec=stage.spec)[bad.pk]
    assert (health.n_shown, health.n_skilled, health.n_skilled_failed) == (3, 3, 2)
    assert retiring.retire(spec=stage.spec) == {"failed": 1}
    assert retiring.retire(spec=stage.spec) == {}
    bad.refresh_from_db()
    assert (bad.state, bad.set_aside_for) == ("set-aside", SetAside.FAILED)


def test_gold_seen_too_often_or_too_old_is_retired() -> None:
    stage = _stage(2)
    _meet(stage, "ben")
    shown = Judgement.objects.get().known
    assert shown is not None
    Queue.objects.filter(spec=stage.spec).update(gold_exposures=1)
    assert retiring.retire(spec=stage.spec) == {"exposed": 1}
    shown.refresh_from_db()
    assert shown.set_aside_for == "exposed"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workforce_queue SET gold_age = interval '1 microsecond'")
    assert retiring.retire(spec=stage.spec) == {"aged": 1}


def test_gold_of_weak_annotators_says_nothing_about_the_answer() -> None:
    stage = _stage(8)
    Queue.objects.filter(spec=stage.spec).update(gold_verdict_from=2)
    for seed in range(8):
        _meet(stage, "ben", right=False, seed=seed)
    assert retiring.retire(spec=stage.spec) == {}


def test_measured_by_gold_is_what_was_answered_while_it_held() -> None:
    stage = cast.stage(overlap=2)
    stage.load(1)
    bring_in(stage, {"key": "item-0", "value": "yes", "clauses": "knowledge"})
    for who in (stage.ben, stage.chi):
        stage.answer(who, "yes")
    assert measuring.compute(spec=stage.spec)[0].summary.majority_accuracy == 1
    nominating.after_publication(version=cast.amend(stage, "knowledge"), by=stage.ada)
    assert KnownAnswer.objects.get().state == "set-aside"
    assert measuring.compute(spec=stage.spec, meaning=1)[0].summary.majority_accuracy == 1
