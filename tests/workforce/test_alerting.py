"""Alerts: raised once, owned, taken on, logged, closed; what the watch sees."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import anchoring, appraising, drifting, falling, leaning, parting
from annotation.models import AgreementReport, ReportEvidence
from specs import delivering
from specs.models import Delivery, Job, JobState, Member, MemberState, Role
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import alerting, leasing, predicting, staffing, suggesting, watching
from workforce.models import Alert, AlertKind, AlertState, AlertStep, Enrolment, Queue, QueueGauge

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(db: None) -> cast.Stage:
    made = cast.stage()
    made.load(3)
    return made


def kinds(stage: cast.Stage) -> set[str]:
    return set(
        Alert.objects.filter(project=stage.project).exclude(state="closed").values_list("kind", flat=True)
    )


def make_old(stage: cast.Stage, span: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_task SET created_at = now() - %s::interval WHERE queue_id = %s",
            [span, stage.queue.pk],
        )
    QueueGauge.objects.all().delete()


def test_a_level_that_is_missed_is_raised_once_and_closed_when_it_is_met_again(stage: cast.Stage) -> None:
    assert watching.watch(project=stage.project) == (0, 0)
    make_old(stage, "9 days")
    assert watching.watch(project=stage.project) == (1, 0)
    assert watching.watch(project=stage.project) == (0, 0)
    alert = Alert.objects.get()
    assert (alert.kind, alert.urgent, alert.owner) == (AlertKind.LEVEL_MISSED, True, stage.ada)
    make_old(stage, "1 day")
    assert watching.watch(project=stage.project) == (0, 1)
    assert list(AlertStep.objects.order_by("pk").values_list("step", flat=True)) == ["raised", "closed"]
    make_old(stage, "9 days")
    assert watching.watch(project=stage.project) == (1, 0), "it is wrong again: another alert"


def test_nobody_enrolled_an_owner_who_left_and_a_failed_job_are_seen(stage: cast.Stage) -> None:
    Enrolment.objects.filter(queue=stage.queue).update(active=False)
    Job.objects.create(
        project=stage.project,
        kind="workforce.load_items",
        state=JobState.FAILED,
        finished_at=Now(),
        error="x",
    )
    Job.objects.create(
        project=stage.project, kind="annotation.measure", state=JobState.FAILED, finished_at=Now()
    )
    Job.objects.create(
        project=stage.project,
        kind="annotation.measure",
        state=JobState.FAILED,
        finished_at=leasing.database_now() - timedelta(days=9),
    )
    mia = staffing.add_member(
        project=stage.project, user=cast.user("mia"), roles=[Role.MANAGER], by=stage.ada
    )
    type(stage.queue).objects.filter(pk=stage.queue.pk).update(owner=mia)
    Member.objects.filter(pk=mia.pk).update(state=MemberState.LEFT)
    watching.watch(project=stage.project)
    assert kinds(stage) == {AlertKind.NOBODY, AlertKind.NO_OWNER, AlertKind.LOAD_FAILED, AlertKind.JOB_FAILED}
    assert set(Alert.objects.values_list("owner", flat=True)) == {stage.ada.pk}, (
        "an owner of the project steps in"
    )
    job = Alert.objects.get(kind=AlertKind.JOB_FAILED)
    alerting.close(alert=job, by=stage.ada)
    watching.watch(project=stage.project)
    assert AlertKind.JOB_FAILED not in kinds(stage), "it failed once"


def test_agreement_that_falls_is_seen_and_over_when_it_recovers(stage: cast.Stage) -> None:
    def report(value: float) -> None:
        numbers = {"alpha": {"value": value, "low": value - 0.05, "high": value + 0.05}}
        AgreementReport.objects.create(
            project=stage.project,
            spec=stage.spec,
            queue=stage.queue,
            meaning=1,
            question="entailed",
            numbers=numbers,
            event_id=0,
        )

    report(0.8)
    assert falling.watch(project=stage.project) == (0, 0)
    report(0.6)
    assert falling.watch(project=stage.project) == (1, 0)
    watching.watch(project=stage.project)
    assert kinds(stage) == {AlertKind.AGREEMENT}, "the other watch leaves it alone"
    report(0.62)
    assert falling.watch(project=stage.project) == (0, 1)


def raised(stage: cast.Stage) -> Alert:
    found = alerting.raise_alert(project=stage.project, kind=AlertKind.BACKLOG, queue=stage.queue, facts={})
    assert found is not None
    return found


def test_whoever_takes_it_on_owns_it_and_one_does(stage: cast.Stage) -> None:
    mia = staffing.add_member(
        project=stage.project, user=cast.user("mia"), roles=[Role.MANAGER], by=stage.ada
    )
    alert = alerting.acknowledge(alert=raised(stage), note="On it.", by=mia)
    assert (alert.state, alert.owner) == (AlertState.ACKNOWLEDGED, mia)
    with pytest.raises(WrongState):
        alerting.acknowledge(alert=alert, by=stage.ada)
    with pytest.raises(Invalid):
        alerting.hand_over(alert=alert, to=stage.member("ben"), by=mia)
    assert alerting.hand_over(alert=alert, to=stage.ada, by=mia).owner == stage.ada
    assert alerting.close(alert=alert, by=stage.ada) is not None
    assert alerting.close(alert=alert, by=stage.ada) is None
    assert list(alert.steps.order_by("pk").values_list("step", flat=True)) == [
        "raised",
        "acknowledged",
        "handed-over",
        "closed",
    ]


def test_its_owner_is_told_by_mail_without_anybodys_name_in_it(stage: cast.Stage) -> None:
    raised(stage)
    message = Delivery.objects.get()
    assert message.member == stage.ada
    assert "Main" in message.body["subject"]
    assert delivering.send_due() == 1


def test_on_the_page_in_the_inbox_and_by_rest(stage: cast.Stage) -> None:
    alert = raised(stage)
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert "Alerts" in client.get("/").content.decode()
    assert "no end in sight" in client.get("/p/rte/alerts/").content.decode()
    client.post(f"/p/rte/alerts/{alert.pk}/acknowledge/", {"note": "Mine."})
    assert "Mine." in client.get("/p/rte/alerts/").content.decode()
    client.post(f"/p/rte/alerts/{alert.pk}/close/")
    assert "Nothing is wrong" in client.get("/p/rte/alerts/").content.decode()
    assert "Mine." in client.get("/p/rte/alerts/?show=all").content.decode()
    again = raised(stage)
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    base = "/api/v1/projects/rte/alerts"
    assert [row["state"] for row in api.get(base).json()["alerts"]] == ["open", "closed"]
    reply = api.post(f"{base}/{again.pk}/acknowledge", {}, content_type="application/json")
    assert reply.json()["state"] == "acknowledged"
    assert api.post(f"{base}/{again.pk}/acknowledge", {}, content_type="application/json").status_code == 409
    assert (
        api.post(f"{base}/{again.pk}/close", {}, content_type="application/json").json()["state"] == "closed"
    )


def test_a_page_of_alerts_takes_as_many_queries_for_fifty_as_for_one(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]

    def n_queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get("/p/rte/alerts/")
        return len(found)

    raised(stage)
    one = n_queries()
    for n in range(60):
        alerting.raise_alert(
            project=stage.project, kind=AlertKind.JOB_FAILED, subject=f"job {n}", facts={"job": 1}
        )
    assert n_queries() == one


def test_groups_that_read_in_opposite_ways_are_an_alert_while_they_do(stage: cast.Stage) -> None:
    """Ben and Chi against Dov and Flo: what two say yes to, the others say no to."""
    report = AgreementReport.objects.create(
        project=stage.project, spec=stage.spec, meaning=1, question="entailed", numbers={}, event_id=1
    )

    def evidence(kappa: float, high: float, of: AgreementReport) -> None:
        one = {
            "camps": [0, 1],
            "kappa": kappa,
            "low": -1.0,
            "high": high,
            "n_items": 40,
            "opposite": high < 0,
        }
        ReportEvidence.objects.create(project=stage.project, report=of, numbers={"across": [one]}, event_id=1)

    evidence(-0.8, -0.5, report)
    assert parting.watch(project=stage.project) == (1, 0)
    assert parting.watch(project=stage.project) == (0, 0)
    alert = Alert.objects.get(kind=AlertKind.OPPOSITE)
    assert (alert.urgent, alert.facts["kappa"], alert.facts["spec"]) == (True, -0.8, "rte")
    assert watching.watch(project=stage.project) == (0, 0), "what others raised is not its to close"
    later = AgreementReport.objects.create(
        project=stage.project, spec=stage.spec, meaning=1, question="entailed", numbers={}, event_id=2
    )
    evidence(-0.1, 0.1, later)
    assert parting.watch(project=stage.project) == (0, 1)


@pytest.mark.parametrize(("n", "expected"), [(2, {AlertKind.DRIFT}), (3, {AlertKind.CHANGE})])
def test_one_persons_rising_errors_are_hers_and_several_peoples_the_specs(
    stage: cast.Stage, n: int, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty known answers right, then every one wrong: an alarm. Three people at once are a change of data or spec."""
    now = leasing.database_now()
    people = [stage.ben, stage.chi, stage.dov]
    rows = [
        appraising.Judged(
            who.pk, k, k, stage.queue.pk, stage.spec.pk, 1, stage.version.pk, now, "entailed", None,
            not (k >= 60 and place < n), None, (), False, 5.0,
        )
        for place, who in enumerate(people)
        for k in range(80)
    ]  # fmt: skip
    monkeypatch.setattr(appraising, "answers", lambda **_: rows)
    raised = drifting.watch(project=stage.project)
    assert raised == ((2, 0) if n == 2 else (1, 0))
    assert kinds(stage) == expected
    alert = Alert.objects.order_by("pk")[0]
    facts = {"stream": "gold", "now": 0.4} if n == 2 else {"annotators": 3, "judged": 3}
    assert {name: alert.facts[name] for name in facts} == facts
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    page = client.get("/p/rte/alerts/").content.decode()
    assert (stage.ben.pseudonym in page) == (n == 2)
    monkeypatch.setattr(appraising, "answers", lambda **_: [])
    assert drifting.watch(project=stage.project) == (0, raised[0])


def test_agreement_that_rises_with_shown_predictions_is_an_alert_of_its_own(
    stage: cast.Stage, settings: Any
) -> None:
    """Twenty answers in sight of a prediction: the first ten against it, the next ten with it; then against it again."""
    settings.PREDICTIONS_WITHHELD_PERCENT, settings.LEANING_ANSWERS, settings.ANCHORING_MINIMUM = 0, 10, 5
    Queue.objects.filter(pk=stage.queue.pk).update(predictions="before", overlap=1, max_overlap=1)
    stage.load(30, start=100)
    rows = [{"key": f"item-{k}", "value": "yes"} for k in range(100, 130)]
    source = io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())
    predicting.bring_in(
        spec=stage.spec, source=source, name="p.jsonl", model="m", model_version="1", by=stage.ada
    )
    answered: list[str] = []

    def answer(value: str) -> None:
        served = stage.claim(stage.ben)
        if suggesting.serve(served):
            answered.append(value)
        stage.submit(stage.ben, served, {"entailed": value})

    while len(answered) < 20:
        answer("yes" if len(answered) >= 10 else "no")
    assert leaning.watch(project=stage.project) == (1, 0)
    alert = Alert.objects.get(kind=AlertKind.ANCHORING)
    assert (alert.subject, alert.facts["n_newer"], alert.facts["n_older"]) == ("rising", 10, 10)
    assert alert.facts["difference"] == 1.0
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert "among the newest 10 answers that saw it" in client.get("/p/rte/alerts/").content.decode()
    for _ in range(10):
        answer("no")
    assert leaning.watch(project=stage.project) == (0, 1)


def test_leaning_on_shown_predictions_is_an_alert_while_it_is_certain_and_large(
    stage: cast.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    Queue.objects.filter(pk=stage.queue.pk).update(predictions="experiment")
    against = {"difference": 0.12, "low": 0.03, "high": 0.21, "n_shown": 90, "n_hidden": 80}
    row = {"model": "m", "question": "entailed", "against": {"model": against}}
    monkeypatch.setattr(anchoring, "report", lambda **_: [row])
    assert leaning.watch(project=stage.project) == (1, 0)
    assert leaning.watch(project=stage.project) == (0, 0)
    assert Alert.objects.get(kind=AlertKind.ANCHORING).facts["difference"] == 0.12
    assert watching.watch(project=stage.project) == (0, 0)
    for changed in ({"low": -0.01}, {"difference": 0.04}):
        monkeypatch.setattr(
            anchoring, "report", lambda c=changed, **_: [{**row, "against": {"model": {**against, **c}}}]
        )
        leaning.watch(project=stage.project)
        assert AlertKind.ANCHORING not in kinds(stage)
