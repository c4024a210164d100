"""What a change touches: exactly what the definition says, nothing lost, nothing overwritten."""

from __future__ import annotations

import random

import pytest

from annotation import relabelling
from annotation.models import Annotation, Citation, RelabelTask, Resolution
from specs.refusals import Invalid, WrongState
from tests import cast
from tests.invariants import rebuilding
from workforce import queues
from workforce.models import Task

pytestmark = pytest.mark.django_db


def _worked(seed: int, n: int = 12) -> cast.Stage:
    """A queue of resolved tasks whose answers cite clauses by chance."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(n)
    draw = random.Random(seed)
    for _ in range(n):
        value = draw.choice(["yes", "no"])
        for who in (stage.ben, stage.chi):
            stage.answer(who, value, cite=[draw.choice(["whole", "knowledge", "numbers"])])
    return stage


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_affected_set_is_what_a_second_implementation_finds(seed: int) -> None:
    stage = _worked(seed)
    plan = relabelling.propose(queue=stage.queue, to_version=cast.amend(stage), by=stage.ada)
    direct = {
        citation.annotation.task_id
        for citation in Citation.objects.select_related("annotation", "clause")
        if citation.clause and citation.clause.key == "knowledge"
    }
    governed = {r.task_id for r in Resolution.objects.all() if r.value in ("yes", "no")}
    listed = set(RelabelTask.objects.filter(plan=plan).values_list("task_id", "reach"))
    assert listed == {(t, "direct") for t in direct} | {(t, "possible") for t in governed - direct}
    assert (plan.n_tasks, plan.n_direct, plan.changed) == (12, len(direct), ["knowledge"])


def test_carried_and_asked_again_are_all_and_nothing_is_overwritten() -> None:
    stage = _worked(1)
    before = list(Annotation.objects.order_by("pk").values_list("pk", "values"))
    version = cast.amend(stage)
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    carry = relabelling.confirm(plan=plan, include_possible=False, reason="Untouched.", by=stage.ada)
    assert carry.n_carried + len(carry.exceptions) == plan.n_tasks == 12
    again = Task.objects.filter(queue__purpose="relabelling")
    assert again.count() == len(carry.exceptions) == plan.n_direct
    assert set(again.values_list("meaning", flat=True)) == {2}
    assert list(Annotation.objects.order_by("pk").values_list("pk", "values")) == before
    served = stage.claim(stage.dov, again[0].queue)
    assert served.served_digest == version.digest
    assert rebuilding.differences(stage.project.pk) == []


def test_a_plan_is_made_once_confirmed_once_and_never_without_a_reason() -> None:
    stage = _worked(1, n=4)
    version = cast.amend(stage)
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    assert relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada) == plan
    with pytest.raises(Invalid):
        relabelling.confirm(plan=plan, include_possible=True, reason="  ", by=stage.ada)
    relabelling.confirm(plan=plan, include_possible=True, reason="All of it.", by=stage.ada)
    with pytest.raises(WrongState):
        relabelling.confirm(plan=plan, include_possible=True, reason="Again.", by=stage.ada)


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
