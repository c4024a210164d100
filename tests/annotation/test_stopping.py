"""Tasks that stop by themselves: what is learnt, what is decided and kept, audits, and statistics that stay fair."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation import (
    adjudicating,
    auditing,
    learning,
    measuring,
    reading_first,
    reoverlapping,
    settling,
    simulating,
)
from annotation.agreement import stopping as rule
from annotation.models import (
    Dispute,
    Resolution,
    SkillMatrix,
    SkillSet,
    StopDecision,
    StopTarget,
    StopVerdict,
)
from specs.models import Event, Role
from tests import cast
from workforce import leasing, overlapping, queues, staffing
from workforce.models import Annotator, KnownAnswer, OverlapPlan, Queue, Task

pytestmark = pytest.mark.django_db
SETTINGS: dict[str, Any] = {
    "overlap": 2, "max_overlap": 4, "overlap_policy": "dynamic", "fair_share": 0, "audit_share": 0,
}  # fmt: skip


def _fresh(stage: cast.Stage) -> Queue:
    return Queue.objects.select_related("spec", "version", "project").get(pk=stage.queue.pk)


def _skills(
    stage: cast.Stage,
    right: dict[str, float],
    *,
    known: int = 200,
    labels: int = 100,
    question: str = "entailed",
) -> SkillSet:
    """A skill set as if learnt: each annotator says "yes" and "no" rightly at these rates."""
    last = SkillSet.objects.filter(spec=stage.spec, question=question).count()
    made = SkillSet.objects.create(
        project=stage.project, spec=stage.spec, meaning=1, question=question, number=last + 1, rule=rule.RULE,
        values=["yes", "no"], prior=[0.5, 0.5], pooled=[[0.7, 0.3], [0.3, 0.7]], n_items=100, n_answers=300,
        n_known=known, upto=0, event_id=0,
    )  # fmt: skip
    for name, share in right.items():
        SkillMatrix.objects.create(
            project=stage.project,
            skills=made,
            annotator=stage.annotators[name],
            n_labels=labels,
            matrix=[[share, 1 - share], [1 - share, share]],
        )
    return made


def _decisions() -> list[tuple[str, int]]:
    return list(StopDecision.objects.order_by("pk").values_list("verdict", "n_answers"))


def _two_wanted(stage: cast.Stage) -> None:
    """Enough is known: tasks are loaded with two slots."""
    OverlapPlan.objects.create(
        project=stage.project, queue=stage.queue, version=stage.version, formula=overlapping.DYNAMIC_FORMULA,
        wanted=2, expected=0, event_id=0,
    )  # fmt: skip


def test_two_good_annotators_who_agree_are_enough_and_the_stop_keeps_what_it_rests_on() -> None:
    stage = cast.stage(**SETTINGS)
    skills = _skills(stage, {"ben": 0.9, "chi": 0.9})
    _two_wanted(stage)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    task, stop, resolution = Task.objects.get(), StopDecision.objects.get(), Resolution.objects.get()
    assert (task.state, task.overlap, resolution.value, resolution.rule) == ("resolved", 2, "yes", "dynamic")
    assert (stop.verdict, stop.n_answers, stop.rule, stop.skill_sets) == ("agreed", 2, rule.RULE, [skills.pk])
    assert stop.posterior == pytest.approx(0.81 / 0.82, abs=1e-5)  # 0.9² against 0.1²
    assert (stop.tau, stop.confidence) == (0.95, None)
    assert stop.questions[0]["minimum"] == 2


def test_poor_annotators_who_agree_are_asked_for_more_and_a_dispute_ends_it_at_the_maximum() -> None:
    stage = cast.stage(**{**SETTINGS, "max_overlap": 3})
    _skills(stage, {"ben": 0.6, "chi": 0.6, "dov": 0.6})
    _two_wanted(stage)
    stage.load(1)
    for who in (stage.ben, stage.chi, stage.dov):
        stage.answer(who, "yes")
    assert _decisions() == [("more", 2), ("disputed", 3)]
    assert Task.objects.get(queue=stage.queue).state == "disputed"
    assert Dispute.objects.get().questions == ["entailed"]


@pytest.mark.parametrize(("cost", "verdict"), [("4", "disputed"), ("6", "more"), ("0", "more")])
def test_where_one_more_answer_is_worth_less_than_it_costs_a_lead_is_asked(cost: str, verdict: str) -> None:
    """Nobody can tell yet (0.5), and one more average answer would raise that to 0.7."""
    stage = cast.stage(**SETTINGS, error_cost=cost)
    _skills(stage, {"ben": 0.6, "chi": 0.6})
    _two_wanted(stage)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    stop = StopDecision.objects.get()
    assert (stop.verdict, stop.n_answers) == (verdict, 2)
    assert stop.rule == (rule.RULE if cost == "0" else rule.WEIGHING_RULE)
    assert stop.questions[0]["gain"] == pytest.approx(0.2)
    assert stop.questions[0]["error_cost"] == (float(cost) or None)
    assert Dispute.objects.count() == (verdict == "disputed")


def test_the_preview_weighs_what_a_wrong_label_costs() -> None:
    stage = cast.stage(**SETTINGS)
    plain = simulating.preview(queue=_fresh(stage))
    queue = _fresh(stage)
    queue.error_cost = Decimal(4)
    weighed = simulating.preview(queue=queue)
    assert weighed.answers_per_task is not None
    assert plain.answers_per_task is not None
    assert weighed.answers_per_task < plain.answers_per_task
    assert (weighed.disputed_share or 0) > (plain.disputed_share or 0)


def test_the_value_accepted_is_the_likeliest_one_not_the_plurality() -> None:
    stage = cast.stage(**SETTINGS)
    _skills(stage, {"ben": 0.52, "chi": 0.52, "dov": 0.99})
    _two_wanted(stage)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    stage.answer(stage.dov, "no")
    assert Resolution.objects.get().value == "no"
    assert Resolution.objects.get().distribution == {"yes": 2, "no": 1}


@pytest.mark.parametrize(("known", "labels", "n"), [(99, 100, 3), (100, 19, 3), (100, 20, 2)])
def test_three_answers_until_enough_is_known_of_the_work_and_of_the_annotators(
    known: int, labels: int, n: int
) -> None:
    stage = cast.stage(**SETTINGS)
    _skills(stage, {"ben": 0.95, "chi": 0.95, "dov": 0.95}, known=known, labels=labels)
    _two_wanted(stage)
    stage.load(1)
    for who in (stage.ben, stage.chi, stage.dov)[:n]:
        stage.answer(who, "yes")
    assert Task.objects.get().state == "resolved"
    assert StopDecision.objects.get(verdict="agreed").n_answers == n


def test_before_anything_is_learnt_the_share_rule_decides_and_says_so() -> None:
    stage = cast.stage(**SETTINGS)
    stage.load(1)
    for who in (stage.ben, stage.chi, stage.dov):
        stage.answer(who, "yes")
    stop = StopDecision.objects.get()
    assert (stop.verdict, stop.n_answers, stop.rule, stop.posterior) == ("agreed", 3, "share/1", None)


def test_all_questions_have_to_be_sure_enough() -> None:
    second = {**cast.QUESTION, "key": "clear", "title": "Is it clear?"}
    stage = cast.stage(questions=[cast.QUESTION, second], **SETTINGS)
    _skills(stage, {"ben": 0.9, "chi": 0.9, "dov": 0.9})
    _skills(stage, {"ben": 0.6, "chi": 0.6, "dov": 0.6}, question="clear")
    _two_wanted(stage)
    stage.load(1)
    for who in (stage.ben, stage.chi):
        stage.submit(who, stage.claim(who), {"entailed": "yes", "clear": "yes"})
    stop = StopDecision.objects.get()
    assert stop.verdict == "more"
    assert {one["question"]: one["verdict"] for one in stop.questions} == {
        "entailed": "agreed",
        "clear": "more",
    }
    assert stop.posterior == pytest.approx(0.36 / 0.52, abs=1e-5)  # the least sure one


def test_a_question_with_options_from_the_item_is_settled_by_the_share_rule() -> None:
    second = {**cast.QUESTION, "key": "which", "title": "Which?", "labels": [], "options_from": "options"}
    stage = cast.stage(questions=[cast.QUESTION, second], **SETTINGS)
    assert learning.refresh(queue=_fresh(stage)) == {"skill_sets": 0, "targets": 0}
    from workforce import overlap_rules

    assert overlap_rules.not_dynamic(_fresh(stage)) == ([cast.QUESTION["title"]], ["Which?"])


def test_an_audited_task_is_accepted_when_a_blind_answer_says_the_same() -> None:
    stage = cast.stage(**{**SETTINGS, "audit_share": "0.5"})
    _skills(stage, {"ben": 0.9, "chi": 0.9, "dov": 0.9})
    _two_wanted(stage)
    stage.load(30)
    for who in (stage.ben, stage.chi):
        for _ in range(30):
            stage.answer(who, "yes")
    drawn = list(StopDecision.objects.filter(verdict="audit").values_list("task_id", flat=True))
    assert 5 <= len(drawn) <= 25
    assert set(Task.objects.filter(state="open").values_list("pk", flat=True)) == set(drawn)
    blind = stage.claim(stage.dov)  # nothing tells it apart from any other task
    stage.submit(stage.dov, blind, {"entailed": "yes"})
    assert Task.objects.get(pk=blind.task_id).state == "resolved"
    contradicted = stage.claim(stage.dov)
    stage.submit(stage.dov, contradicted, {"entailed": "no"})
    assert Task.objects.get(pk=contradicted.task_id).state == "disputed"
    found = auditing.measured(queue=_fresh(stage))
    assert (found.n_accepted, found.n_drawn, found.n_judged, found.n_wrong, found.n_waiting) == (
        30, len(drawn), 1, 0, len(drawn) - 1,
    )  # fmt: skip
    _rule(stage, "no")
    found = auditing.measured(queue=_fresh(stage))
    assert (found.n_judged, found.n_wrong) == (2, 1)
    assert found.error == pytest.approx(0.5)
    assert found.low < 0.5 < found.high


def _rule(stage: cast.Stage, value: str) -> None:
    dispute = Dispute.objects.get(state="open")
    lead = staffing.annotator_for(member=stage.ada)
    adjudication = _fresh(stage).adjudication_queue
    assert adjudication is not None
    staffing.enrol(queue=adjudication, annotator=lead, by=stage.ada)
    served = adjudicating.take(dispute=dispute, annotator=lead, by=stage.ada)
    held: dict[str, Any] = {
        "dispute": dispute,
        "annotator": lead,
        "assignment_id": served.assignment_id,
        "token": served.token,
        "values": {"entailed": value},
        "by": stage.ada,
    }
    reading_first.read(**held)  # what an audit opened is an independent dispute
    adjudicating.rule(**held, cause="annotator-erred")


def test_statements_of_a_settle_other_queues_pay_nothing_and_a_dynamic_one_reads_skills_once() -> None:
    def statements(key: str, **settings: Any) -> list[str]:
        stage = cast.stage(key, **settings)
        _skills(stage, {"ben": 0.9, "chi": 0.9})
        stage.load(1)
        stage.answer(stage.ben, "yes")
        served = stage.claim(stage.chi)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            stage.submit(stage.chi, served, {"entailed": "yes"})
        return [query["sql"] for query in caught.captured_queries]

    fixed = statements("fixed", overlap=2)
    assert not any("skill" in sql or "stopdecision" in sql for sql in fixed)
    dynamic = statements("dyn", **SETTINGS)
    assert sum("annotation_skillset" in sql for sql in dynamic) <= 1


def _crowd(stage: cast.Stage, n: int) -> list[Annotator]:
    made = []
    for number in range(n):
        member = staffing.add_member(
            project=stage.project, user=cast.user(f"crowd-{number}"), roles=[Role.ANNOTATOR], by=stage.ada
        )
        made.append(staffing.annotator_for(member=member))
        staffing.enrol(queue=stage.queue, annotator=made[-1], by=stage.ada)
    return made


def _history(stage: cast.Stage, n_items: int, rights: Sequence[float], *, seed: int = 1) -> None:
    """Answers by a crowd to *n_items*, written as an import does; the truth is yes for even items, and known of all."""
    generator = random.Random(seed)
    queues.change_settings(
        queue=stage.queue, by=stage.ada, overlap_policy="fixed", overlap=len(rights), max_overlap=len(rights)
    )
    crowd = _crowd(stage, len(rights))
    stage.load(n_items)
    with connection.cursor() as cursor:
        for annotator, right in zip(crowd, rights, strict=True):
            cursor.execute(
                """WITH s AS (
                     UPDATE workforce_assignment s SET state = 'leased', annotator_id = %(who)s, token = gen_random_uuid(),
                         leased_at = now(), lease_until = now() + interval '1 hour', version_id = %(version)s
                     WHERE s.number = %(number)s AND s.queue_id = %(queue)s RETURNING s.*)
                   SELECT count(*) FROM s""",
                {
                    "who": annotator.pk,
                    "version": stage.version.pk,
                    "number": crowd.index(annotator) + 1,
                    "queue": stage.queue.pk,
                },
            )
            cursor.execute(
                "UPDATE workforce_assignment SET state = 'submitted', submitted_at = now(), lease_until = NULL "
                "WHERE annotator_id = %s AND state = 'leased' RETURNING id, task_id",
                [annotator.pk],
            )
            for slot, task in cursor.fetchall():
                truth = "yes" if task % 2 == 0 else "no"
                said = truth if generator.random() < right else "no" if truth == "yes" else "yes"
                cursor.execute(
                    """INSERT INTO annotation_annotation (project_id, assignment_id, task_id, queue_id, annotator_id, version_id,
                         served_digest, client_key, revision, ordinal, values, flagged, source, answered_at, recorded_at,
                         event_id)
                       VALUES (%s, %s, %s, %s, %s, %s, '', %s, 1, %s, jsonb_build_object('entailed', %s::text), false, 'live',
                               now(), now(), 0)""",
                    [stage.project.pk, slot, task, stage.queue.pk, annotator.pk, stage.version.pk, f"key-{slot}",
                     crowd.index(annotator) + 1, said],
                )  # fmt: skip
        cursor.execute("UPDATE workforce_task SET n_answers = overlap WHERE queue_id = %s", [stage.queue.pk])


def _gold(stage: cast.Stage, n: int) -> None:
    for task in Task.objects.filter(queue=stage.queue).order_by("pk")[:n]:
        KnownAnswer.objects.create(
            project=stage.project, item_id=task.item_id, spec=stage.spec, question="entailed",
            value="yes" if task.pk % 2 == 0 else "no", source="imported", meaning=1,
        )  # fmt: skip


def test_skills_are_learnt_from_answers_and_a_target_is_chosen_once_enough_is_known() -> None:
    stage = cast.stage(**SETTINGS)
    _history(stage, 150, [0.95, 0.9, 0.85, 0.6, 0.9])
    queues.change_settings(
        queue=stage.queue, by=stage.ada, overlap_policy="dynamic", overlap=2, max_overlap=5
    )
    assert learning.refresh(queue=_fresh(stage)) == {"skill_sets": 1, "targets": 0}
    skills = SkillSet.objects.get()
    assert (skills.n_items, skills.n_answers, skills.n_known, skills.number) == (150, 750, 0, 1)
    right = [
        (matrix.matrix[0][0] + matrix.matrix[1][1]) / 2 for matrix in skills.matrices.order_by("annotator_id")
    ]
    assert right[0] > right[3] + 0.15
    assert not OverlapPlan.objects.exists()
    _gold(stage, 120)
    assert learning.refresh(queue=_fresh(stage)) == {"skill_sets": 1, "targets": 1}
    target = StopTarget.objects.get()
    assert target.n_known == 120
    assert target.tau in rule.TAUS
    assert len(target.trials) == len(rule.TAUS)
    assert target.calibration["n"] > 50
    assert OverlapPlan.objects.get().wanted == 2
    # a second run, and a run at the same time, find nothing to do
    assert learning.refresh(queue=_fresh(stage)) == {"skill_sets": 0, "targets": 0}
    assert SkillSet.objects.count() == 2
    kinds = Counter(Event.objects.filter(project=stage.project).values_list("kind", flat=True))
    assert (kinds["skills.learnt"], kinds["queue.stop-target-chosen"], kinds["queue.overlap-planned"]) == (
        2,
        1,
        1,
    )


def test_a_chosen_target_and_its_calibration_are_what_the_next_task_stops_by() -> None:
    stage = cast.stage(**SETTINGS)
    skills = _skills(stage, {"ben": 0.85, "chi": 0.85})
    _two_wanted(stage)
    StopTarget.objects.create(
        project=stage.project, queue=stage.queue, skills=skills, question="entailed", rule=rule.RULE, accuracy=0.95,
        tau=0.99, reached=True, n_known=120, trials=[], calibration={"weights": [0, 1, 0], "n": 120}, event_id=0,
    )  # fmt: skip
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    stop = StopDecision.objects.get()
    assert (stop.verdict, stop.tau) == ("more", 0.99)
    assert stop.confidence == pytest.approx(stop.posterior)  # this curve is the identity


def test_agreement_rests_on_the_answers_that_every_task_got() -> None:
    stage = cast.stage(**SETTINGS)
    _two_wanted(stage)
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no"), (stage.dov, "yes")):
        stage.answer(who, value)
    measured = measuring.compute(spec=stage.spec)[0]
    assert measured.summary.n_answers == 2
    assert measured.summary.percent_agreement.value == 0


def test_overlap_applied_to_tasks_under_way_judges_what_has_enough_and_names_who_asked() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(5)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=2, max_overlap=3)
    assert reoverlapping.change(queue=stage.queue, by=stage.ada) == {
        "tasks": 5, "raised": 0, "lowered": 5, "slots_added": 0, "slots_withdrawn": 5, "complete": 2,
    }  # fmt: skip
    states = Counter(Task.objects.filter(queue=stage.queue).values_list("state", "overlap"))
    # one agreed; the other differs, and the rule asks for a third answer again
    assert states == {("open", 2): 3, ("resolved", 2): 1, ("open", 3): 1}
    event = Event.objects.get(kind="tasks.overlap-changed")
    assert (event.by, event.data["lowered"], event.data["slots_withdrawn"]) == (stage.ada, 5, 5)


def test_a_change_killed_half_way_goes_on_and_does_nothing_twice(settings: Any) -> None:
    settings.OVERLAP_CHUNK = 2
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(5)
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=2, max_overlap=3)

    class Killed(Exception):
        pass

    def progress(done: int, *_: Any) -> None:
        if done >= 2:
            raise Killed

    with pytest.raises(Killed):
        reoverlapping.change(queue=stage.queue, by=stage.ada, progress=progress)
    assert sorted(Task.objects.values_list("overlap", flat=True)) == [1, 1, 1, 2, 2]
    assert reoverlapping.change(queue=stage.queue, by=stage.ada)["tasks"] == 3
    assert reoverlapping.change(queue=stage.queue, by=stage.ada) == {}
    assert {*Task.objects.values_list("overlap", flat=True)} == {2}


def test_lowering_overlap_while_an_audit_waits_accepts_what_was_accepted() -> None:
    stage = cast.stage(**{**SETTINGS, "audit_share": "0.5"})
    _skills(stage, {"ben": 0.9, "chi": 0.9, "dov": 0.9})
    _two_wanted(stage)
    stage.load(10)
    for who in (stage.ben, stage.chi):
        for _ in range(10):
            stage.answer(who, "yes")
    waiting = Task.objects.filter(state="open").first()
    assert waiting is not None
    with transaction.atomic():
        Task.objects.select_for_update().get(pk=waiting.pk)
        assert settling.settle(task_id=waiting.pk) == "resolved"
    assert Resolution.objects.get(task=waiting).value == "yes"
    assert StopDecision.objects.filter(task=waiting).order_by("-pk")[0].verdict == StopVerdict.AGREED


def test_a_lease_that_outlives_a_lower_overlap_is_counted() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    served = stage.claim(stage.chi)
    queues.change_settings(queue=stage.queue, by=stage.ada, overlap=1, max_overlap=1)
    reoverlapping.change(queue=stage.queue, by=stage.ada)
    assert stage.submit(stage.chi, served, {"entailed": "yes"}).outcome == "counted"
    assert Task.objects.get().state == "resolved"
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None
