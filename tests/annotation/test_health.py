"""Clause health: verdicts with what they rest on, kept once; pages, figures and files of it; issues with their cases."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import appraising, gathering, health, investigating, measuring, piloting, verdicts
from annotation.agreement.ambiguity import Clause
from annotation.models import (
    AgreementReport,
    ClauseEvidence,
    ClauseIssue,
    ClauseReading,
    ClauseVerdict,
    Dispute,
    ReportEvidence,
)
from specs import drafting
from specs.models import Event, Role
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import cohorts, leasing, queues, staffing

PAGES = "/p/rte/specs/rte/"


def answered(n: int = 12, *, cite: bool = False, **settings: Any) -> cast.Stage:
    """*n* tasks answered by three people; Dov differs on a third of them, citing common knowledge where anybody cites."""
    stage = cast.stage(overlap=3, max_overlap=3, citing="always" if cite else "never", **settings)
    stage.load(n)
    chance = random.Random(3)
    for number in range(n):
        truth = chance.choice(["yes", "no"])
        for who in (stage.ben, stage.chi, stage.dov):
            differs = who == stage.dov and number % 3 == 0
            value = {"yes": "no", "no": "yes"}[truth] if differs else truth
            clause = "knowledge" if number % 3 == 0 else "whole" if truth == "yes" else "numbers"
            stage.answer(who, value, cite=[clause] if cite else [])
    return stage


def gathered(stage: cast.Stage) -> ReportEvidence:
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    return gathering.gather(report=report)


def signed_in(stage: cast.Stage, *roles: str) -> Client:
    client = Client()
    if roles:
        name = "-".join(roles)
        member = staffing.add_member(
            project=stage.project, user=cast.user(name), roles=list(roles), by=stage.ada
        )
        client.force_login(member.user)  # type: ignore[arg-type]
    else:
        client.force_login(stage.ada.user)  # type: ignore[arg-type]
    return client


@pytest.mark.django_db
def test_with_three_annotators_200_binary_items_and_no_citation_the_first_clause_to_look_at_is_named() -> (
    None
):
    """No verdict is possible: too few annotators, and nobody cites. What the clauses govern still points at one of them."""
    stage = answered(200)
    evidence = gathered(stage)
    first, second, third = evidence.clauses.order_by("place").select_related("clause")
    assert {one.verdict for one in (first, second, third)} == {"too_few"}
    assert first.clause.key == "knowledge"
    assert first.numbers["why"] == [{"kind": "governs", "share": 1.0, "n": 67, "titles": ["Yes", "No"]}]
    assert (second.numbers["why"], third.numbers["why"]) == ([], [])
    page = signed_in(stage).get(f"{PAGES}health/").content.decode()
    assert "no verdict: the first clause is the one to look at first" in page
    assert page.index("Common knowledge") < page.index("The whole") < page.index("Numbers")
    assert "governs 100" in page
    assert len(first.items) == gathering.ITEMS_KEPT


@pytest.mark.django_db
def test_evidence_is_kept_once_with_its_event_and_read_without_the_answers() -> None:
    stage = answered(cite=True)
    evidence = gathered(stage)
    report = AgreementReport.objects.get()
    assert gathering.gather(report=report) == evidence
    assert gathering.waiting() == []
    assert Event.objects.filter(kind="evidence.gathered").count() == 1
    knowledge = evidence.clauses.get(clause__key="knowledge")
    assert (knowledge.numbers["n_items"], knowledge.numbers["n_answers"]) == (4, 12)
    assert knowledge.numbers["confusions"][0]["titles"] == ["Yes", "No"]
    assert len(knowledge.items) == 4
    with CaptureQueriesContext(connection) as seen:
        health.of(report)
    assert not [one for one in seen.captured_queries if "annotation_annotation" in one["sql"]]


@pytest.mark.django_db
def test_a_new_report_waits_for_its_evidence_and_the_page_says_so() -> None:
    stage = answered(3)
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    assert gathering.waiting() == [report]
    assert "is being gathered" in signed_in(stage).get(f"{PAGES}health/").content.decode()
    assert gathering.gather_waiting() == 1
    assert gathering.gather_waiting() == 0


@pytest.mark.django_db
def test_names_are_for_those_who_may_see_people_and_never_on_an_open_dispute() -> None:
    stage = answered(cite=True)
    gathered(stage)
    dov = stage.dov.pseudonym
    address = f"{PAGES}health/knowledge/"
    lead, editor = signed_in(stage), signed_in(stage, Role.EDITOR)
    assert dov not in editor.get(address).content.decode()
    disputed = Dispute.objects.filter(project=stage.project)
    assert disputed.count() == 4
    assert dov not in lead.get(address).content.decode(), "who may rule on them must not know"
    cast.ruled(stage, disputed.order_by("pk")[0])
    assert dov in lead.get(address).content.decode()
    assert signed_in(stage, Role.READER).get(address).status_code == 403


FIGURES = ("clauses", "agreement", "confusion", "overlap")


@pytest.mark.django_db
def test_every_figure_is_drawn_with_its_table_and_can_be_taken_away() -> None:
    stage = answered(cite=True)
    gathered(stage)
    reader = signed_in(stage, Role.READER)
    page = reader.get(f"{PAGES}health/").content.decode()
    for name in FIGURES:
        assert f'aria-labelledby="f-{name}-title f-{name}-desc"' in page
        svg, csv, found = (reader.get(f"{PAGES}charts/{name}.{kind}") for kind in ("svg", "csv", "json"))
        assert svg["Content-Type"].startswith("image/svg+xml")
        text = svg.content.decode()
        assert "prefers-color-scheme: dark" in text
        assert "var(" not in text
        rows = json.loads(found.content)["rows"]
        assert rows
        assert len(csv.content.decode().splitlines()) == len(rows) + 1
    assert reader.get(f"{PAGES}charts/clauses.exe").status_code == 404
    assert reader.get(f"{PAGES}charts/none.svg").status_code == 404
    assert reader.get(f"{PAGES}people/pairs.svg").status_code == 403
    assert stage.ben.pseudonym in signed_in(stage).get(f"{PAGES}people/pairs.csv").content.decode()


@pytest.mark.django_db
def test_an_issue_has_its_cases_and_controls_and_ends_by_a_version_or_a_reason() -> None:
    stage = answered(cite=True)
    evidence = gathered(stage)
    lead = signed_in(stage)
    reply = lead.post(f"{PAGES}health/knowledge/issue/")
    issue = ClauseIssue.objects.get()
    assert reply["Location"] == f"{PAGES}issues/{issue.pk}/"
    assert issue.cases.filter(control=False).count() == 4
    kept = evidence.clauses.get(clause__key="knowledge")
    assert issue.opened_for == kept.verdict
    page = lead.get(reply["Location"]).content.decode()
    assert page.count("<article") == issue.cases.count()
    lead.post(f"{PAGES}health/knowledge/issue/")
    assert ClauseIssue.objects.count() == 1
    with pytest.raises(WrongState):
        investigating.open_issue(clause=kept.clause, evidence=kept, by=stage.ada)
    assert lead.post(f"{reply['Location']}close/").status_code == 422
    other = cast.amend(stage)
    lead.post(f"{reply['Location']}close/", {"version": other.pk})
    issue.refresh_from_db()
    assert (issue.state, issue.closed_by_version_id) == ("closed", other.pk)
    with pytest.raises(WrongState):
        investigating.close(issue=issue, version=None, reason="Again.", by=stage.ada)
    assert list(
        Event.objects.filter(subject="clause-issue").order_by("pk").values_list("kind", flat=True)
    ) == ["clause-issue.opened", "clause-issue.closed"]


@pytest.mark.django_db
def test_evidence_about_another_clause_opens_nothing() -> None:
    stage = answered(cite=True)
    evidence = gathered(stage)
    clause = stage.spec.clauses.get(key="whole")
    with pytest.raises(Invalid, match="another clause"):
        investigating.open_issue(
            clause=clause, evidence=evidence.clauses.get(clause__key="knowledge"), by=stage.ada
        )


@pytest.mark.django_db
def test_a_pilot_takes_the_cases_of_open_issues() -> None:
    stage = answered(cite=True)
    evidence = gathered(stage)
    kept = evidence.clauses.get(clause__key="knowledge")
    issue = investigating.open_issue(clause=kept.clause, evidence=kept, by=stage.ada)
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    pilot = piloting.start(
        draft=draft,
        sample="cases",
        n_items=50,
        overlap=2,
        annotators=[stage.ben, stage.chi],
        owner=stage.ada,
        by=stage.ada,
    )
    assert pilot.n_items == issue.cases.count()


@pytest.mark.django_db
def test_what_a_rewording_did_is_said_with_its_interval() -> None:
    stage = answered(cite=True)
    gathered(stage)
    cast.amend(stage)
    (report,) = measuring.measure(spec=stage.spec, by=stage.ada)
    clause = stage.spec.clauses.get(key="knowledge")
    course = health.effects(spec=stage.spec, question=report.question, clauses=[clause.pk])
    assert [one.version.number for one in course[clause.pk]] == ["1.0.0"]
    before, after = (
        ClauseReading(disagreement=value, low=low, high=high)
        for value, low, high in ((0.30, 0.20, 0.40), (0.10, 0.05, 0.15))
    )
    change = health.difference(before, after)
    assert change is not None
    assert change == pytest.approx((-0.2, -0.2 - 0.1118, -0.2 + 0.1118), abs=1e-4)
    assert health.difference(before, ClauseReading(disagreement=0.1)) is None


LIMITS = verdicts.Limits(disagreement=0.3, items=30, overlap=0.33, rare=0.01)


def judged(verdict: Any, **changed: Any) -> Clause:
    return Clause(
        0, 40, 120, 6, verdict=verdict, **{"disagreement": 0.1, "low": 0.05, "high": 0.15, **changed}
    )


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        (judged("ambiguous"), {}, "ambiguous"),
        (judged("slight"), {}, "ambiguous"),
        (judged("annotator"), {}, "annotator"),
        (judged("clear"), {}, "clear"),
        (judged("clear", low=0.31), {}, "ambiguous"),
        (judged("ambiguous"), {"n_rulings": 4, "n_plural": 2}, "plural"),
        (judged("ambiguous"), {"n_rulings": 2, "n_plural": 2}, "ambiguous"),
        (judged("clear"), {"beside": (1, 0.4, 12)}, "overlapping"),
        (judged("clear"), {"beside": (1, 0.4, 9)}, "clear"),
        (judged("too_few"), {}, "too_few"),
        (Clause(0, 3, 9, 3), {"n_items_of_spec": 1000}, "rarely_used"),
        (Clause(0, 3, 9, 3), {"n_items_of_spec": 100}, "too_few"),
    ],
)
def test_a_verdict_is_one_word(found: Clause, known: dict[str, Any], expected: str) -> None:
    known = {"n_items_of_spec": 400, **known}
    assert verdicts.decide(found, verdicts.Known(**known), LIMITS) == expected


def test_a_spec_that_is_bad_throughout_is_called_so() -> None:
    bad = [judged("clear", low=0.4), judged("clear", low=0.35), judged("clear")]
    assert verdicts.bad_throughout(bad, LIMITS) == {"above": 2, "of": 3, "limit": 0.3}
    assert verdicts.bad_throughout(bad[1:], LIMITS) == {"above": 1, "of": 2, "limit": 0.3}
    assert verdicts.bad_throughout([judged("clear"), judged("clear")], LIMITS) is None


@pytest.mark.django_db
def test_what_a_verdict_names_is_held_by_the_database() -> None:
    stage = answered(3, cite=True)
    evidence = gathered(stage)
    row = evidence.clauses.get(place=1)
    rows = ClauseEvidence.objects

    def another(**changed: Any) -> None:
        values = {"place": 9, "verdict": ClauseVerdict.CLEAR, "numbers": {}, **changed}
        clause = stage.spec.clauses.get(key="extra")
        with transaction.atomic():
            rows.create(project=stage.project, evidence=evidence, **{"clause": clause, **values})

    drafting.add_clause(
        draft=drafting.open_draft(spec=stage.spec, by=stage.ada),
        key="extra",
        title="Extra",
        blocks=[{"type": "definition", "text": "More."}],
        by=stage.ada,
    )
    for changed, rule in (
        ({"clause": row.clause}, "clause_evidence_once"),
        ({"place": 1}, "clause_evidence_place_once"),
        ({"verdict": "bad"}, "clause_evidence_verdict_known"),
        ({"verdict": "overlapping"}, "overlap_names_the_other_clause"),
        ({"verdict": "annotator"}, "annotators_verdict_names_somebody"),
    ):
        with pytest.raises(IntegrityError, match=rule):
            another(**changed)
    with pytest.raises(IntegrityError, match="evidence_once_per_report"), transaction.atomic():
        ReportEvidence.objects.create(project=stage.project, report=evidence.report, numbers={}, event_id=1)
    assert re.fullmatch(r"\w+", row.verdict)


@pytest.mark.django_db
def test_health_and_issues_by_rest() -> None:
    stage = answered(cite=True)
    gathered(stage)
    client = stage.client(stage.ada)()
    root = "/api/v1/projects/rte/specs/rte"
    (question,) = client.get(f"{root}/clause-health").json()["questions"]
    assert question["gathered"]
    assert {one["key"] for one in question["clauses"]} == {"whole", "knowledge", "numbers"}
    assert stage.dov.pseudonym not in json.dumps(question)
    issue = client.post(
        f"{root}/clause-issues", {"clause": "knowledge"}, content_type="application/json"
    ).json()
    assert [one["control"] for one in issue["cases"]].count(False) == 4
    where = f"{root}/clause-issues/{issue['id']}"
    again = client.post(f"{root}/clause-issues", {"clause": "knowledge"}, content_type="application/json")
    assert again.status_code == 409
    assert client.post(f"{where}/close", {}, content_type="application/json").status_code == 422
    closed = client.post(f"{where}/close", {"reason": "Not so."}, content_type="application/json").json()
    assert (closed["state"], client.get(where).json()["closing_reason"]) == ("closed", "Not so.")
    assert [one["id"] for one in client.get(f"{root}/clause-issues").json()["issues"]] == [issue["id"]]


@pytest.mark.django_db
def test_somebodys_page_has_what_she_takes_for_what_and_her_drift_to_take_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = cast.stage()
    now = leasing.database_now()
    rows = [
        appraising.Judged(
            stage.ben.pk, k, k, stage.queue.pk, stage.spec.pk, 1, stage.version.pk, now, "entailed", k % 4 > 0,
            k < 60, None, (), False, 5.0, said="yes" if k % 4 else "no", most="yes",
        )
        for k in range(100)
    ]  # fmt: skip
    monkeypatch.setattr(appraising, "answers", lambda **_: rows)
    lead, ben = signed_in(stage), Client()
    ben.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    page = lead.get(f"/p/rte/roster/{stage.ben.pseudonym}/").content.decode()
    assert re.search(r"<td>No</td><td>Yes</td><td class=\"n\">25</td><td class=\"n\">100\s%</td>", page)
    assert "Who differs is not wrong by that" in page
    for client, where in ((lead, f"/p/rte/roster/{stage.ben.pseudonym}"), (ben, "/p/rte/mine/record")):
        assert f'href="{where}/charts/drift.svg"' in client.get(f"{where}/").content.decode()
        drift = client.get(f"{where}/charts/drift.json").json()["rows"]
        assert [drift[0]["answer"], len(drift)] == [41, 60]
        assert sum(row["alarm"] for row in drift) > 1
        errors = client.get(f"{where}/charts/errors.csv").content.decode().splitlines()
        assert errors[1].startswith("1,50,50,0,0.0,")
        assert errors[2].startswith("51,100,50,40,0.8,")
        assert client.get(f"{where}/charts/none.svg").status_code == 404
    assert ben.get(f"/p/rte/roster/{stage.chi.pseudonym}/charts/drift.svg").status_code == 403


@pytest.mark.django_db
def test_what_happened_meanwhile_is_marked_in_agreement_over_time() -> None:
    stage = answered(cite=True)
    gathered(stage)
    queues.change_settings(queue=stage.queue, by=stage.ada, max_overlap=4)
    queues.change_settings(queue=stage.queue, by=stage.ada, name="Another name")
    cohorts.create(project=stage.project, key="night", name="Night", by=stage.ada)
    cast.amend(stage)
    gathered(stage)
    rows = signed_in(stage).get(f"{PAGES}charts/agreement.json").json()["rows"]
    marked = sorted(row["what it is"] for row in rows if row["value"] is None)
    assert marked == ["1.0.0", "2.0.0", "cohort", "rule"]
    assert [row["what it is"] for row in rows if row["value"] is not None] == ["meaning 1", "meaning 1"]
