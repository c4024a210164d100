"""What a lead can decide besides one value: several that are right, several items, more answers, another pair of eyes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from annotation import adjudicated, adjudicating, choosing, deferring, exporting, reading_first, settling
from annotation.models import Annotation, Deferral, Dispute, FirstReading, Resolution, Ruling
from specs import ledger, store
from specs.models import Member, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import leasing, queues, staffing
from workforce.models import Annotator, Item, Queue, Task

pytestmark = pytest.mark.django_db

Lead = tuple[Member, Annotator]


def _stage(**settings: Any) -> cast.Stage:
    stage = cast.stage(overlap=3, max_overlap=3)
    queue = Queue.objects.get(purpose="adjudication")
    queues.change_settings(queue=queue, by=stage.ada, gold_share=0, gold_first=0, **settings)
    stage.load(1)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no"), (stage.dov, "yes")):
        stage.answer(who, value)
    return stage


def _lead(stage: cast.Stage, name: str = "") -> Lead:
    member = (
        staffing.add_member(project=stage.project, user=cast.user(name), roles=[Role.LEAD], by=stage.ada)
        if name
        else stage.ada
    )
    return member, staffing.annotator_for(member=member)


def _work(lead: Lead, dispute: Dispute) -> dict[str, Any]:
    """The terms of whoever has taken the dispute."""
    member, annotator = lead
    found = Dispute.objects.select_related("work__queue").get(pk=dispute.pk)
    assert found.work is not None
    staffing.enrol(queue=found.work.queue, annotator=annotator, by=member)
    served = adjudicating.take(dispute=found, annotator=annotator, by=member)
    return {
        "dispute": found,
        "annotator": annotator,
        "assignment_id": served.assignment_id,
        "token": served.token,
        "by": member,
    }


def _rule(lead: Lead, dispute: Dispute, **options: Any) -> Ruling:
    return adjudicating.rule(**_work(lead, dispute), **{"values": {}, "cause": "annotator-erred", **options})


BOTH = {"entailed": ["yes", "no"]}


def test_what_stays_plural_is_exported_as_a_soft_label() -> None:
    stage = _stage()
    ruling = _rule(_lead(stage), Dispute.objects.get(), plural=BOTH, cause="plural")
    assert ruling.sides == {"entailed": [{"value": "yes", "n": 2}, {"value": "no", "n": 1}]}
    (resolution,) = Resolution.objects.all()
    assert (resolution.basis, resolution.value, resolution.distribution) == (
        "plural",
        None,
        {"yes": 2, "no": 1},
    )
    assert all(adjudicated.agrees(ruling, answer) for answer in Annotation.objects.all())
    ledger.seal_all(project_id=stage.project.pk)
    snapshot = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    exporting.build(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    file = snapshot.files.get(name="labels.jsonl")
    with store.opened(file.digest) as source:
        label = json.loads(source.readline())["labels"]["entailed"]
    assert (label["basis"], label["value"]) == ("plural", None)
    assert label["soft_label"] == [
        {"value": "yes", "share": 0.666667},
        {"value": "no", "share": 0.333333},
    ]
    assert snapshot.manifest is not None
    assert snapshot.manifest["counts"]["plural"] == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"plural": {"entailed": ["yes"]}},
        {"plural": {"entailed": ["yes", "maybe"]}},
        {"plural": {"entailed": ["yes", ["no"]]}},
        {"plural": {"other": ["yes", "no"]}},
        {"plural": BOTH, "values": {"entailed": "yes"}},
        {"plural": BOTH, "cannot": "broken"},
        {"plural": BOTH, "cause": "annotator-erred"},
    ],
)
def test_what_is_kept_plural_are_answers_that_were_given_and_nothing_else(changed: dict[str, Any]) -> None:
    stage = _stage()
    with pytest.raises(Invalid):
        _rule(_lead(stage), Dispute.objects.get(), **{"cause": "plural", **changed})
    assert Dispute.objects.get().state == "open"


def test_an_item_is_split_into_items_of_their_own() -> None:
    from annotation.splitting import Split

    stage = _stage()
    ruling = _rule(
        _lead(stage), Dispute.objects.get(), split=Split("text", ["One.", "Two."]), cause="item-unclear"
    )
    made = list(Item.objects.filter(pk__in=ruling.split_into).order_by("key"))
    assert [(one.key, one.payload["text"]) for one in made] == [("item-0/1", "One."), ("item-0/2", "Two.")]
    tasks = Task.objects.filter(item__in=made)
    assert {(one.queue_id, one.state, one.overlap) for one in tasks} == {(stage.queue.pk, "open", 3)}
    assert Task.objects.get(item__key="item-0", queue=stage.queue).state == "unlabellable"
    assert Resolution.objects.get().cannot == "split"
    stage.answer(stage.ben, "yes")


@pytest.mark.parametrize(("field", "parts"), [("text", ["One."]), ("text", ["A", "A"]), ("else", ["A", "B"])])
def test_a_split_that_makes_no_items_is_refused(field: str, parts: list[str]) -> None:
    from annotation.splitting import Split

    stage = _stage()
    with pytest.raises(Invalid):
        _rule(_lead(stage), Dispute.objects.get(), split=Split(field, parts), cause="item-unclear")
    assert Split.typed("text", "One.\n---\r\nTwo.\n").parts == ["One.", "Two."]


def test_a_dispute_goes_back_for_more_answers_and_is_judged_anew() -> None:
    stage = _stage()
    dispute = Dispute.objects.get()
    for name in ("eli", "fay"):
        member = staffing.add_member(
            project=stage.project, user=cast.user(name), roles=["annotator"], by=stage.ada
        )
        stage.annotators[name] = staffing.annotator_for(member=member)
        staffing.enrol(queue=stage.queue, annotator=stage.annotators[name], by=stage.ada)
    lead = _lead(stage)
    deferring.ask_more(n=2, **_work(lead, dispute))
    task = Task.objects.get(pk=dispute.task_id)
    dispute.refresh_from_db()
    assert (task.state, task.overlap, dispute.state) == ("open", 5, "returned")
    for name in ("eli", "fay"):
        stage.answer(stage.annotators[name], "yes")
    assert Resolution.objects.get().value == "yes"  # 4 of 5, at a share of 0.8
    assert Deferral.objects.get().n_answers == 2


def test_a_dispute_is_passed_on_to_a_person_who_alone_can_take_it_for_now() -> None:
    stage = _stage()
    fay, gus, dispute = _lead(stage, "fay"), _lead(stage, "gus"), Dispute.objects.get()
    ada = _lead(stage)
    with pytest.raises(Invalid, match="why"):
        deferring.escalate(person=fay[1], reason=" ", **_work(ada, dispute))
    with pytest.raises(NotAllowed):
        deferring.escalate(person=stage.ben, reason="Hard.", **_work(ada, dispute))
    deferring.escalate(person=fay[1], reason="Hard.", **_work(ada, dispute))
    with pytest.raises(NotAllowed, match="passed"):
        _work(ada, dispute)
    with pytest.raises(WrongState):
        _work(gus, dispute)
    assert choosing.take_next(member=gus[0], project=stage.project, asked=choosing.Asked()) is None
    for member, seen in ((fay[0], True), (gus[0], False)):
        page = Client()
        assert member.user is not None
        page.force_login(member.user)
        assert ("passed on to you" in page.get("/p/rte/disputes/").text) is seen
    found = choosing.take_next(member=fay[0], project=stage.project, asked=choosing.Asked())
    assert found is not None
    assert found[0] == dispute
    assert _rule(fay, dispute, values={"entailed": "yes"}).annotator == fay[1]
    assert Dispute.objects.get().state == "decided"


def test_a_dispute_is_passed_on_to_another_queue() -> None:
    stage = _stage()
    dispute, ada, fay = Dispute.objects.get(), _lead(stage), _lead(stage, "fay")
    seniors = cast.seniors(stage)
    with pytest.raises(Invalid):
        deferring.escalate(queue=stage.queue, reason="Hard.", **_work(ada, dispute))
    deferring.escalate(queue=seniors, reason="Hard.", **_work(ada, dispute))
    terms = _work(fay, dispute)
    assert terms["dispute"].work.queue == seniors
    ruling = adjudicating.rule(**terms, values={"entailed": "no"}, cause="annotator-erred")
    assert Resolution.objects.get().ruling == ruling


def test_an_answer_that_comes_later_marks_the_ruling_stale() -> None:
    stage = _stage()
    ruling = _rule(_lead(stage), Dispute.objects.get(), values={"entailed": "yes"})
    assert adjudicating.stale(ruling) == 0
    answer = Annotation.objects.order_by("pk")[0]
    fields = {field.attname: getattr(answer, field.attname) for field in Annotation._meta.concrete_fields} | {
        "id": None,
        "revision": 2,
        "client_key": "again",
        "values": {"entailed": "no"},
    }
    del fields["recorded_at"]
    Annotation.objects.create(**fields)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(recorded_at) > %s FROM annotation_annotation", [ruling.ruled_at])
        later = cursor.fetchone()[0]
    assert adjudicating.stale(ruling) == int(later)


def test_an_independent_dispute_is_read_before_it_is_ruled_on() -> None:
    stage = _stage(independent_share=1)
    dispute, ada = Dispute.objects.get(), _lead(stage)
    assert dispute.independent
    terms = _work(ada, dispute)
    assert reading_first.hides(dispute, terms["assignment_id"])
    with pytest.raises(WrongState, match="first"):
        adjudicating.rule(**terms, values={"entailed": "yes"}, cause="annotator-erred")
    said = reading_first.read(**terms, values={"entailed": "no"})
    assert reading_first.read(**terms, values={"entailed": "yes"}) == said
    assert not reading_first.hides(dispute, terms["assignment_id"])
    ruling = adjudicating.rule(**terms, values={"entailed": "yes"}, cause="annotator-erred")
    assert (ruling.as_read, ruling.as_first) == (False, None)
    assert FirstReading.objects.get().values == {"entailed": "no"}


def test_the_database_refuses_a_ruling_without_a_first_reading() -> None:
    stage = _stage(independent_share=1)
    terms = _work(_lead(stage), Dispute.objects.get())
    with pytest.raises(IntegrityError, match="read before"), transaction.atomic():
        Ruling.objects.create(
            project=stage.project,
            dispute=terms["dispute"],
            assignment_id=terms["assignment_id"],
            annotator=terms["annotator"],
            by=stage.ada,
            version=stage.version,
            values={"entailed": "yes"},
            cause="annotator-erred",
            event_id=1,
        )


def test_a_second_lead_decides_blind_and_both_are_compared() -> None:
    from annotation import comparing_leads, seconding

    stage = _stage(second_share=1)
    dispute, ada, fay = Dispute.objects.get(), _lead(stage), _lead(stage, "fay")
    first = _rule(ada, dispute, values={"entailed": "yes"})
    again = Dispute.objects.get(state="second")
    assert (again.of, again.place, again.shown_state) == (dispute, dispute.place, "open")
    assert seconding.hides(dispute, fay[0])
    assert not seconding.hides(dispute, ada[0])
    assert choosing.open_of(member=ada[0], project=stage.project, asked=choosing.Asked(), limit=9) == []
    with pytest.raises(NotAllowed):
        _work(ada, again)
    found = choosing.take_next(member=fay[0], project=stage.project, asked=choosing.Asked())
    assert found is not None
    assert found[0] == again
    second = _rule(fay, again, values={"entailed": "no"}, precedent=False)
    again.refresh_from_db()
    assert (again.state, second.as_first) == ("seconded", False)
    assert Resolution.objects.get().ruling == first
    assert settling.counted(dispute.task_id)
    told = comparing_leads.read(project=stage.project)
    assert (told.between.right, told.between.n) == (0, 1)
    assert [(one.n_rulings, one.seconded.n) for one in told.people] == [(1, 1), (1, 1)]
    (beyond,) = told.beyond
    assert (beyond.title, beyond.alpha.n_items, beyond.alpha.value) == ("Does it follow?", 1, 0.0)
    assert len(comparing_leads.read(project=stage.project, only=fay[1]).people) == 1
    told_by_rest = stage.client(stage.ada)().get("/api/v1/projects/rte/disputes/leads").json()
    assert told_by_rest["beyond_chance"][0]["alpha"]["items"] == 1


def test_agreement_of_leads_beyond_chance_is_krippendorffs() -> None:
    from annotation import comparing_leads
    from annotation.agreement import krippendorff_adapter
    from annotation.agreement.counts import table

    said = [("a", "a")] * 40 + [("a", "b")] * 6 + [("b", "b")] * 20 + [("cannot x", "b")] * 4
    found = comparing_leads.alpha(said)
    rows = [(place, name, 1) for place, pair in enumerate(said) for name in pair]
    wanted = krippendorff_adapter.alpha(table(rows).counts, level="nominal").value
    assert found.value == pytest.approx(wanted)
    assert found.low is not None
    assert found.high is not None
    assert found.low < (found.value or 0) < found.high
    assert comparing_leads.alpha([("a", "a")]).value is None


def test_by_rest_each_way_is_open_and_hides_what_it_should() -> None:
    stage = _stage(independent_share=1)
    api, dispute = stage.client(stage.ada)(), Dispute.objects.get()
    where = f"/api/v1/projects/rte/disputes/{dispute.pk}"
    told = api.get(where).json()
    assert (told["hidden"], told["sides"]) == (True, {})
    lease = api.post(f"{where}/claim").json()
    terms = {"assignment": lease["assignment"], "token": lease["token"]}
    assert (
        api.post(f"{where}/first", {**terms, "values": {"entailed": "yes"}}, "application/json").status_code
        == 201
    )
    told = api.get(where).json()
    assert (told["hidden"], len(told["sides"]["entailed"])) == (False, 2)
    body = {**terms, "plural": BOTH, "cause": "plural"}
    assert api.post(f"{where}/rule", body, "application/json").status_code == 201
    leads = api.get("/api/v1/projects/rte/disputes/leads").json()
    assert (leads["between"]["n"], leads["leads"][0]["as_read"]["n"]) == (0, 1)


def test_by_rest_a_dispute_is_passed_on() -> None:
    stage = _stage()
    fay = _lead(stage, "fay")
    api, dispute = stage.client(stage.ada)(), Dispute.objects.get()
    where = f"/api/v1/projects/rte/disputes/{dispute.pk}"
    lease = api.post(f"{where}/claim").json()
    terms = {"assignment": lease["assignment"], "token": lease["token"]}
    refused = api.post(f"{where}/defer", {**terms, "queue": "main", "reason": "x"}, "application/json")
    assert refused.status_code == 422
    done = api.post(
        f"{where}/defer", {**terms, "person": fay[1].pseudonym, "reason": "Hard."}, "application/json"
    )
    assert (done.status_code, done.json()["person"]) == (201, fay[1].pseudonym)
    assert api.get(where).json()["deferrals"][0]["reason"] == "Hard."


def test_a_lease_that_is_lost_decides_nothing() -> None:
    stage = _stage()
    dispute, ada = Dispute.objects.get(), _lead(stage)
    terms = _work(ada, dispute)
    leasing.release(
        assignment_id=terms["assignment_id"], annotator=ada[1], token=terms["token"], by=stage.ada
    )
    with pytest.raises(leasing.LeaseLost):
        deferring.ask_more(n=1, **terms)
    with pytest.raises(leasing.LeaseLost):
        reading_first.read(**terms, values={"entailed": "yes"})
