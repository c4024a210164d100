"""How many answers a task wants: by each policy at loading, and changed for tasks under way."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from specs.refusals import Invalid
from tests import cast
from workforce import expecting, leasing, loading, overlapping, queues
from workforce.models import Assignment, ClauseOverlap, OverlapPlan, Queue, Task

pytestmark = pytest.mark.django_db


def _slots(queue: Queue, *states: str) -> Counter[int]:
    """Tasks by their number of slots in these states."""
    found = Counter(
        Assignment.objects.filter(
            queue=queue, state__in=states or ("open", "leased", "submitted")
        ).values_list("task_id", flat=True)
    )
    return Counter(found.values())


def _settings(queue: Queue, by: Any, **settings: Any) -> Queue:
    return queues.change_settings(queue=queue, by=by, **settings)


def _change(queue: Queue, limit: int = 1000) -> overlapping.Change:
    with transaction.atomic():
        return overlapping.change(queue=Queue.objects.get(pk=queue.pk), limit=limit)


def test_a_share_of_tasks_drawn_at_random_gets_two_answers() -> None:
    stage = cast.stage(overlap=1, max_overlap=3, overlap_policy="doubles", double_share="0.3")
    stage.load(300)
    tasks = Counter(Task.objects.values_list("overlap_basis", "overlap", "planned"))
    assert set(tasks) == {("single", 1, 1), ("double", 2, 2)}
    assert 60 <= tasks["double", 2, 2] <= 120
    assert _slots(stage.queue) == {1: tasks["single", 1, 1], 2: tasks["double", 2, 2]}


def test_the_draw_is_the_same_in_one_file_and_in_two() -> None:
    one = cast.stage(overlap=1, max_overlap=2, overlap_policy="doubles", double_share="0.5")
    one.load(40)
    drawn = list(Task.objects.order_by("item__key").values_list("overlap", flat=True))
    one.load(40)  # known already
    assert list(Task.objects.order_by("item__key").values_list("overlap", flat=True)) == drawn
    assert 0 < drawn.count(2) < 40


def test_a_dynamic_queue_starts_with_three_answers_and_with_two_once_enough_is_known() -> None:
    stage = cast.stage(overlap=2, max_overlap=5, overlap_policy="dynamic", fair_share="0.25")
    stage.load(4)
    assert {*Task.objects.values_list("planned", flat=True)} == {3}
    _plan(stage, overlapping.DYNAMIC_FORMULA, 2)
    stage.load(200, start=10)
    tasks = Counter(Task.objects.filter(item__key__gte="item-10").values_list("overlap_basis", "planned"))
    assert {key for key in tasks if tasks[key] > 5} == {("dynamic", 2), ("fair", 3)}
    assert 25 <= tasks["fair", 3] <= 80


def _plan(stage: cast.Stage, formula: str, wanted: int, **clauses: int) -> OverlapPlan:
    plan = OverlapPlan.objects.create(
        project=stage.project,
        queue=stage.queue,
        version=stage.version,
        formula=formula,
        wanted=wanted,
        expected=0.1,
        event_id=0,
    )
    for key, number in clauses.items():
        ClauseOverlap.objects.create(
            project=stage.project,
            plan=plan,
            clause=stage.spec.clauses.get(key=key),
            wanted=number,
            expected=0.1,
            n_items=10,
            age_days=1,
        )
    return plan


def test_tasks_want_what_the_clauses_of_their_item_make_necessary_within_the_queues_bounds() -> None:
    stage = cast.stage(overlap=2, max_overlap=5, overlap_policy="expected")
    rows = [
        {"key": f"i-{clause}", "text": "t", "clause_id": clause} for clause in ("whole", "numbers", "none")
    ]

    def load(prefix: str) -> dict[str, int]:
        text = "\n".join(json.dumps({**row, "key": prefix + row["key"]}) for row in rows)
        loading.load(
            project=stage.project,
            queue=stage.queue,
            source=io.BytesIO(text.encode()),
            name="i.jsonl",
            by=None,
        )
        found = Task.objects.filter(item__key__startswith=prefix).values_list("item__key", "overlap")
        return {key.removeprefix(f"{prefix}i-"): overlap for key, overlap in found}

    assert load("a") == {"whole": 5, "numbers": 5, "none": 5}  # nothing is known: everything is fresh
    _plan(stage, expecting.FORMULA, 3, whole=1, numbers=9)
    assert load("b") == {"whole": 2, "numbers": 5, "none": 3}
    assert {*Task.objects.values_list("overlap_basis", flat=True)} == {"expected"}


def test_raising_adds_slots_to_tasks_under_way_and_lowering_withdraws_open_ones() -> None:
    stage = cast.stage(overlap=2, max_overlap=5)
    stage.load(4)
    stage.answer(stage.ben, "yes")
    leased = stage.claim(stage.ben)
    _settings(stage.queue, stage.ada, overlap=3)
    assert _slots(stage.queue) == {2: 4}  # tasks under way keep theirs until somebody asks
    assert overlapping.preview(queue=_fresh(stage)).counts() == {
        "tasks": 4, "raised": 4, "lowered": 0, "slots_added": 4, "slots_withdrawn": 0, "complete": 0,
    }  # fmt: skip
    assert _change(stage.queue).counts()["slots_added"] == 4
    assert _slots(stage.queue) == {3: 4}
    assert _change(stage.queue).n_tasks == 0  # a second time changes nothing
    _settings(stage.queue, stage.ada, overlap=1, max_overlap=1)
    asked = overlapping.preview(queue=_fresh(stage)).counts()
    done = _change(stage.queue)
    assert done.counts() == asked
    assert done.counts() == {
        "tasks": 4, "raised": 0, "lowered": 4, "slots_added": 0, "slots_withdrawn": 8, "complete": 1,
    }  # fmt: skip
    # the answer and the lease are there as before
    assert Counter(Assignment.objects.filter(queue=stage.queue).values_list("state", flat=True)) == {
        "open": 2, "leased": 1, "submitted": 1, "withdrawn": 8,
    }  # fmt: skip
    assert stage.submit(stage.ben, leased, {"entailed": "yes"}).outcome == "counted"


def _fresh(stage: cast.Stage) -> Queue:
    return Queue.objects.get(pk=stage.queue.pk)


def test_lowering_honours_a_lease_even_where_the_answers_would_do() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    served = stage.claim(stage.chi)
    _settings(stage.queue, stage.ada, overlap=1, max_overlap=1)
    done = _change(stage.queue)
    assert (done.n_withdrawn, done.complete) == (1, [])
    assert Task.objects.get().overlap == 2
    # the lease comes back: its slot is work like any other, and the next answer ends the task
    leasing.release(assignment_id=served.assignment_id, annotator=stage.chi, token=served.token, by=None)
    stage.answer(stage.dov, "yes")
    assert Task.objects.get().state == "resolved"


def test_slots_can_be_added_again_after_some_were_withdrawn() -> None:
    stage = cast.stage(overlap=3, max_overlap=5)
    stage.load(2)
    for overlap in (1, 4, 2, 5):
        _settings(stage.queue, stage.ada, overlap=overlap, max_overlap=overlap)
        _change(stage.queue)
        assert _slots(stage.queue) == {overlap: 2}
        assert {*Task.objects.values_list("overlap", flat=True)} == {overlap}


def test_settled_tasks_are_left_alone() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    stage.answer(stage.ben, "yes")
    before = Task.objects.filter(state="resolved").values().get()
    _settings(stage.queue, stage.ada, overlap=2, max_overlap=3)
    assert _change(stage.queue).n_tasks == 1
    assert Task.objects.filter(state="resolved").values().get() == before


def test_a_change_goes_on_where_it_was_left() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(7)
    _settings(stage.queue, stage.ada, overlap=2, max_overlap=3)
    queue, last, sizes = _fresh(stage), None, []
    while True:
        with transaction.atomic():
            done = overlapping.change(queue=queue, after=last, limit=3)
        if done.last is None:
            break
        sizes.append(done.n_tasks)
        last = done.last
    assert sizes == [3, 3, 1]
    assert _slots(stage.queue) == {2: 7}


def test_a_queue_of_one_number_pays_nothing_at_loading() -> None:
    stage = cast.stage()
    with connection.execute_wrapper(_refuse):
        overlapping.plan(queue=stage.queue, after=0)


def _refuse(*args: Any) -> Any:
    raise AssertionError("a statement")


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"overlap": 3, "max_overlap": 2}, "max_overlap"),
        ({"overlap_policy": "doubles", "overlap": 2, "max_overlap": 3}, "overlap"),
        ({"overlap_policy": "doubles", "overlap": 1, "max_overlap": 1}, "max_overlap"),
        ({"overlap_policy": "expected", "overlap": 3, "max_overlap": 3}, "max_overlap"),
        ({"overlap_policy": "dynamic", "overlap": 1, "max_overlap": 5}, "overlap"),
        ({"overlap_policy": "dynamic", "overlap": 2, "max_overlap": 12}, "max_overlap"),
        ({"overlap_policy": "dynamic", "overlap": 2, "max_overlap": 2}, "max_overlap"),
        ({"audit_share": "0.8"}, "audit_share"),
        ({"stop_target": "1"}, "stop_target"),
        ({"error_cost": "-1", "overlap_policy": "dynamic"}, "error_cost"),
        ({"error_cost": "3"}, "error_cost"),
        ({"accuracy_target": "0.4"}, "accuracy_target"),
        ({"double_share": "0"}, "double_share"),
        ({"rule": "majority", "overlap": 2, "max_overlap": 2}, "rule"),
    ],
)
def test_settings_that_mean_nothing_are_refused_beside_the_setting(
    settings: dict[str, Any], where: str
) -> None:
    stage = cast.stage()
    with pytest.raises(Invalid) as refused:
        queues.change_settings(queue=stage.queue, by=stage.ada, **settings)
    assert where in [problem["where"] for problem in refused.value.problems]


def test_the_database_weighs_errors_in_dynamic_queues_only() -> None:
    stage = cast.stage()
    for cost in (3, -1):
        with pytest.raises(IntegrityError, match="queue_weighs_errors"), transaction.atomic():
            Queue.objects.filter(pk=stage.queue.pk).update(error_cost=cost)


def test_a_queue_without_a_question_of_one_value_cannot_be_dynamic() -> None:
    question = {**cast.QUESTION, "labels": [], "options_from": "options"}
    stage = cast.stage(questions=[question])
    with pytest.raises(Invalid, match="do not make sense") as refused:
        queues.change_settings(
            queue=stage.queue, by=stage.ada, overlap_policy="dynamic", overlap=2, max_overlap=5
        )
    assert refused.value.problems[0]["where"] == "overlap_policy"


def test_more_answers_on_a_fresh_wording_and_fewer_on_a_proven_one() -> None:
    def wanted(**known: Any) -> int:
        return expecting.wanted(expecting.disagreement(**known), target=0.95, minimum=1, maximum=7)

    fresh = wanted(seen=None, n_items=0, overall=0.04, age_days=0)
    old = wanted(seen=None, n_items=0, overall=0.04, age_days=90)
    proven = wanted(seen=0.01, n_items=400, overall=0.04, age_days=90)
    contested = wanted(seen=0.4, n_items=400, overall=0.04, age_days=90)
    assert (fresh, old, proven, contested) == (5, 1, 1, 7)
    # evidence under the wording itself outweighs that it is young
    assert wanted(seen=0.01, n_items=400, overall=0.04, age_days=1) == 1


@pytest.mark.parametrize("n", range(1, 9))
def test_the_chance_of_a_right_majority_is_the_binomial_one(n: int) -> None:
    from scipy.stats import binom

    right = sum(binom.pmf(k, n, 0.83) * (1 if 2 * k > n else 0.5 if 2 * k == n else 0) for k in range(n + 1))
    assert expecting.majority_right(n, 0.83) == pytest.approx(right)
