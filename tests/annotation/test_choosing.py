"""The order of disputes, what narrows it, and the next one: what a lead is given, and what never."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client

from annotation import adjudicating, choosing, flagging, prioritising
from annotation.models import Dispute
from specs.models import Clause, Role
from tests import cast
from workforce import leasing, loading, queues, staffing
from workforce.models import Assignment, Queue

pytestmark = pytest.mark.django_db
RULE_AND_TAKE, SHOW, RULE_AND_SHOW = 48, 20, 56


def _load(stage: cast.Stage, *worth: float) -> None:
    rows = "\n".join(
        json.dumps({"key": f"item-{place}", "text": f"text {place}", "seen": value})
        for place, value in enumerate(worth)
    )
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(rows.encode()),
        name="i.jsonl",
        by=stage.ada,
    )


def _disputed(*worth: float, cite: tuple[str, ...] = (), **settings: Any) -> cast.Stage:
    stage = cast.stage(overlap=3, max_overlap=3, **settings)
    lead = Queue.objects.get(purpose="adjudication")
    queues.change_settings(queue=lead, by=stage.ada, value_field="seen", gold_share=0, gold_first=0)
    _load(stage, *worth)
    for place in range(len(worth)):
        said = ("yes", "no", "no") if place % 2 else ("yes", "no", "yes")
        for who, value in zip((stage.ben, stage.chi, stage.dov), said, strict=True):
            stage.answer(who, value, cite=cite)
    return stage


def _keys(stage: cast.Stage, **asked: Any) -> list[str]:
    found = choosing.open_of(member=stage.ada, project=stage.project, asked=choosing.Asked(**asked), limit=50)
    return [dispute.task.item.key for dispute in found]


def test_the_worst_is_unsure_times_worth_then_flagged_then_old() -> None:
    stage = _disputed(1, 5, 1, 2, cite=("whole",))
    assert [round(one.place, 3) for one in Dispute.objects.order_by("pk")] == [-0.333, -1.667, -0.333, -0.667]
    assert _keys(stage) == ["item-1", "item-3", "item-0", "item-2"]
    assert _keys(stage, order="age") == ["item-0", "item-1", "item-2", "item-3"]
    Dispute.objects.filter(task__item__key="item-2").update(unflagged=False)
    assert _keys(stage) == ["item-1", "item-3", "item-2", "item-0"]


def test_the_list_goes_on_after_any_place_and_misses_none() -> None:
    stage = _disputed(1, 1, 7, 1, 2)
    for order in choosing.ORDERS:
        asked, seen, after = choosing.Asked(order=order), [], ""
        while page := choosing.open_of(
            member=stage.ada, project=stage.project, asked=asked, limit=2, after=after
        ):
            seen += [one.task.item.key for one in page]
            after = asked.mark(page[-1])
        assert seen == _keys(stage, order=order)
        assert len(seen) == 5


def test_it_is_narrowed_by_clause_pair_queue_and_likeness() -> None:
    stage = _disputed(1, 1, cite=("whole",))
    stage.load(1, start=7)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no"), (stage.dov, "no")):
        stage.answer(who, value, cite=["numbers"])
    whole = Clause.objects.get(key="whole")
    assert _keys(stage, clause=whole.pk) == ["item-0", "item-1"]
    assert _keys(stage, pair="entailed: no / yes") == ["item-0", "item-1", "item-7"]
    assert _keys(stage, pair="entailed: no / maybe") == []
    assert _keys(stage, queue=stage.queue.pk) == ["item-0", "item-1", "item-7"]
    first = Dispute.objects.order_by("pk")[0]
    assert _keys(stage, likeness=first.likeness) == ["item-0", "item-1"]
    assert choosing.pairs(project=stage.project, limit=5) == [("entailed: no / yes", 3)]


def test_flags_bring_disputes_forward_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = _disputed(1, 1, cite=("whole",))
    whole = Clause.objects.get(key="whole").pk
    meaning = Queue.objects.get(pk=stage.queue.pk).version.meaning  # type: ignore[union-attr]
    for flagged, moved in (({whole}, 2), ({whole}, 0), (set(), 2)):
        monkeypatch.setattr(flagging, "flagged", lambda specs, now=flagged: {(stage.spec.pk, meaning): now})
        assert prioritising.mark_flagged(project_id=stage.project.pk) == moved
        assert {one.flagged for one in Dispute.objects.all()} == {bool(flagged)}


def test_the_next_is_free_and_hers_to_decide() -> None:
    stage = _disputed(1, 5, 1)
    first = choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    second = choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    assert first
    assert second
    assert [one[0].task.item.key for one in (first, second)] == ["item-1", "item-0"]
    ben = stage.member("ben")
    staffing.set_roles(member=ben, roles=[Role.ANNOTATOR, Role.LEAD], by=stage.ada)
    assert choosing.take_next(member=ben, project=stage.project, asked=choosing.Asked()) is None


def test_a_lead_holds_ten_at_most() -> None:
    stage = _disputed(*[1] * 11)
    for _ in range(10):
        assert choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    with pytest.raises(leasing.TooManyLeases):
        choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    assert Assignment.objects.filter(state="leased").count() == 10


def test_a_queue_that_she_may_not_decide_in_is_passed_by() -> None:
    stage = _disputed(5, 1)
    other = cast.seniors(stage)
    queues.pause(queue=other, by=stage.ada)
    worst = Dispute.objects.order_by("place")[0]
    assert worst.work_id is not None
    moved = Dispute.objects.get(pk=worst.pk)
    from workforce import routing

    moved.work = routing.route(
        item_id=worst.task.item_id, queue=other, meaning=worst.task.meaning, overlap=1, by=stage.ada
    )
    moved.save(update_fields=["work"])
    found = choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    assert found
    assert found[0].task.item.key == "item-1"


def test_pages_and_routes_go_through_them_in_one_order() -> None:
    stage = _disputed(1, 5, 2)
    page, api = Client(), stage.client(stage.ada)()
    assert stage.ada.user is not None
    page.force_login(stage.ada.user)
    told = api.get("/api/v1/projects/rte/disputes/open", {"limit": 2}).json()
    assert [one["item"] for one in told["disputes"]] == ["item-1", "item-2"]
    rest = api.get("/api/v1/projects/rte/disputes/open", {"after": told["next_after"]}).json()
    assert [one["item"] for one in rest["disputes"]] == ["item-0"]
    shown = page.get("/p/rte/disputes/?order=age").text
    assert shown.index("item-0") < shown.index("item-1") < shown.index("item-2")
    answer = page.post("/p/rte/disputes/next/?order=age")
    assert answer.status_code == 302
    assert answer["Location"].endswith("?order=age")
    assert "item-0" in page.get(answer["Location"]).text
    taken = api.post("/api/v1/projects/rte/disputes/next").json()
    assert (taken["dispute"]["item"], bool(taken["lease"]["token"])) == ("item-1", True)
    form = {"assignment": taken["lease"]["assignment"], "token": taken["lease"]["token"], "q.entailed": "yes"}
    ruled = page.post(f"/p/rte/disputes/{taken['dispute']['id']}/rule/", {**form, "cause": "annotator-erred"})
    assert "item-2" in page.get(ruled["Location"]).text


def test_the_next_costs_as_many_queries_with_ten_disputes_as_with_two(
    django_assert_max_num_queries: Any,
) -> None:
    stage = _disputed(*[1] * 10)
    lead = staffing.annotator_for(member=stage.ada)
    staffing.enrol(queue=Queue.objects.get(purpose="adjudication"), annotator=lead, by=stage.ada)
    with django_assert_max_num_queries(20):
        found = choosing.take_next(member=stage.ada, project=stage.project, asked=choosing.Asked())
    assert found
    served = found[1]
    with django_assert_max_num_queries(60):
        adjudicating.rule(
            dispute=found[0],
            annotator=lead,
            assignment_id=served.assignment_id,
            token=served.token,
            values={"entailed": "yes"},
            cause="annotator-erred",
            by=stage.ada,
        )


def test_a_ruling_and_the_next_dispute_on_the_page_cost_a_fixed_number_of_queries(
    django_assert_max_num_queries: Any,
) -> None:
    stage = _disputed(*[1] * 8)
    page = Client()
    assert stage.ada.user is not None
    page.force_login(stage.ada.user)
    there = page.post("/p/rte/disputes/next/")["Location"]
    shown = page.get(there)
    lease = shown.context["lease"]
    form = {"assignment": lease.assignment_id, "token": lease.token, "q.entailed": "yes", "cause": "plural"}
    with django_assert_max_num_queries(RULE_AND_TAKE):
        answer = page.post(f"{there}rule/", form)
    with django_assert_max_num_queries(SHOW):
        assert page.get(answer["Location"]).context["lease"] is not None
    lease = page.get(answer["Location"]).context["lease"]
    form |= {"assignment": lease.assignment_id, "token": lease.token}
    there = answer["Location"]
    with django_assert_max_num_queries(RULE_AND_SHOW):
        swapped = page.post(f"{there}rule/", form, headers={"HX-Request": "true"})
    assert swapped.status_code == 200
    assert swapped["HX-Push-Url"] != there
    assert b"<html" not in swapped.content
