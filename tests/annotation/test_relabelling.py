"""What a change touches: exactly what the definition says, nothing lost, nothing overwritten."""

from __future__ import annotations

import random

import pytest
from django.db import connection

from annotation import affected, carrying, pricing, relabelling
from annotation.models import Annotation, Carry, Choice, Dispute, Reach, RelabelPlan, RelabelTask
from specs import diff
from specs.models import SpecVersion
from specs.refusals import Invalid, WrongState
from tests import cast
from tests.invariants import rebuilding
from workforce import queues
from workforce.models import Task

pytestmark = pytest.mark.django_db

# The definition once more, task by task: everything that is counted is asked for every task that has ended.
_AGAIN = """
    SELECT t.id, CASE
        WHEN EXISTS (SELECT FROM annotation_annotation a JOIN annotation_citation c ON c.annotation_id = a.id
                     WHERE a.task_id = t.id AND c.clause_id = %(clause)s AND a.revision = (
                         SELECT max(l.revision) FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id))
          OR EXISTS (SELECT FROM annotation_dispute d JOIN annotation_ruling u ON u.dispute_id = d.id
                     WHERE d.task_id = t.id AND u.clause_id = %(clause)s)
          OR EXISTS (SELECT FROM workforce_itemclause i WHERE i.item_id = t.item_id AND i.clause_id = %(clause)s) THEN 'direct'
        WHEN NOT (last.value <@ %(governs)s::jsonb) THEN 'none'
        WHEN (SELECT count(DISTINCT a.values ->> 'entailed') FROM annotation_annotation a
              WHERE a.task_id = t.id AND a.values -> 'entailed' <@ %(governs)s::jsonb) > 1
          OR NOT EXISTS (SELECT FROM annotation_annotation a WHERE a.task_id = t.id AND a.annotator_id NOT IN (
                 SELECT b.annotator_id FROM annotation_ruling u JOIN annotation_dispute d ON d.id = u.dispute_id
                 JOIN annotation_annotation b ON b.task_id = d.task_id
                 WHERE u.clause_id = %(clause)s AND u.cause = 'clause-ambiguous' GROUP BY 1
                 HAVING count(*) >= 3 AND avg((b.values -> 'entailed' <> u.values -> 'entailed')::int) > 0.5)) THEN 'likely'
        ELSE 'possible' END
    FROM workforce_task t JOIN annotation_resolution last ON last.task_id = t.id AND last.question = 'entailed'
    WHERE t.queue_id = %(queue)s AND t.state = 'resolved' AND last.revision = (
        SELECT max(l.revision) FROM annotation_resolution l WHERE l.task_id = t.id AND l.question = 'entailed')
"""


def _worked(seed: int, n: int = 12, *, rulings: bool = False) -> cast.Stage:
    """A queue of ended tasks whose answers cite clauses by chance; with disputes that Ada ruled on where asked for."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(n)
    draw = random.Random(seed)
    for _ in range(n):
        value = draw.choice(["yes", "no"])
        for who in (stage.ben, stage.chi):
            apart = rulings and who == stage.chi and draw.random() < 0.5
            cited = draw.choice(
                ["whole", "knowledge", "numbers", "", ""] if rulings else ["whole", "knowledge", "numbers"]
            )
            stage.answer(
                who, {"yes": "no", "no": "yes"}[value] if apart else value, cite=[cited] if cited else []
            )
    for dispute in Dispute.objects.order_by("pk"):
        right = Annotation.objects.get(task=dispute.task_id, annotator=stage.ben).values["entailed"]
        cast.ruled(
            stage,
            dispute,
            clause_key=draw.choice(["whole", "knowledge", "knowledge"]),
            values={"entailed": right},
        )
    return stage


def _plan(stage: cast.Stage, version: SpecVersion | None = None) -> RelabelPlan:
    return relabelling.propose(queue=stage.queue, to_version=version or cast.amend(stage), by=stage.ada)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("clause", ["knowledge", "numbers"])
def test_the_affected_set_is_what_plain_sql_finds_task_by_task(seed: int, clause: str) -> None:
    stage = _worked(seed, n=16, rulings=True)
    plan = _plan(stage, cast.amend(stage, clause))
    governs = {"knowledge": '["yes", "no"]', "numbers": '["no"]'}[clause]
    with connection.cursor() as cursor:
        cursor.execute(
            _AGAIN,
            {"queue": stage.queue.pk, "clause": stage.spec.clauses.get(key=clause).pk, "governs": governs},
        )
        wanted = {(task, reach) for task, reach in cursor.fetchall() if reach != "none"}
    listed = set(RelabelTask.objects.filter(plan=plan).values_list("task_id", "reach"))
    assert listed == wanted
    assert {"direct", "likely", "possible"} & {reach for _, reach in wanted}
    assert (plan.n_tasks, plan.changed) == (16, [clause])


def test_carried_and_asked_again_are_all_and_nothing_is_overwritten() -> None:
    stage = _worked(1)
    before = list(Annotation.objects.order_by("pk").values_list("pk", "values"))
    version = cast.amend(stage)
    plan = _plan(stage, version)
    relabelling.confirm(plan=plan, tolerated=None, reason="Untouched.", by=stage.ada)
    carry = Carry.objects.get(plan=plan)
    again = Task.objects.filter(queue__purpose="relabelling")
    assert carry.n_carried + again.count() == plan.n_tasks == 12
    assert again.count() == len(carry.exceptions) == plan.n_direct
    assert carry.missed_at_most is None
    assert set(again.values_list("meaning", flat=True)) == {2}
    assert list(Annotation.objects.order_by("pk").values_list("pk", "values")) == before
    served = stage.claim(stage.dov, again[0].queue)
    assert served.served_digest == version.digest
    assert rebuilding.differences(stage.project.pk) == []


def test_a_plan_is_made_once_confirmed_once_and_never_without_a_reason() -> None:
    stage = _worked(1, n=4)
    plan = _plan(stage)
    assert relabelling.propose(queue=stage.queue, to_version=plan.to_version, by=stage.ada) == plan
    with pytest.raises(Invalid):
        relabelling.confirm(plan=plan, tolerated=None, reason="  ", by=stage.ada)
    relabelling.confirm(plan=plan, choice=Choice.ALL, tolerated=None, reason="All of it.", by=stage.ada)
    with pytest.raises(WrongState):
        relabelling.confirm(plan=plan, choice=Choice.ALL, tolerated=None, reason="Again.", by=stage.ada)


def _answer_all(stage: cast.Stage, plan: RelabelPlan, value: dict[str, str]) -> None:
    """Everybody answers what the relabelling queue has, item by item, and the product looks at what came back."""
    queue = RelabelPlan.objects.select_related("relabel_queue").get(pk=plan.pk).relabel_queue
    assert queue is not None
    queues.change_settings(queue=queue, by=stage.ada, entry="none", **cast.QUIET)
    idle = False
    while not idle:
        idle = True
        for who in stage.annotators.values():
            for served in stage.claims(who, queue):
                stage.submit(who, served, {"entailed": value.get(served.item_key, "yes")})
                idle = False
        carrying.advance_all()


def _agreed(n: int) -> cast.Stage:
    """A queue where all agree on "yes" and cite nothing."""
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(n)
    for _ in range(n):
        stage.answer(stage.ben, "yes")
    return stage


def test_a_sample_that_finds_nothing_stops_early_and_the_rest_is_carried_with_its_bound() -> None:
    stage = _agreed(60)
    plan = _plan(stage)
    assert (plan.n_direct, plan.n_likely, plan.n_possible) == (0, 0, 60)
    (touched, everything, _disputed) = pricing.options(plan, tolerated=0.1)
    assert (touched.n_tasks, everything.n_tasks) == (0, 60)
    relabelling.confirm(plan=plan, tolerated=0.1, reason="Only words.", by=stage.ada)
    assert not Carry.objects.exists()  # nothing is carried while the sample is asked
    assert RelabelTask.objects.filter(sampled=True).count() == touched.n_sample < 30
    _answer_all(stage, plan, {})
    carry = Carry.objects.get(plan=plan)
    assert (carry.n_sampled, carry.n_flipped, carry.n_bounded) == (touched.n_sample, 0, 60)
    assert 0 < (carry.missed_at_most or 0) <= 6
    assert carry.n_carried == 60 - touched.n_sample
    assert Annotation.objects.filter(task__queue__purpose="relabelling").count() == touched.n_sample
    assert rebuilding.differences(stage.project.pk) == []


def test_a_sample_full_of_flips_stops_early_too_and_all_others_are_asked() -> None:
    stage = _agreed(40)
    plan = _plan(stage)
    relabelling.confirm(plan=plan, tolerated=0.1, reason="Only words.", by=stage.ada)
    _answer_all(stage, plan, {f"item-{k}": "no" for k in range(40)})
    carry = Carry.objects.get(plan=plan)
    assert (carry.n_carried, len(carry.exceptions)) == (0, 40)
    asked = relabelling.asked(plan)
    assert (asked.n, asked.n_flipped, asked.n_open) == (40, 40, 0)


def test_one_answer_that_differs_is_no_flip_before_others_say_so_too() -> None:
    stage = _agreed(8)
    plan = _plan(stage)
    relabelling.confirm(plan=plan, tolerated=0.2, reason="Only words.", by=stage.ada)
    queue = RelabelPlan.objects.get(pk=plan.pk).relabel_queue
    assert queue is not None
    queues.change_settings(queue=queue, by=stage.ada, entry="none", **cast.QUIET)
    served = stage.claim(stage.ben, queue)
    stage.submit(stage.ben, served, {"entailed": "no"})
    carrying.advance(plan=plan)
    row = RelabelTask.objects.get(again=served.task_id)
    again = Task.objects.get(pk=served.task_id)
    assert (row.flipped, again.state, again.overlap) == (None, "open", 2)
    for who in (stage.chi, stage.dov):
        for one in stage.claims(who, queue):
            stage.submit(who, one, {"entailed": "yes"})
    carrying.advance(plan=plan)
    row.refresh_from_db()
    assert row.flipped is None or row.flipped is False
    assert rebuilding.differences(stage.project.pk) == []


def test_somebody_ends_a_sample_with_a_reason_and_the_bound_that_there_is() -> None:
    stage = _agreed(30)
    plan = _plan(stage)
    relabelling.confirm(plan=plan, tolerated=0.05, reason="Only words.", by=stage.ada)
    with pytest.raises(Invalid):
        carrying.decide(plan=plan, ask=False, reason=" ", by=stage.ada)
    carrying.decide(plan=plan, ask=False, reason="Nobody has time.", by=stage.ada)
    carry = Carry.objects.get(plan=plan)
    assert (carry.n_sampled, carry.missed_at_most) == (0, 30)
    assert "Nobody has time." in carry.reason
    with pytest.raises(WrongState):
        carrying.decide(plan=plan, ask=True, reason="No.", by=stage.ada)


def test_only_what_was_disputed_is_asked_again_where_that_is_the_choice() -> None:
    stage = _worked(3, n=16, rulings=True)
    plan = _plan(stage)
    relabelling.confirm(
        plan=plan, choice=Choice.DISPUTED, tolerated=None, reason="Agreed ones hold.", by=stage.ada
    )
    asked = set(RelabelTask.objects.filter(plan=plan, again__isnull=False).values_list("task_id", flat=True))
    listed = set(RelabelTask.objects.filter(plan=plan).values_list("task_id", flat=True))
    disputed = set(Dispute.objects.values_list("task_id", flat=True))
    assert asked == disputed & listed != set()


def test_a_label_that_was_carried_before_is_reached_by_the_next_change_as_well() -> None:
    stage = _worked(2)
    first = _plan(stage, cast.amend(stage, "numbers"))
    relabelling.confirm(plan=first, tolerated=None, reason="Untouched.", by=stage.ada)
    carried = Carry.objects.get(plan=first).n_carried
    second = _plan(stage, cast.amend(stage, "knowledge"))
    assert second.n_tasks == carried > 0
    assert second.n_direct > 0


def test_a_clause_that_names_nothing_governs_everything_and_less_left_out_reaches_what_is_confused() -> None:
    stage = _worked(0, n=8, rulings=True)
    clause = stage.spec.clauses.get(key="numbers")
    words = {"key": "numbers", "blocks": [], "governs": []}
    change = diff.ClauseChange("numbers", "reworded", words, words, ())
    difference = diff.Difference((change,), (), ())
    assert affected.governing(difference, {"numbers": clause.pk}) == [(clause.pk, "", "")]
    governed = [(clause.pk, "entailed", "no")]
    narrower = {**words, "blocks": [{"type": "avoid_when", "text": "It is a date."}]}
    change = diff.ClauseChange("numbers", "reworded", words, narrower, ())
    scope: dict[str, object] = {"queue": stage.queue.pk, "meaning": 1}
    met = affected.newly(diff.Difference((change,), (), ()), {"numbers": clause.pk}, governed, scope)
    assert met == [(clause.pk, "entailed", "yes")]
    assert Reach.REST not in RelabelTask.objects.values_list("reach", flat=True)


def test_untouched_tasks_start_again_under_a_new_meaning_and_begun_ones_finish() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(3)
    stage.answer(stage.ben, "yes")
    version = cast.amend(stage)
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    states = sorted(Task.objects.filter(queue=stage.queue).values_list("meaning", "state"))
    assert states == [(1, "open"), (1, "withdrawn"), (1, "withdrawn"), (2, "open"), (2, "open")]
    by_meaning = {}
    for _ in range(3):
        served = stage.claim(stage.chi)
        by_meaning[served.item_key] = served.served_digest
        stage.submit(stage.chi, served, {"entailed": "yes"})
    assert by_meaning == {
        "item-0": stage.version.digest,
        "item-1": version.digest,
        "item-2": version.digest,
    }
