"""A calibration queue: its test on known answers, what passing grants, what failing costs, and the way to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from specs.models import Event
from specs.refusals import Invalid
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import calibrating, entering, judging, leasing, queues, sitting, skills, staffing
from workforce.models import Annotator, AnnotatorSkill, Probe, Purpose, Queue, Sitting, Skill, Task

pytestmark = pytest.mark.django_db

TERMS: dict[str, Any] = {"level": 2, "wanted": 2, "share": 1.0, "valid_days": 30, "attempts": 2}


@pytest.fixture
def stage() -> cast.Stage:
    """The main queue asks for Medicine at level 2; the queue `test` tests for it on two of seven known answers."""
    made = cast.stage()
    made.load(2)
    bring_in(made, *({"key": f"gold-{k}", "value": "yes", "text": f"gold {k}"} for k in range(7)))
    skill = skills.create(project=made.project, key="medicine", name="Medicine", by=made.ada)
    queues.change_settings(queue=made.queue, by=made.ada, required_skill=skill, required_level=2)
    _test_queue(made, skill)
    return made


def _test_queue(stage: cast.Stage, skill: Skill, **terms: Any) -> Queue:
    made = queues.create_queue(
        project=stage.project,
        key="test",
        name="Medicine test",
        spec=stage.spec,
        owner=stage.ada,
        purpose=Purpose.CALIBRATION,
        by=stage.ada,
        **{**cast.QUIET, "entry": "none", "citing": "never"},
    )
    calibrating.set_terms(queue=made, by=stage.ada, skill=skill, **{**TERMS, **terms})
    return made


def _test() -> Queue:
    return Queue.objects.get(key="test")


def _sit(stage: cast.Stage, who: Annotator, *values: str) -> Sitting:
    queue = _test()
    calibrating.enter(queue=queue, annotator=who, by=stage.ada)
    for value in values:
        served = stage.claim(who, queue)
        assert Task.objects.get(pk=served.task_id).purpose == "test"
        assert stage.submit(who, served, {"entailed": value}).feedback == []
    return Sitting.objects.filter(annotator=who).latest("pk")


def test_who_passes_has_the_skill_at_its_level_with_its_end_and_may_claim(stage: cast.Stage) -> None:
    with pytest.raises(entering.NotQualified, match="the test in Medicine test grants it") as refused:
        stage.claim(stage.ben)
    assert refused.value.details["tests"] == ["test"]
    passed = _sit(stage, stage.ben, "yes", "yes")
    held = AnnotatorSkill.objects.get()
    assert (passed.state, passed.n_right, passed.granted) == ("passed", 2, held)
    assert (held.level, held.version, held.source, held.granted_by) == (2, stage.version, "calibration", None)
    assert held.until is not None
    assert passed.ended_at is not None
    assert held.until - passed.ended_at == timedelta(days=30)
    assert stage.claim(stage.ben).item_key
    with pytest.raises(sitting.AlreadyQualified, match="Medicine at level 2"):
        stage.claim(stage.ben, _test())
    assert list(
        Event.objects.filter(kind__startswith="calibration.").order_by("pk").values_list("kind", flat=True)
    ) == ["calibration.set", "calibration.begun", "calibration.passed"]
    assert judging.gold_accuracy(annotator=stage.ben).n == 0


def test_who_fails_waits_and_has_so_many_attempts(stage: cast.Stage) -> None:
    failed = _sit(stage, stage.ben, "yes", "no")
    assert (failed.state, failed.n_right, failed.granted) == ("failed", 1, None)
    with pytest.raises(sitting.NoSittingLeft, match="try again at") as refused:
        stage.claim(stage.ben, _test())
    assert refused.value.details["again_at"]
    calibrating.set_terms(queue=_test(), by=stage.ada, wait=timedelta(0))
    again = _sit(stage, stage.ben, "no", "no")
    assert (again.number, again.state) == (2, "failed")
    assert Probe.objects.filter(annotator=stage.ben).values("item").distinct().count() == 4
    with pytest.raises(sitting.NoSittingLeft, match="All 2 attempts"):
        stage.claim(stage.ben, _test())
    assert not AnnotatorSkill.objects.exists()


def test_a_sitting_goes_by_the_terms_it_began_with_and_ends_where_the_answers_do(stage: cast.Stage) -> None:
    opened = _sit(stage, stage.ben, "yes")
    calibrating.set_terms(queue=_test(), by=stage.ada, wanted=7, attempts=0, wait=timedelta(0))
    assert (opened.state, opened.wanted) == ("open", 2)
    assert _sit(stage, stage.ben, "no").state == "failed"
    assert _sit(stage, stage.ben, "yes", "yes", "yes", "yes", "yes").state == "open"
    with pytest.raises(sitting.NoSittingLeft, match="No known answers are left"):
        stage.claim(stage.ben, _test())


def test_chance_can_be_ruled_out_where_that_can_be_reached(stage: cast.Stage) -> None:
    with pytest.raises(Invalid) as refused:
        calibrating.set_terms(queue=_test(), by=stage.ada, sure=True)
    assert "no more than 0.34" in refused.value.problems[0]["message"]
    calibrating.set_terms(queue=_test(), by=stage.ada, sure=True, share=0.3)
    assert _sit(stage, stage.ben, "yes", "no").state == "failed"  # 0.5, but 0.09 for sure
    assert _sit(stage, stage.chi, "yes", "yes").state == "passed"
    with pytest.raises(Invalid, match="Only a calibration queue"):
        calibrating.set_terms(queue=stage.queue, by=stage.ada, wanted=3)


def test_the_database_keeps_sittings_as_they_were(stage: cast.Stage) -> None:
    _sit(stage, stage.ben, "yes", "yes")
    for statement in (
        "UPDATE workforce_sitting SET state = 'failed'",
        "UPDATE workforce_sitting SET wanted = 1",
        "UPDATE workforce_sitting SET granted_id = NULL",
        "DELETE FROM workforce_sitting",
        "INSERT INTO workforce_sitting (project_id, queue_id, annotator_id, version_id, number, wanted, share, sure, state, "
        "n_right) SELECT project_id, queue_id, annotator_id, version_id, 2 + n, 2, 1, false, 'open', 0 "
        "FROM workforce_sitting, generate_series(1, 2) n",
    ):
        with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
            cursor.execute(statement)


def test_pages_and_rest_lead_to_the_test_and_tell_how_it_went(stage: cast.Stage) -> None:
    ben, ada = Client(), Client()
    ben.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    ada.force_login(stage.ada.user)  # type: ignore[arg-type]
    sent = ben.post("/p/rte/queues/main/label/claim/")
    assert (sent.status_code, sent.headers["Location"]) == (302, "/p/rte/queues/test/qualify/")
    assert (
        "100\N{NO-BREAK SPACE}% of 2 known answers right"
        in ben.get("/p/rte/queues/test/qualify/").content.decode()
    )
    assert ben.post("/p/rte/queues/test/qualify/").status_code == 302
    for _ in range(2):
        (held,) = leasing.held(annotator=stage.ben)
        answer = {"token": str(held.token), "q.entailed": "yes"}
        ben.post(f"/p/rte/queues/test/label/{held.assignment_id}/submit/", answer)
    assert "you have it" in ben.get("/p/rte/queues/test/qualify/").content.decode()
    assert "2 / 2" in ada.get("/p/rte/queues/test/calibration/").content.decode()
    form = {"skill": Skill.objects.get().pk, "level": 2, "wanted": 3, "percent": 90, "sure": "on"}
    form |= {"wait_hours": 1, "attempts": 0}
    assert "cannot be reached" in ada.post("/p/rte/queues/test/calibration/", form).content.decode()
    del form["sure"]
    assert ada.post("/p/rte/queues/test/calibration/", form).status_code == 302
    assert "No test here" in ada.get("/p/rte/queues/main/calibration/").content.decode()

    hers = Client(headers={"authorization": f"Bearer {stage.token(stage.member('ben'))}"})
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    mine = hers.get("/api/v1/projects/rte/queues/test/qualify").json()
    assert (mine["holds"], mine["sittings"][0]["n_right"], mine["terms"]["wanted"]) == (True, 2, 3)
    assert "nothing to test" in mine["refused"]
    assert hers.post("/api/v1/projects/rte/queues/main/qualify").status_code == 404
    terms = api.get("/api/v1/projects/rte/queues/test/calibration").json()
    assert (terms["wait_seconds"], terms["attempts"], terms["valid_days"]) == (3600, 0, None)
    put = api.put(
        "/api/v1/projects/rte/queues/test/calibration",
        {**terms, "wanted": 4},
        content_type="application/json",
    )
    assert put.json()["wanted"] == 4
    rows = api.get("/api/v1/projects/rte/queues/test/calibration/sittings").json()["sittings"]
    assert [(row["annotator"], row["state"]) for row in rows] == [(stage.ben.pseudonym, "passed")]


def test_what_a_test_has_shown_is_neither_gold_nor_practice_later(stage: cast.Stage) -> None:
    _sit(stage, stage.ben, "yes", "yes")
    seen = set(Probe.objects.filter(annotator=stage.ben).values_list("item", flat=True))
    staffing.enrol(queue=stage.queue, annotator=stage.ben, by=stage.ada)
    later = [cast.mint(stage, stage.ben, "gold", seed=n) for n in range(5)]
    assert all(one is not None and one.item_id not in seen for one in later)
    assert cast.mint(stage, stage.ben, "practice", seed=9) is None
