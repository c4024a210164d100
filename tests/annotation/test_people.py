"""What answers say about an annotator, what she sees of it, and a second look at them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import appraising, dossier, flagging, rechecking, reoverlapping
from annotation.models import AgreementReport, Annotation, ClauseReading, Resolution
from specs.models import Clause, Event
from specs.refusals import Invalid
from tests import cast
from workforce import leasing, queues, skills
from workforce.models import Assignment, Item, Judgement, KnownAnswer, Probe, Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage(overlap=3, max_overlap=5)


def _answered(stage: cast.Stage, *rows: tuple[str, str, str], cite: str = "") -> None:
    """One item per row, answered by Ben, Chi and Dov."""
    start = Item.objects.filter(project=stage.project).count()
    for place, given in enumerate(rows):
        stage.load(1, start=start + place)
        for who, value in zip((stage.ben, stage.chi, stage.dov), given, strict=True):
            stage.answer(who, value, cite=[cite] if cite else [])
        Task.objects.filter(state="open").update(
            overlap=3
        )  # settling may have asked for more; nobody is left here


def _judged(stage: cast.Stage, who: Any, number: int, *, right: bool, purpose: str = "gold") -> None:
    """What she answered to the item was a probe: gold, or a repeat."""
    answer = Annotation.objects.get(annotator=who, task__item__key=f"item-{number}")
    item = answer.task.item
    value = answer.values["entailed"]
    expected = value if right else "other"
    gold = purpose == "gold"
    known = None
    if gold:
        known = KnownAnswer.objects.create(
            project=stage.project,
            item=item,
            spec=stage.spec,
            question="entailed",
            value=expected,
            source="test",
            meaning=stage.version.meaning or 0,
        )
    shared = {"project": stage.project, "annotator": who, "queue": stage.queue, "purpose": purpose}
    probe = Probe.objects.create(
        **shared,
        task=answer.task,
        item=item,
        first=None if gold else Assignment.objects.order_by("pk").first(),
    )
    Judgement.objects.create(
        **shared,
        probe=probe,
        assignment=answer.assignment,
        version=stage.version,
        known=known,
        question="entailed",
        expected=expected,
        value=value,
        distance=0 if right else 1,
        right=right,
        event_id=0,
    )


def _flag(stage: cast.Stage, key: str, *, n_items: int = 40, verdict: str = "") -> None:
    report = AgreementReport.objects.create(
        project=stage.project,
        spec=stage.spec,
        meaning=stage.version.meaning or 0,
        question="entailed",
        numbers={"clauses": {key: {"verdict": verdict}}} if verdict else {},
        event_id=0,
    )
    for clause in Clause.objects.filter(spec=stage.spec):
        high = clause.key == key
        ClauseReading.objects.create(
            project=stage.project,
            report=report,
            clause=clause,
            n_items=n_items,
            n_answers=120,
            disagreement=0.4 if high else 0.05,
            low=0.3 if high else 0.02,
            high=0.5 if high else 0.09,
        )


def _rows(stage: cast.Stage, who: Any, **more: Any) -> list[appraising.Judged]:
    return appraising.answers(annotators=[who.pk], last=100, **more)


def test_agreement_leaves_ones_own_answer_out(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"), ("no", "yes", "yes"), ("yes", "no", "yes"))
    assert [one.agrees for one in _rows(stage, stage.ben)] == [True, False, None]
    assert [one.agrees for one in _rows(stage, stage.dov)] == [True, None, None]
    share = appraising.agreement(_rows(stage, stage.ben), minimum=1)
    assert (share.n, share.n_right, share.value) == (2, 1, 0.5)


def test_below_the_minimum_nothing_is_said(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"), ("no", "yes", "yes"))
    share = appraising.agreement(_rows(stage, stage.ben), minimum=3)
    assert (share.n, share.value, share.low) == (2, None, None)


def test_gold_counts_by_what_it_showed(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "no", "yes"), ("yes", "yes", "yes"), ("yes", "yes", "yes"))
    _judged(stage, stage.ben, 0, right=False)
    _judged(stage, stage.ben, 1, right=True)
    assert [one.right for one in _rows(stage, stage.ben)] == [False, True, None]
    assert [one.right for one in _rows(stage, stage.chi)] == [None, None, None]
    assert appraising.gold(_rows(stage, stage.ben), minimum=2).value == 0.5


def test_answers_under_flagged_clauses_are_set_aside(stage: cast.Stage) -> None:
    _answered(stage, ("no", "yes", "yes"), cite="knowledge")
    _answered(stage, ("yes", "yes", "yes"), cite="whole")
    before = appraising.agreement(_rows(stage, stage.ben), minimum=1)
    assert (before.value, before.n_set_aside) == (0.5, 0)
    _flag(stage, "knowledge")
    assert flagging.flagged_clauses(spec=stage.spec, meaning=1) == {Clause.objects.get(key="knowledge").pk}
    after = appraising.agreement(_rows(stage, stage.ben), minimum=1)
    assert (after.value, after.n, after.n_set_aside) == (1.0, 1, 1)
    by_clause = {one.key: one for one in dossier.figures(stage.ben).clauses}
    assert (by_clause["knowledge"].flagged, by_clause["whole"].flagged) == (True, False)


def test_a_clause_on_few_items_is_not_flagged(stage: cast.Stage) -> None:
    _flag(stage, "knowledge", n_items=29)
    assert flagging.flagged_clauses(spec=stage.spec, meaning=1) == set()


def test_the_model_of_clauses_decides_where_it_may_judge(stage: cast.Stage) -> None:
    clause = Clause.objects.get(key="knowledge").pk
    for verdict, n_items, flags in (
        ("annotator", 40, set()),
        ("clear", 40, set()),
        ("too_few", 40, {clause}),
        ("ambiguous", 20, {clause}),
    ):
        _flag(stage, "knowledge", n_items=n_items, verdict=verdict)
        assert flagging.flagged_clauses(spec=stage.spec, meaning=1) == flags, verdict


def test_a_repeat_counts_by_whether_she_said_the_same(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"), ("yes", "yes", "yes"))
    _judged(stage, stage.ben, 0, right=True, purpose="repeat")
    _judged(stage, stage.ben, 1, right=False, purpose="repeat")
    share = appraising.self_agreement(_rows(stage, stage.ben), minimum=1)
    assert (share.n, share.n_right) == (2, 1)
    assert appraising.self_agreement(_rows(stage, stage.ben), minimum=3).value is None


def test_the_figures_of_one_take_as_many_queries_for_ten_answers_as_for_two(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"), ("no", "yes", "yes"))

    def n_queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            dossier.figures(stage.ben)
            dossier.queues(stage.ben)
            dossier.standing(stage.ben)
        return len(caught)

    few = n_queries()
    _answered(stage, *[("yes", "yes", "yes")] * 8)
    assert n_queries() == few


def test_she_sees_what_the_manager_sees_and_takes_it_with_her(stage: cast.Stage) -> None:
    _answered(stage, *[("yes", "yes", "yes")] * 10, ("no", "yes", "yes"))
    _judged(stage, stage.ben, 0, right=True)
    skill = skills.create(project=stage.project, key="law", name="Law", by=stage.ada)
    skills.grant(annotator=stage.ben, skill=skill, by=stage.ada)
    hers, managers = Client(), Client()
    hers.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    managers.force_login(stage.ada.user)  # type: ignore[arg-type]
    own = hers.get("/p/rte/mine/record/")
    theirs = managers.get(f"/p/rte/roster/{stage.ben.pseudonym}/")
    assert own.context["figures"].agreement == theirs.context["figures"].agreement
    for page in (own, theirs):
        text = page.content.decode()
        assert "0.91" in text
        assert "Law" in text
        assert "too few to say" in text  # one known answer is too few
    assert hers.get(f"/p/rte/roster/{stage.ben.pseudonym}/").status_code == 403

    reply = hers.get("/p/rte/mine/record/file/")
    told = json.loads(b"".join(reply))
    assert (told["pseudonym"], told["skills"][0]["skill"]) == (stage.ben.pseudonym, "law")
    figure = told["figures"]["agreement"]
    assert (figure["n"], figure["n_right"]) == (11, 10)
    assert [row["values"] for row in told["answers"]][:2] == [{"entailed": "no"}, {"entailed": "yes"}]
    assert len(told["answers"]) == 11
    assert stage.chi.pseudonym not in json.dumps(told)
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.member('ben'))}"})
    assert api.get("/api/v1/projects/rte/me/record").json()["figures"]["agreement"]["n"] == 11


def test_a_second_look_wants_one_blind_answer_per_task_and_drops_nothing(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"))
    stage.load(1, start=1)
    stage.answer(stage.ben, "yes")
    long_ago = leasing.database_now() - timedelta(days=1)
    seen = rechecking.preview(annotator=stage.ben, since=long_ago)
    assert (len(seen.open), len(seen.resolved), seen.n_left) == (1, 1, 0)
    answers, label = Annotation.objects.count(), Resolution.objects.current().get()
    done = rechecking.recheck(annotator=stage.ben, since=long_ago, reason="Hurried.", by=stage.ada)
    assert (len(done.tasks), done.n_reopened) == (2, 1)
    settled, begun = Task.objects.order_by("pk")
    assert (settled.state, settled.overlap, settled.settled_at) == ("open", 4, None)
    assert (begun.state, begun.overlap) == ("open", 4)
    assert (Annotation.objects.count(), Resolution.objects.current().get()) == (answers, label)
    assert Event.objects.filter(kind="answers.rechecked").count() == 1
    # nobody who answered is given it; somebody else is, and her answer settles it anew
    for who in (stage.ben, stage.chi, stage.dov):
        served = leasing.claim(queue_id=stage.queue.pk, annotator=who, by=None)
        assert served is None or served.task_id == begun.pk
    again = rechecking.preview(annotator=stage.ben, since=long_ago)
    assert (again.n_wanted, again.n_again) == (0, 2)
    with pytest.raises(Invalid, match="nothing to look at"):
        rechecking.recheck(annotator=stage.ben, since=long_ago, reason="Hurried.", by=stage.ada)


def test_a_second_look_at_a_task_whose_overlap_was_lowered_makes_a_slot_of_its_own(stage: cast.Stage) -> None:
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    queues.change_settings(queue=stage.queue, overlap=2, by=stage.ada)
    reoverlapping.change(queue=stage.queue, by=stage.ada)
    since = leasing.database_now() - timedelta(days=1)
    rechecking.recheck(annotator=stage.ben, since=since, reason="Hurried.", by=stage.ada)
    slots = Assignment.objects.order_by("number").values_list("number", "state")
    assert list(slots) == [(1, "submitted"), (2, "submitted"), (3, "withdrawn"), (4, "open")]


def test_what_a_lead_has_or_decided_is_left_as_it_is(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"))
    Task.objects.update(overlap=3)
    task = Task.objects.get()
    task.state = "open"
    task.save(update_fields=["state"])
    task.state = "disputed"
    task.save(update_fields=["state"])
    seen = rechecking.preview(annotator=stage.ben, since=appraising.LONG_AGO)
    assert (seen.n_wanted, seen.n_left) == (0, 1)
    assert Assignment.objects.filter(task=task).count() == 3


def test_the_page_previews_and_the_post_asks(stage: cast.Stage) -> None:
    _answered(stage, ("yes", "yes", "yes"))
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    address = f"/p/rte/roster/{stage.ben.pseudonym}/recheck/"
    assert client.get(address).context["preview"].n_wanted == 1
    assert client.get(f"{address}?since=2100-01-01").context["preview"].n_wanted == 0
    assert client.get(f"{address}?since=2100-99-99").status_code == 200
    assert client.post(address, {"reason": " "}).status_code == 422
    assert client.post(address, {"reason": "Hurried."}).status_code == 302
    assert Task.objects.get().overlap == 4
