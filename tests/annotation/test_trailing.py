"""What ends under the old meaning after a carry, and what a new version asks that the old one did not: neither is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from annotation import carrying, exporting, relabelling
from annotation.models import Carry, LateCarry, RelabelPlan, RelabelTask, Resolution
from specs import drafting, ledger, publishing
from specs.models import Event, SpecVersion
from specs.refusals import Invalid
from tests import cast
from tests.cast import user_of
from tests.invariants import checking, rebuilding
from workforce import leasing, queues
from workforce.models import Task

pytestmark = pytest.mark.django_db


def _exported(stage: cast.Stage, version: SpecVersion) -> set[str]:
    """The keys of the items that a snapshot of the version has a label for."""
    ledger.seal_all(project_id=stage.project.pk)
    snapshot = exporting.request(project=stage.project, version=version, name="", by=stage.ada)
    exporting.build(snapshot_id=snapshot.pk)
    return {row["key"] for row in exporting.rows(snapshot)}


def _in_work(stage: cast.Stage) -> dict[str, leasing.Served]:
    """Two tasks that Ben and Chi hold, by the keys of their items."""
    return {served.item_key: served for served in (stage.claim(stage.ben), stage.claim(stage.chi))}


def _held_by(stage: cast.Stage, served: leasing.Served) -> Any:
    return (
        stage.ben
        if Task.objects.get(pk=served.task_id).assignments.filter(annotator=stage.ben).exists()
        else stage.chi
    )


@pytest.mark.parametrize("tolerated", [None, 0.05])
def test_what_was_in_work_at_the_carry_is_asked_or_carried_once_it_has_ended(tolerated: float | None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    stage.answer(stage.dov, "yes", cite=["whole"])
    held = _in_work(stage)
    version = cast.amend(stage, "numbers")
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=None, reason="Untouched.", by=stage.ada)
    RelabelPlan.objects.update(tolerated=tolerated)
    assert _exported(stage, version) == {"item-0"}
    touched, other = held.values()
    stage.submit(_held_by(stage, touched), touched, {"entailed": "no"}, {"entailed": []})
    stage.submit(_held_by(stage, other), other, {"entailed": "yes"}, {"entailed": ["whole"]})
    assert _exported(stage, version) == {"item-0"}  # nobody has looked at them yet
    assert carrying.advance_all() == 1
    late = LateCarry.objects.get()
    asks = (
        tolerated is not None
    )  # possibly affected: where others were sampled it is asked, since no sample bounds it
    assert (late.asked, late.carried) == (
        ([touched.task_id], [other.task_id]) if asks else ([], sorted([touched.task_id, other.task_id]))
    )
    assert _exported(stage, version) == {"item-0", other.item_key, *(() if asks else (touched.item_key,))}
    assert RelabelTask.objects.filter(plan=plan, late=True, again__isnull=False).count() == len(late.asked)
    assert Event.objects.get(kind="relabelling.followed").data == {
        "asked": len(late.asked),
        "carried": len(late.carried),
    }
    if asks:
        again = RelabelTask.objects.get(again__isnull=False).again
        assert again is not None
        queues.change_settings(queue=again.queue, by=stage.ada, entry="none", **cast.QUIET)
        stage.answer(stage.dov, "no", queue=again.queue)
        assert _exported(stage, version) == {"item-0", "item-1", "item-2"}
    carrying.advance_all()
    assert LateCarry.objects.count() == 1  # looked at once
    plan.refresh_from_db()
    assert plan.n_tasks + len(late.asked) + len(late.carried) == 3
    assert checking.violations() == []
    assert rebuilding.differences(stage.project.pk) == []


def test_what_ends_before_the_sample_does_is_no_part_of_it() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(40)
    for _ in range(39):
        stage.answer(stage.dov, "no")
    served = stage.claim(stage.ben)
    version = cast.amend(stage, "numbers")
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    plan = relabelling.confirm(plan=plan, tolerated=0.2, reason="Few.", by=stage.ada)
    assert plan.state == "sampling"
    stage.submit(stage.ben, served, {"entailed": "no"})
    carrying.advance_all()
    assert not RelabelTask.objects.filter(late=True).exists()
    carrying.decide(plan=plan, ask=False, reason="Enough.", by=stage.ada)
    late = RelabelTask.objects.get(late=True)
    assert (late.task_id, late.sampled, late.again is None) == (served.task_id, False, False)
    assert served.task_id in Carry.objects.get().exceptions


def test_what_a_newer_version_has_overtaken_is_asked_by_that_one() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    stage.answer(stage.dov, "yes", cite=["whole"])
    served = stage.claim(stage.ben)
    plans = []
    for clause in ("knowledge", "whole"):
        version = cast.amend(stage, clause)
        plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
        plans.append(relabelling.confirm(plan=plan, tolerated=None, reason="So.", by=stage.ada))
    stage.submit(stage.ben, served, {"entailed": "no"}, {"entailed": ["knowledge"]})
    carrying.advance_all()
    rows = RelabelTask.objects.filter(late=True).order_by("plan")
    assert [(row.plan_id, row.reach, row.again is None) for row in rows] == [
        (plans[0].pk, "direct", True),
        (plans[1].pk, "direct", False),
    ]


def _adds(stage: cast.Stage) -> RelabelPlan:
    """A plan of a version that asks "Why not?" where the answer is no."""
    for value in ("no", "no", "yes"):
        stage.answer(stage.ben, value)
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    why = {"key": "why", "kind": "text", "title": "Why not?", "required": True}
    why["shown_when"] = {"question": "entailed", "values": ["no"]}
    drafting.set_questions(draft=draft, questions=[cast.QUESTION, why], by=stage.ada)
    version = publishing.publish(draft=draft, notes="Why.", rationale="Unknown.", by=stage.ada)
    return relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)


def test_a_question_that_is_new_is_asked_on_the_labels_of_its_branch_unless_somebody_leaves_it_empty() -> (
    None
):
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    plan = _adds(stage)
    with pytest.raises(Invalid):
        relabelling.confirm(plan=plan, left_empty=["entailed"], tolerated=None, reason="So.", by=stage.ada)
    relabelling.confirm(plan=plan, tolerated=None, reason="So.", by=stage.ada)
    asked = RelabelTask.objects.filter(plan=plan, again__isnull=False)
    labels = set(Resolution.objects.filter(task__in=asked.values("task")).values_list("value", flat=True))
    assert (asked.count(), labels, Carry.objects.get().n_carried) == (2, {"no"}, 1)
    (again,) = {row.again.queue for row in asked.select_related("again__queue") if row.again}
    queues.change_settings(queue=again, by=stage.ada, entry="none", **cast.QUIET)
    for who in (stage.chi, stage.dov, stage.ben):
        for served in stage.claims(who, again):
            stage.submit(who, served, {"entailed": "no", "why": "It is too far."})
    carrying.advance_all()
    assert set(asked.values_list("flipped", flat=True)) == {False}  # what nobody was asked before is no flip


def test_by_page_and_by_rest_a_new_question_is_left_empty_on_the_record(client: Client) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(3)
    plan = _adds(stage)
    api = stage.client(stage.ada)()
    where = f"/api/v1/projects/rte/relabel-plans/{plan.pk}"
    told = api.get(where).json()
    assert told["added"] == [{"question": "why", "unanswered": 2, "left_empty": False}]
    assert told["options"][0]["tasks"] == 2
    client.force_login(user_of(stage.ada))
    assert "2 labels without an answer" in client.get(f"/p/rte/relabel/{plan.pk}/").text
    client.post(f"/p/rte/relabel/{plan.pk}/confirm/", {"choice": "touched", "reason": "Not worth it."})
    carry = Carry.objects.get()
    assert (carry.left_empty, carry.n_carried, carry.exceptions) == (["why"], 3, [])
    assert "left empty" in client.get(f"/p/rte/relabel/{plan.pk}/").text
    assert api.get(where).json()["carry"]["left_empty"] == ["why"]


def test_looking_for_what_ended_late_reads_two_indexes() -> None:
    from annotation import trailing

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + trailing._WAITING)
        text = "\n".join(row[0] for row in cursor.fetchall())
    assert "task_settled" in text
    assert "task_unlabellable" in text
