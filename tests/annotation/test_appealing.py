"""Appeals: another lead decides, blind to the first; one per decision and person, within their time."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from annotation import (
    adjudicating,
    appealing,
    comparing_leads,
    investigating,
    reviewing,
    reworking,
)
from annotation.models import (
    AnswerAppeal,
    Dispute,
    Precedent,
    Resolution,
    Review,
    ReviewDecision,
    Ruling,
)
from specs.models import Member, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from tests.invariants import checking, rebuilding
from workforce import goldkeeping, judging, review_stages, staffing
from workforce.models import Judgement, KnownAnswer, Task

pytestmark = pytest.mark.django_db


def _sound(stage: cast.Stage) -> None:
    assert checking.violations() == []
    assert rebuilding.differences(stage.project.pk) == []


def _lead(stage: cast.Stage, name: str = "gil") -> Member:
    return staffing.add_member(project=stage.project, user=cast.user(name), roles=[Role.LEAD], by=stage.ada)


def _ruled(**changed: Any) -> tuple[cast.Stage, Ruling]:
    """Ben said yes, Chi no; Ada ruled no."""
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    return stage, cast.ruled(stage, Dispute.objects.get(), **changed)


def _appeal(stage: cast.Stage, ruling: Ruling, who: str = "ben") -> AnswerAppeal:
    return appealing.against_ruling(
        ruling=ruling, annotator=stage.annotators[who], reason="It follows.", by=stage.member(who)
    )


def _second(stage: cast.Stage, lead: Member, value: str) -> Ruling:
    dispute = Dispute.objects.select_related("work__queue", "task").get()
    annotator = staffing.annotator_for(member=lead)
    assert dispute.work is not None
    staffing.enrol(queue=dispute.work.queue, annotator=annotator, by=lead)
    served = adjudicating.take(dispute=dispute, annotator=annotator, by=lead)
    return adjudicating.rule(
        dispute=dispute,
        annotator=annotator,
        assignment_id=served.assignment_id,
        token=served.token,
        values={"entailed": value},
        cause="annotator-erred",
        reason="It says so.",
        by=lead,
    )


@pytest.mark.parametrize(("value", "outcome"), [("yes", "reversed"), ("no", "upheld")])
def test_another_lead_decides_an_appeal_and_the_label_stays_until_then(value: str, outcome: str) -> None:
    stage, ruling = _ruled(precedent=True)
    lead = _lead(stage)
    _appeal(stage, ruling)
    task = Task.objects.get(queue=stage.queue)
    assert (Dispute.objects.get().state, task.state, Resolution.objects.get().value) == (
        "open",
        "resolved",
        "no",
    )
    _sound(stage)
    with pytest.raises(NotAllowed, match="You have ruled"):
        adjudicating.take(
            dispute=Dispute.objects.get(), annotator=staffing.annotator_for(member=stage.ada), by=stage.ada
        )
    _second(stage, lead, value)
    appeal = AnswerAppeal.objects.get()
    assert (appeal.outcome, appeal.decided_by, appeal.decided_reason) == (outcome, lead, "It says so.")
    assert Dispute.objects.get().state == "decided"
    assert Resolution.objects.current().get().value == value
    assert Precedent.objects.get().superseded_at is not None
    _sound(stage)


def test_the_second_ruling_may_end_the_task_the_other_way() -> None:
    stage, ruling = _ruled(values={}, cannot="broken", cause="item-unclear", clause_key="", reason="")
    lead = _lead(stage)
    _appeal(stage, ruling)
    assert Task.objects.get(queue=stage.queue).state == "unlabellable"
    _second(stage, lead, "yes")
    assert Task.objects.get(queue=stage.queue).state == "resolved"
    assert AnswerAppeal.objects.get().outcome == "reversed"
    _sound(stage)


def test_who_decides_sees_nothing_of_the_first_ruling() -> None:
    stage, ruling = _ruled(precedent=True)
    lead = _lead(stage)
    page = Client()
    page.force_login(lead.user)  # type: ignore[arg-type]
    where = f"/p/rte/disputes/{ruling.dispute_id}/"
    assert "It does not say whose." in page.get(where).content.decode()
    _appeal(stage, ruling)
    for shown in (where, "/p/rte/disputes/", "/p/rte/answer-appeals/"):
        told = page.get(shown).content.decode()
        assert "It does not say whose." not in told.replace("\n", " ")
        assert "It follows." not in told
    by_rest = stage.client(lead)().get(f"/api/v1/projects/rte/disputes/{ruling.dispute_id}").content.decode()
    assert "It does not say whose." not in by_rest


def test_one_appeal_for_each_ruling_and_person_and_a_second_person_joins() -> None:
    stage = cast.stage(overlap=3, max_overlap=3, consensus_share="0.9")
    stage.load(1)
    for who, value in (("ben", "yes"), ("chi", "yes"), ("dov", "no")):
        stage.answer(stage.annotators[who], value)
    ruling = cast.ruled(stage, Dispute.objects.get())
    lead = _lead(stage)
    _appeal(stage, ruling)
    with pytest.raises(WrongState, match="already"):
        _appeal(stage, ruling)
    _appeal(stage, ruling, "chi")
    with pytest.raises(Invalid, match="what you said"):
        _appeal(stage, ruling, "dov")
    _sound(stage)
    _second(stage, lead, "yes")
    assert set(AnswerAppeal.objects.values_list("outcome", flat=True)) == {"reversed"}
    with pytest.raises(WrongState):
        _appeal(stage, ruling)
    _sound(stage)


def test_an_appeal_has_its_time_its_reason_and_its_person(settings: Any) -> None:
    stage, ruling = _ruled()
    with pytest.raises(Invalid, match="why"):
        appealing.against_ruling(ruling=ruling, annotator=stage.ben, reason=" ", by=stage.member("ben"))
    with pytest.raises(NotAllowed, match="answered"):
        _appeal(stage, ruling, "dov")
    settings.APPEAL_DAYS = 0
    with pytest.raises(appealing.TooLate):
        _appeal(stage, ruling)
    settings.APPEAL_DAYS = 6
    _appeal(stage, ruling)


def test_in_a_team_with_one_lead_the_queues_owner_is_named() -> None:
    stage, ruling = _ruled()
    owner = staffing.add_member(
        project=stage.project, user=cast.user("olga"), roles=[Role.OWNER], by=stage.ada
    )
    assert _appeal(stage, ruling).fallback == owner
    lead = _lead(stage)
    assert appealing.fallback(queue=stage.queue, against=lead.pk, appellant=stage.member("ben")) is None
    assert appealing.fallback(queue=stage.queue, against=stage.ada.pk, appellant=stage.member("ben")) is None


def _marked(stage: cast.Stage) -> Judgement:
    """Ben answered a known answer otherwise than expected, and was told at once."""
    row = {"key": "known-1", "value": "yes", "text": "t", "clauses": "whole"}
    goldkeeping.bring_in(
        spec=stage.spec, source=io.BytesIO(json.dumps(row).encode()), name="gold", by=stage.ada
    )
    served = cast.mint(stage, stage.ben, "gold")
    assert served is not None
    stage.submit(stage.ben, served, {"entailed": "no"})
    return Judgement.objects.get()


@pytest.mark.parametrize("right", ["given", "both", "expected"])
def test_a_reversed_mark_is_taken_back_from_her_record(right: str) -> None:
    stage = cast.stage(gold_feedback="at-once")
    lead = _lead(stage)
    mark = _marked(stage)
    appeal = appealing.against_mark(
        judgement=mark, annotator=stage.ben, reason="It follows.", by=stage.member("ben")
    )
    letters = {"expected" if one.expected else "given": one.letter for one in appealing.candidates(appeal)}
    appealing.decide_mark(appeal=appeal, right=letters.get(right, right), reason="Read §1.", by=lead)
    appeal.refresh_from_db()
    share = judging.gold_accuracy(annotator=stage.ben)
    known = KnownAnswer.objects.get()
    if right == "expected":
        assert (appeal.outcome, share.right, known.state) == ("upheld", 0, "in-use")
    else:
        assert (appeal.outcome, share.right) == ("reversed", 1)
        assert known.state == ("in-use" if right == "both" else "set-aside")
    with pytest.raises(WrongState):
        appealing.decide_mark(appeal=appeal, right="both", reason="Again.", by=lead)


def test_a_mark_that_was_not_told_tells_nothing_by_an_appeal() -> None:
    stage = cast.stage(gold_feedback="silent")
    mark = _marked(stage)
    with pytest.raises(NotAllowed, match="no such mark"):
        appealing.against_mark(judgement=mark, annotator=stage.ben, reason="So.", by=stage.member("ben"))


def test_a_silent_mark_is_told_and_can_be_appealed_against_once_its_known_answer_is_set_aside(
    client: Client, settings: Any
) -> None:
    stage = cast.stage(gold_feedback="silent")
    mark = _marked(stage)
    client.force_login(cast.user_of(stage.member("ben")))
    assert "known answer" not in client.get("/p/rte/mine/").text
    goldkeeping.set_aside(known=KnownAnswer.objects.get(), reason="Seen by all.", by=stage.ada)
    mark.refresh_from_db()
    shown = client.get("/p/rte/mine/").text
    assert "It was a known answer, and is not used any more." in shown
    assert f"/mine/appeal/gold/{mark.pk}/" in shown
    client.post(f"/p/rte/mine/appeal/gold/{mark.pk}/", {"reason": "It does not follow."})
    assert AnswerAppeal.objects.get().judgement == mark
    assert f"/mine/appeal/gold/{mark.pk}/" not in client.get("/p/rte/mine/").text
    settings.APPEAL_DAYS = 0
    with pytest.raises(appealing.TooLate):
        appealing.against_mark(judgement=mark, annotator=stage.ben, reason="So.", by=stage.member("ben"))


def _returned(stage: cast.Stage) -> ReviewDecision:
    """Dov returned what Ben said."""
    where = review_stages.add(queue=stage.queue, terms=review_stages.Terms(), by=stage.ada)
    staffing.enrol(queue=where.review_queue, annotator=stage.dov, by=stage.ada)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    taken = reviewing.take(queue=where.review_queue, annotator=stage.dov, by=stage.member("dov"))
    assert taken is not None
    review, served = taken
    return reviewing.decide(
        review=review,
        annotator=stage.dov,
        assignment_id=served.assignment_id,
        token=served.token,
        decided=reviewing.Decided(
            "return", seen=reviewing.in_force(review).pk, reason="Whose?", clause="knowledge"
        ),
        by=stage.member("dov"),
    )


@pytest.mark.parametrize("stands", [True, False])
def test_an_appeal_against_a_return_waits_for_its_decision(stands: bool) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    decision = _returned(stage)
    appeal = appealing.against_return(
        decision=decision, annotator=stage.ben, reason="Everybody's.", by=stage.member("ben")
    )
    Review.objects.update(due_at=decision.decided_at - timedelta(days=1))
    assert reviewing.end_overdue() == 0
    with pytest.raises(NotAllowed):
        appealing.decide_return(appeal=appeal, stands=True, reason="So.", by=stage.member("dov"))
    appealing.decide_return(appeal=appeal, stands=stands, reason="§2 says so.", by=stage.ada)
    appeal.refresh_from_db()
    task = Task.objects.get(queue=stage.queue)
    if stands:
        assert (appeal.outcome, Review.objects.get().state, task.state) == (
            "reversed",
            "overturned",
            "resolved",
        )
        assert reworking.waiting_for(stage.ben) == []
    else:
        assert (appeal.outcome, Review.objects.get().state, task.state) == ("upheld", "returned", "open")
        assert reviewing.end_overdue() == 0
    _sound(stage)


def test_reversals_are_counted_by_clause_and_by_who_decided_first() -> None:
    stage, ruling = _ruled()
    lead = _lead(stage)
    _appeal(stage, ruling)
    _second(stage, lead, "yes")
    (by_clause,) = appealing.reversals(project_id=stage.project.pk, by="clause")
    (by_lead,) = appealing.reversals(project_id=stage.project.pk, by="against")
    assert (by_clause.who.key, by_clause.n, by_clause.n_reversed) == ("knowledge", 1, 1)
    assert (by_lead.who, by_lead.n, by_lead.n_reversed) == (stage.ada, 1, 1)
    found = {one.annotator.member: one for one in comparing_leads.read(project=stage.project).people}
    assert (found[stage.ada].n_appealed, found[stage.ada].n_reversed) == (1, 1)
    assert (found[lead].n_appealed, found[lead].n_reversed) == (0, 0)
    page = Client()
    page.force_login(cast.user_of(stage.ada))
    assert "1 of 1 appeal reversed" in page.get("/p/rte/specs/rte/clauses/knowledge/").text
    issue = investigating.open_issue(
        clause=stage.spec.clauses.get(key="knowledge"), evidence=None, by=stage.ada
    )
    assert "1 of 1 appeal reversed" in page.get(f"/p/rte/specs/rte/issues/{issue.pk}/").text
    assert "1 / 1" in page.get("/p/rte/disputes/leads/").text


def test_the_database_has_another_decide() -> None:
    stage, ruling = _ruled()
    _appeal(stage, ruling)
    change = "UPDATE annotation_answerappeal SET outcome = 'upheld', decided_at = now(), decided_by_id = %s, second_id = %s"
    for who in (stage.ada, stage.member("ben")):
        with (
            pytest.raises(DatabaseError, match="decides"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change, [who.pk, ruling.pk])


def test_appeals_by_page_and_by_rest() -> None:
    stage, ruling = _ruled()
    ben = Client()
    ben.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    mine = ben.get("/p/rte/mine/").content.decode()
    where = f"/p/rte/mine/appeal/ruling/{ruling.pk}/"
    assert where in mine
    chi = Client()
    chi.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    assert where not in chi.get("/p/rte/mine/").content.decode()
    ben.post(where, {"reason": "It follows, <b>surely</b>."})
    shown = ben.get("/p/rte/mine/").content.decode()
    assert "Waits for another lead" in shown
    assert "&lt;b&gt;surely" in shown
    assert where not in shown
    (listed,) = stage.client(stage.member("ben"))().get("/api/v1/projects/rte/me/appeals").json()["appeals"]
    assert (listed["kind"], listed["outcome"], listed["clause"]) == ("ruling", "open", "knowledge")


def test_a_mark_is_decided_by_its_page() -> None:
    stage = cast.stage(gold_feedback="at-once")
    lead = _lead(stage)
    mark = _marked(stage)
    stage.client(stage.member("ben"))().post(
        "/api/v1/projects/rte/me/appeals",
        json.dumps({"against": "gold", "decision": mark.pk, "reason": "It follows."}),
        content_type="application/json",
    )
    appeal = AnswerAppeal.objects.get()
    page = Client()
    page.force_login(lead.user)  # type: ignore[arg-type]
    where = f"/p/rte/answer-appeals/{appeal.pk}/"
    assert where in page.get("/p/rte/answer-appeals/").content.decode()
    shown = page.get(where).content.decode()
    assert "expected" not in shown
    assert "It follows." not in shown
    assert page.post(f"{where}decide/", {"right": "A", "reason": ""}).status_code == 422
    page.post(f"{where}decide/", {"right": "both", "reason": "Either."})
    appeal.refresh_from_db()
    assert appeal.outcome == "reversed"
    assert page.get(where).status_code == 404
