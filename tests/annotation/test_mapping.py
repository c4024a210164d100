"""Labels that a new version has no longer: carried under a new name or asked again, and none of them lost."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.test import Client

from annotation import carrying, mapping, relabelling
from annotation.models import Carry, RelabelPlan, RelabelTask, Resolution
from specs import drafting, publishing
from specs.refusals import Invalid
from tests import cast
from tests.cast import user_of
from workforce import queues

pytestmark = pytest.mark.django_db
OLD, NEW = ["yes", "no", "rude", "odd"], ["yes", "no", "insult", "threat"]


def _question(values: list[str]) -> dict[str, Any]:
    return {**cast.QUESTION, "labels": [{"value": value, "title": value.title()} for value in values]}


def _plan(seed: int = 0, n: int = 16) -> tuple[cast.Stage, RelabelPlan]:
    """A plan from a version with the old labels to one with the new; all labels agreed, by chance, citing nothing."""
    stage = cast.stage(questions=(_question(OLD),), overlap=1, max_overlap=1)
    stage.load(n)
    draw = random.Random(seed)
    for place in range(n):
        stage.answer(stage.ben, OLD[place] if place < len(OLD) else draw.choice(OLD))
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    drafting.set_questions(draft=draft, questions=[_question(NEW)], by=stage.ada)
    version = publishing.publish(draft=draft, notes="Finer.", rationale="Too coarse.", by=stage.ada)
    assert version.number == "2.0.0"
    return stage, relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)


def _held(stage: cast.Stage) -> dict[int, Any]:
    return {row.task_id: row.value for row in Resolution.objects.filter(task__queue=stage.queue)}


@pytest.mark.parametrize("seed", range(6))
def test_a_mapping_never_loses_an_answer(seed: int) -> None:
    stage, plan = _plan(seed)
    draw = random.Random(seed)
    labels = {value: draw.sample(NEW, draw.choice([0, 1, 1, 2])) for value in OLD if draw.random() < 0.8}
    relabelling.confirm(plan=plan, labels={"entailed": labels}, tolerated=None, reason="Names.", by=stage.ada)
    carry = Carry.objects.get(plan=plan)
    whole = {value: [value] if value in NEW else [] for value in OLD} | labels
    held = _held(stage)
    asked = set(RelabelTask.objects.filter(plan=plan, again__isnull=False).values_list("task", flat=True))
    assert asked == set(carry.exceptions) == {task for task, value in held.items() if len(whole[value]) != 1}
    names = carry.mapping.get("entailed", {})
    for task in set(held) - asked:
        assert names.get(held[task], held[task]) == whole[held[task]][0] in NEW
    assert carry.n_carried + len(asked) == len(held) == plan.n_tasks


def test_what_is_gone_is_asked_again_unless_somebody_says_where_it_goes() -> None:
    stage, plan = _plan()
    assert mapping.proposed(plan) == {"entailed": {"rude": [], "odd": []}}
    rows = {row.value: row for row in mapping.rows(plan, mapping.proposed(plan))}
    assert [rows[value].asked for value in OLD] == [False, False, True, True]
    assert sum(row.n for row in rows.values()) == 16
    for wrong in (
        {"entailed": {"new": ["yes"]}},
        {"entailed": {"rude": ["odd"]}},
        {"other": {"yes": ["no"]}},
    ):
        with pytest.raises(Invalid):
            relabelling.confirm(plan=plan, labels=wrong, tolerated=None, reason="Names.", by=stage.ada)


def test_any_of_several_labels_that_an_old_one_may_have_become_is_no_flip() -> None:
    stage, plan = _plan()
    labels = {"entailed": {"rude": ["insult", "threat"], "odd": []}}
    plan = relabelling.confirm(plan=plan, labels=labels, tolerated=None, reason="Names.", by=stage.ada)
    assert plan.relabel_queue is not None
    queues.change_settings(queue=plan.relabel_queue, by=stage.ada, entry="none", **cast.QUIET)
    held = _held(stage)
    for who in (stage.chi, stage.dov):
        for served in stage.claims(who, plan.relabel_queue):
            stage.submit(who, served, {"entailed": "threat"})
        carrying.advance_all()
    flips = dict(RelabelTask.objects.filter(plan=plan).values_list("task", "flipped"))
    assert {flips[task] for task, value in held.items() if value == "rude"} == {False}
    assert {flips[task] for task, value in held.items() if value == "odd"} == {True}


def test_a_mapping_goes_by_page_and_by_rest(client: Client) -> None:
    stage, plan = _plan()
    client.force_login(user_of(stage.ada))
    page = client.get(f"/p/rte/relabel/{plan.pk}/").content.decode()
    assert 'name="to.entailed.rude"' in page
    assert "11 labels are asked again because theirs is gone" in page
    told = stage.client(stage.ada)().get(f"/api/v1/projects/rte/relabel-plans/{plan.pk}").json()
    assert [(row["value"], row["targets"]) for row in told["labels"]][2:] == [("rude", []), ("odd", [])]
    form = {"choice": "touched", "reason": "Names.", "to.entailed.yes": "yes", "to.entailed.no": "no"}
    client.post(f"/p/rte/relabel/{plan.pk}/confirm/", {**form, "to.entailed.rude": "insult"})
    carry = Carry.objects.get(plan=plan)
    assert carry.mapping == {"entailed": {"rude": "insult"}}
    assert set(carry.exceptions) == {task for task, value in _held(stage).items() if value == "odd"}
