"""Clause issues: opened by what speaks against a clause, one at a time, parked while rare, followed till they come back."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotation import aftermath, carrying, gathering, investigating, measuring, relabelling
from annotation.models import ClauseIssue, Dispute, IssueState
from specs import task_types
from specs.models import Clause
from specs.refusals import WrongState
from tests import cast
from tests.cast import user_of
from workforce import queues

pytestmark = pytest.mark.django_db


def _blamed(n: int) -> tuple[cast.Stage, Clause]:
    """So many rulings that blame the clause on common knowledge."""
    stage = cast.stage(overlap=2, max_overlap=2)
    _blame(stage, n, 0)
    return stage, stage.spec.clauses.get(key="knowledge")


def _blame(stage: cast.Stage, n: int, start: int) -> None:
    stage.load(n, start=start)
    for _ in range(n):
        stage.answer(stage.ben, "yes")
        stage.answer(stage.chi, "no")
    for dispute in Dispute.objects.filter(state="open").order_by("pk"):
        cast.ruled(stage, dispute)


def test_rulings_that_blame_a_clause_open_one_issue_on_it_with_their_disputes_as_cases() -> None:
    stage, clause = _blamed(2)
    assert investigating.watch(project=stage.project) == []
    _blame(stage, 1, 2)
    (issue,) = investigating.watch(project=stage.project)
    assert (issue.clause, issue.opened_for, issue.state, issue.owner) == (
        clause,
        "rulings",
        "open",
        stage.ada,
    )
    assert {case.why for case in issue.cases.all()} == {"ruled"}
    assert issue.cases.count() == 3
    assert issue.due_at is not None
    _blame(stage, 1, 3)
    assert investigating.watch(project=stage.project) == []
    assert issue.cases.count() == 4  # evidence gathers itself


def test_a_clause_that_is_blamed_again_has_an_issue_that_follows_the_last_one() -> None:
    stage, clause = _blamed(3)
    (first,) = investigating.watch(project=stage.project)
    investigating.close(issue=first, version=None, reason="People err.", by=stage.ada)
    assert investigating.watch(project=stage.project) == []  # nothing new
    _blame(stage, 3, 3)
    (second,) = investigating.watch(project=stage.project)
    assert second.follows == first
    assert not set(second.cases.values_list("task", flat=True)) & set(
        first.cases.values_list("task", flat=True)
    )
    seen = investigating.incidents(spec=stage.spec)[clause.pk]
    assert seen.n == 2
    assert seen.days_between is not None


def test_a_rare_clause_waits_parked_for_cases_enough(settings: object) -> None:
    stage, clause = _blamed(1)
    settings.ISSUE_RULINGS = 1  # type: ignore[attr-defined]
    (issue,) = investigating.watch(project=stage.project)
    assert issue.state == IssueState.PARKED
    with pytest.raises(WrongState):
        investigating.open_issue(clause=clause, evidence=None, by=stage.ada)
    _blame(stage, 2, 1)
    investigating.watch(project=stage.project)
    issue.refresh_from_db()
    assert issue.state == IssueState.OPEN
    investigating.park(issue=issue, parked=True, by=stage.ada)
    due = timezone.now()
    investigating.hand_over(issue=issue, owner=stage.member("ben"), due_at=due, by=stage.ada)
    issue.refresh_from_db()
    assert (issue.state, issue.owner, issue.due_at) == ("parked", stage.member("ben"), due)
    investigating.close(issue=issue, version=None, reason="Rare.", by=stage.ada)
    with pytest.raises(WrongState):
        investigating.park(issue=issue, parked=False, by=stage.ada)


def test_what_is_flagged_opens_an_issue_once_it_is_measured_anew() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.project.gate_disagreement = 0.05
    stage.project.save()
    stage.load(40)
    for k in range(40):
        stage.answer(stage.ben, "yes", cite=["knowledge"])
        stage.answer(stage.chi, "no" if k % 2 else "yes", cite=["knowledge"])
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    gathering.gather(report=report)
    (issue,) = investigating.watch(project=stage.project)
    assert issue.clause.key == "knowledge"
    assert issue.cases.filter(control=True).count() == 2
    assert "confused" in set(issue.cases.values_list("why", flat=True))
    investigating.close(issue=issue, version=None, reason="Known.", by=stage.ada)
    assert investigating.watch(project=stage.project) == []


def test_issues_by_pages(client: Client) -> None:
    stage, _clause = _blamed(3)
    investigating.watch(project=stage.project)
    issue = ClauseIssue.objects.get()
    client.force_login(user_of(stage.ada))
    where = f"/p/rte/specs/rte/issues/{issue.pk}/"
    form = {"owner": stage.member("ben").pk, "due": "2020-01-31"}
    assert client.post(f"{where}hand-over/", form).status_code == 302
    assert "overdue" in client.get("/p/rte/specs/rte/issues/").content.decode()
    assert client.post(f"{where}park/", {"then": "park"}).status_code == 302
    assert "Parked" in client.get(where).content.decode()
    assert client.post(f"{where}gather/").status_code == 302
    issue.refresh_from_db()
    assert issue.state == IssueState.OPEN  # it has cases enough


def test_the_effect_of_a_version_is_told_on_fresh_items_with_what_flipped_and_came_back(
    client: Client,
) -> None:
    stage, _clause = _blamed(12)
    (issue,) = investigating.watch(project=stage.project)
    version = cast.amend(stage)
    investigating.close(issue=issue, version=version, reason="", by=stage.ada)
    plan = relabelling.propose(queue=stage.queue, to_version=version, by=stage.ada)
    assert plan.n_direct == 12
    relabelling.confirm(plan=plan, tolerated=None, reason="None left.", by=stage.ada)
    plan.refresh_from_db()
    assert plan.relabel_queue is not None
    queues.change_settings(queue=plan.relabel_queue, by=stage.ada, entry="none", **cast.QUIET)
    for served in stage.claims(stage.dov, plan.relabel_queue):
        stage.submit(stage.dov, served, {"entailed": "no"})  # as Ada ruled
    carrying.advance_all()
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    stage.load(12, start=50)
    for _ in range(12):
        stage.answer(stage.ben, "yes", cite=["knowledge"])
        stage.answer(stage.chi, "yes", cite=["knowledge"])
    effect = aftermath.of(version)
    assert effect is not None
    (row,) = effect.clauses
    assert (row.before.apart, row.after.apart, row.before.n_items, row.after.n_items) == (1.0, 0.0, 12, 12)
    assert row.works
    assert (row.before.disputes_per_1000, row.after.disputes_per_1000) == (1000.0, 0.0)
    assert (row.n_again, row.n_flipped, row.came_back) == (12, 0, [])
    _blame(stage, 3, 80)
    (back,) = investigating.watch(project=stage.project)
    again = aftermath.of(version)
    assert again is not None
    assert again.clauses[0].came_back == [back]
    assert [one.number for one, _side in aftermath.curve(version)] == ["1.0.0", "2.0.0"]
    client.force_login(user_of(stage.ada))
    shown = client.get("/p/rte/specs/rte/effect/").text
    assert "Pairs that differ, version by version, with 95 % interval" in shown
    assert "/effect/curve.svg" in shown
    for kind, opens in (("svg", "<svg"), ("csv", "time"), ("json", "{")):
        told = client.get(f"/p/rte/specs/rte/effect/curve.{kind}")
        assert opens in told.text[:400]
    assert client.get("/p/rte/specs/rte/effect/curve.exe").status_code == 404
    clock = aftermath.clock(version)
    assert {name: n for name, (_seconds, n) in clock.items()} == {
        "ruling": 15,
        "publication": 1,
        "relabelled": 1,
        "export": 0,
    }
    client.force_login(user_of(stage.ada))
    page = client.get("/p/rte/specs/rte/effect/").content.decode()
    assert "100.0" in page
    assert f"#{back.pk}" in page
    told = stage.client(stage.ada)().get("/api/v1/projects/rte/specs/rte/versions/2.0.0/effect").json()
    assert told["clauses"][0]["change"][2] < 0
    assert told["whole"]["clause"] is None


def test_what_has_a_distance_of_its_own_is_as_far_apart_as_its_kind_says() -> None:
    marked = {
        "key": "names",
        "kind": "spans",
        "title": "Which names?",
        "labels": [{"value": "a", "title": "A"}],
    }
    stage = cast.stage(
        questions=({**marked, "settings": {"measure": "characters"}},), overlap=2, max_overlap=2
    )
    stage.load(12)
    one = {"start": 0, "end": 6, "label": "a", "text": ""}
    other = {"start": 0, "end": 4, "label": "a", "text": ""}
    for who, spans in ((stage.ben, [one]), (stage.chi, [other])):
        for _ in range(12):
            served = stage.claim(who)
            text = served.payload["text"]
            given = [{**span, "text": text[: span["end"]]} for span in spans]
            stage.submit(who, served, {"names": given})
    ((_version, side),) = aftermath.curve(stage.version)
    question = stage.version.questions[0]
    apart = task_types.get("spans").distance(question, [one], [other])
    assert 0 < apart < 1
    assert side.n_items == 12
    assert side.apart == pytest.approx(apart)
    assert side.error == pytest.approx(0.0, abs=1e-6)
