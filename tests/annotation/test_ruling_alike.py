"""One ruling for disputes that look the same: seen before, each on its own record, and nothing of what others hold."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation import ruling_alike
from annotation.models import Dispute, Resolution, Ruling
from specs.models import Event, Role
from specs.refusals import Invalid, NotAllowed
from tests import cast
from workforce import staffing
from workforce.models import Queue

pytestmark = pytest.mark.django_db


def _alike(n: int, *, other: bool = False) -> cast.Stage:
    stage = cast.stage(overlap=2, max_overlap=2)
    Queue.objects.filter(purpose="adjudication").update(gold_share="0", gold_first=0)
    stage.load(n + other)
    for place in range(n + other):
        cited = ["numbers"] if place == n else ["whole"]
        stage.answer(stage.ben, "yes", cite=cited)
        stage.answer(stage.chi, "no", cite=cited)
    return stage


def _first() -> Dispute:
    return Dispute.objects.order_by("pk")[0]


def test_each_gets_a_ruling_a_resolution_and_an_event_of_its_own() -> None:
    stage = _alike(4, other=True)
    ruling = cast.ruled(stage, _first())
    rows = ruling_alike.alike(dispute=_first(), member=stage.ada, project=stage.project)
    assert [one.task.item.key for one in rows] == ["item-1", "item-2", "item-3"]
    done = ruling_alike.rule(ruling=ruling, disputes=[one.pk for one in rows[:2]], member=stage.ada)
    assert [one.ruling is not None for one in done] == [True, True]
    made = Ruling.objects.filter(along_with=ruling)
    assert {(one.values["entailed"], one.cause, one.reason) for one in made} == {
        ("no", ruling.cause, ruling.reason)
    }
    assert Event.objects.filter(kind="dispute.decided").count() == Resolution.objects.count() == 3
    assert Dispute.objects.filter(state="open").count() == 2


def test_what_somebody_else_holds_stays_his() -> None:
    stage = _alike(3)
    fay = staffing.add_member(project=stage.project, user=cast.user("fay"), roles=[Role.LEAD], by=stage.ada)
    held = Dispute.objects.select_related("work__queue").order_by("pk")[1]
    annotator = staffing.annotator_for(member=fay)
    assert held.work is not None
    staffing.enrol(queue=held.work.queue, annotator=annotator, by=fay)
    from annotation import adjudicating

    adjudicating.take(dispute=held, annotator=annotator, by=fay)
    ruling = cast.ruled(stage, _first())
    others = list(Dispute.objects.filter(state="open").values_list("pk", flat=True))
    done = ruling_alike.rule(ruling=ruling, disputes=others, member=stage.ada)
    assert {one.dispute.pk for one in done if one.refusal} == {held.pk}


def test_another_leads_ruling_and_what_looks_otherwise_are_refused() -> None:
    stage = _alike(2, other=True)
    fay = staffing.add_member(project=stage.project, user=cast.user("fay"), roles=[Role.LEAD], by=stage.ada)
    ruling = cast.ruled(stage, _first())
    alike, otherwise = Dispute.objects.filter(state="open").order_by("pk")
    with pytest.raises(NotAllowed):
        ruling_alike.rule(ruling=ruling, disputes=[alike.pk], member=fay)
    with pytest.raises(Invalid):
        ruling_alike.rule(ruling=ruling, disputes=[alike.pk, otherwise.pk], member=stage.ada)
    assert Ruling.objects.count() == 1


def test_by_pages_and_by_rest() -> None:
    stage = _alike(4)
    cast.ruled(stage, _first())
    page, api = Client(), stage.client(stage.ada)()
    assert stage.ada.user is not None
    page.force_login(stage.ada.user)
    where = f"disputes/{_first().pk}/alike"
    assert "item-1" in page.get(f"/p/rte/{where}/").text
    there = [one["id"] for one in api.get(f"/api/v1/projects/rte/{where}").json()["disputes"]]
    assert len(there) == 3
    told = api.post(f"/api/v1/projects/rte/{where}", {"disputes": there[:1]}, "application/json").json()
    assert [(one["dispute"], one["refusal"]) for one in told["done"]] == [(there[0], "")]
    assert "2" in page.post(f"/p/rte/{where}/", {"dispute": there[1:]}, follow=True).text
    assert not Dispute.objects.filter(state="open").exists()
