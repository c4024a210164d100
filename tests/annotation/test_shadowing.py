"""Gold for leads: a known dispute comes as a new one, to one lead, is ruled on like any other, and counts nowhere."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.test import Client

from annotation import adjudicating, choosing, deferring, nominating, shadowing
from annotation.models import Dispute, Precedent, Resolution, Ruling
from specs.models import Member
from specs.refusals import WrongState
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import leasing, staffing
from workforce.models import Annotator, Judgement, KnownAnswer, Queue, Task

pytestmark = pytest.mark.django_db


class Sure(random.Random):
    """A chance that always draws gold."""

    def random(self) -> float:
        return 0.0


def _lead(stage: cast.Stage, name: str) -> tuple[Member, Annotator]:
    member = staffing.add_member(project=stage.project, user=cast.user(name), roles=["lead"], by=stage.ada)
    return member, staffing.annotator_for(member=member)


def _rule(dispute: Dispute, lead: tuple[Member, Annotator], value: str = "yes", **more: Any) -> Ruling:
    member, annotator = lead
    assert dispute.work is not None
    staffing.enrol(queue=dispute.work.queue, annotator=annotator, by=member)
    served = adjudicating.take(dispute=dispute, annotator=annotator, by=member)
    return adjudicating.rule(
        dispute=dispute,
        annotator=annotator,
        assignment_id=served.assignment_id,
        token=served.token,
        values={"entailed": value},
        cause="annotator-erred",
        by=member,
        **more,
    )


def _disputed(n: int) -> cast.Stage:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(n)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        for _ in range(n):
            stage.answer(who, value)
    Queue.objects.filter(purpose="adjudication").update(gold_share="0", gold_first=0)
    return stage


def test_a_ruling_becomes_gold_at_once_or_as_a_candidate() -> None:
    stage = _disputed(2)
    ada = (stage.ada, staffing.annotator_for(member=stage.ada))
    first, second = Dispute.objects.order_by("pk")
    _rule(first, ada, reason="It is said.", clause_key="whole", gold=True)
    known = KnownAnswer.objects.get()
    assert (known.state, known.source, known.disputed, known.explanation) == (
        "in-use",
        "ruling",
        True,
        "It is said.",
    )
    assert known.clauses == [stage.spec.clauses.get(key="whole").pk]
    _rule(second, ada)
    assert nominating.from_rulings(spec=stage.spec, by=stage.ada) == 1
    assert KnownAnswer.objects.filter(state="candidate").count() == 1


def _shadow(stage: cast.Stage, lead: tuple[Member, Annotator]) -> Dispute:
    """A known dispute put before the lead."""
    queue = Queue.objects.get(purpose="adjudication")
    Queue.objects.filter(pk=queue.pk).update(gold_share="0.5")
    staffing.enrol(queue=queue, annotator=lead[1], by=stage.ada)
    queue.refresh_from_db()
    found = shadowing.draw(annotator=lead[1], queue=queue, by=lead[0], chance=Sure(3))
    assert found is not None
    return found


def test_a_known_dispute_comes_to_one_lead_and_her_ruling_is_judged() -> None:
    stage = _disputed(1)
    ada = (stage.ada, staffing.annotator_for(member=stage.ada))
    _rule(Dispute.objects.get(), ada, gold=True)
    before = (Resolution.objects.count(), Task.objects.filter(purpose="work").count())
    fay, gus = _lead(stage, "fay"), _lead(stage, "gus")
    dispute = _shadow(stage, fay)
    old = Dispute.objects.get(state="decided")
    assert (dispute.task, dispute.questions, dispute.disagreement) == (
        old.task,
        old.questions,
        old.disagreement,
    )
    assert choosing.open_of(member=fay[0], project=stage.project, asked=choosing.Asked(), limit=10) == [
        dispute
    ]
    assert choosing.open_of(member=gus[0], project=stage.project, asked=choosing.Asked(), limit=10) == []
    with pytest.raises(WrongState):
        adjudicating.take(dispute=dispute, annotator=gus[1], by=gus[0])
    _rule(dispute, fay, "no", clause_key="whole", reason="So.", precedent=True, gold=True)
    judgement = Judgement.objects.get()
    assert (judgement.annotator, judgement.right, judgement.expected) == (fay[1], False, "yes")
    dispute.refresh_from_db()
    assert dispute.state == "probed"
    assert (Resolution.objects.count(), Task.objects.filter(purpose="work").count()) == before
    assert not Precedent.objects.exists()
    assert KnownAnswer.objects.count() == 1
    with pytest.raises((WrongState, leasing.LeaseLost)):
        _rule(dispute, fay)
    queue = Queue.objects.get(purpose="adjudication")
    assert shadowing.draw(annotator=fay[1], queue=queue, by=fay[0], chance=Sure(4)) is None


@pytest.mark.parametrize("more", [True, False])
def test_one_that_is_passed_on_is_put_away_unjudged_and_looks_like_any_other(more: bool) -> None:
    stage = _disputed(1)
    _rule(Dispute.objects.get(), (stage.ada, staffing.annotator_for(member=stage.ada)), gold=True)
    fay, gus = _lead(stage, "fay"), _lead(stage, "gus")
    dispute = _shadow(stage, fay)
    before = Task.objects.count()
    served = adjudicating.take(dispute=dispute, annotator=fay[1], by=fay[0])
    terms: dict[str, Any] = {"dispute": dispute, "annotator": fay[1], "by": fay[0], "token": served.token}
    terms["assignment_id"] = served.assignment_id
    if more:
        deferring.ask_more(n=2, **terms)
    else:
        deferring.escalate(person=gus[1], reason="Hard.", **terms)
    dispute.refresh_from_db()
    assert (dispute.state, Judgement.objects.exists(), Task.objects.count()) == ("probed", False, before)
    assert choosing.take_next(member=gus[0], project=stage.project, asked=choosing.Asked()) is None


def test_who_answered_or_ruled_never_gets_it() -> None:
    stage = _disputed(1)
    ada = (stage.ada, staffing.annotator_for(member=stage.ada))
    _rule(Dispute.objects.get(), ada, gold=True)
    queue = Queue.objects.get(purpose="adjudication")
    Queue.objects.filter(pk=queue.pk).update(gold_share="0.5")
    queue.refresh_from_db()
    for annotator in (ada[1], stage.ben):
        staffing.enrol(queue=queue, annotator=annotator, by=stage.ada)
        assert shadowing.draw(annotator=annotator, queue=queue, by=stage.ada, chance=Sure(5)) is None


def test_pages_and_routes_show_it_to_her_as_open_and_to_nobody_else() -> None:
    stage = _disputed(1)
    ada = (stage.ada, staffing.annotator_for(member=stage.ada))
    _rule(Dispute.objects.get(), ada, gold=True)
    fay, gus = _lead(stage, "fay"), _lead(stage, "gus")
    dispute = _shadow(stage, fay)
    seen = {}
    for name, (member, _) in (("fay", fay), ("gus", gus)):
        page, api = Client(), Client(headers={"authorization": f"Bearer {stage.token(member)}"})
        assert member.user is not None
        page.force_login(member.user)
        listed = api.get("/api/v1/projects/rte/disputes", {"state": "open"}).json()["disputes"]
        seen[name] = (
            page.get(f"/p/rte/disputes/{dispute.pk}/").status_code,
            api.get(f"/api/v1/projects/rte/disputes/{dispute.pk}").status_code,
            [(one["id"], one["state"]) for one in listed],
            "item-0" in page.get("/p/rte/disputes/").text,
        )
    assert seen["fay"] == (200, 200, [(dispute.pk, "open")], True)
    assert seen["gus"] == (404, 404, [], False)


def test_an_imported_answer_to_a_disputed_item_serves_leads_too() -> None:
    stage = _disputed(1)
    ada = (stage.ada, staffing.annotator_for(member=stage.ada))
    _rule(Dispute.objects.get(), ada)
    bring_in(stage, {"key": "item-0", "value": "yes"})
    assert (shadowing.mark_disputed(), shadowing.mark_disputed()) == (1, 0)
