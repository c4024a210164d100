"""Newcomers on a queue's path: each stage, each step, and that nobody on it is given work before its time."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from annotation import accompanying
from annotation.models import Annotation, Resolution
from specs import acknowledging
from specs.models import Event
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from tests.workforce.test_goldkeeping import bring_in
from workforce import entering, leasing, onboarding, paths, progressing, queues, quizzing, staffing, walking
from workforce.models import (
    Annotator,
    Assignment,
    Barred,
    Enrolment,
    Judgement,
    KnownAnswer,
    OnboardingStep,
    PathStage,
    Probe,
    Task,
)

pytestmark = pytest.mark.django_db

TRIED: dict[str, Any] = {"wanted": 2, "share": 1.0, "at_most": 4}
PROBATION: dict[str, Any] = {"wanted": 1, "review_share": 1.0, "gold_share": 0.5}


@pytest.fixture
def stage() -> cast.Stage:
    """Ben and Chi have settled three tasks, and begun a fourth; six answers are known."""
    made = cast.stage()
    made.load(6)
    bring_in(
        made,
        *(
            {
                "key": f"gold-{k}",
                "value": "yes",
                "clauses": "whole",
                "text": f"gold {k}",
                "explanation": "So.",
            }
            for k in range(6)
        ),
    )
    for _ in range(3):
        made.answer(made.ben, "yes")
        made.answer(made.chi, "yes")
    made.answer(made.ben, "yes")
    return made


def newcomer(stage: cast.Stage, **path: dict[str, Any]) -> Annotator:
    """Gus, enrolled under this path."""
    paths.lay(queue=stage.queue, path=path, by=stage.ada)
    member = staffing.add_member(
        project=stage.project, user=cast.user("gus"), roles=["annotator"], by=stage.ada
    )
    gus = staffing.annotator_for(member=member)
    staffing.enrol(queue=stage.queue, annotator=gus, by=stage.ada)
    return gus


def _at(who: Annotator) -> str:
    return Enrolment.objects.get(annotator=who).stage


def _steps(who: Annotator) -> list[tuple[str, str, str]]:
    rows = OnboardingStep.objects.filter(annotator=who).order_by("pk")
    return list(rows.values_list("step", "before", "after"))


def _answer(stage: cast.Stage, who: Annotator, value: str) -> Any:
    served = stage.claim(who)
    return stage.submit(who, served, {"entailed": value})


def test_a_path_is_laid_as_a_whole_and_refused_in_words(stage: cast.Stage) -> None:
    laid = paths.lay(queue=stage.queue, path=paths.USUAL, by=stage.ada)
    assert [one.stage for one in laid] == ["read", "quiz", "practice", "shadow", "probation"]
    paths.lay(queue=stage.queue, path=paths.USUAL, by=stage.ada)
    assert Event.objects.filter(kind="path.laid").count() == 1
    with pytest.raises(Invalid) as refused:
        paths.lay(
            queue=stage.queue,
            path={
                "practice": {"wanted": 5, "share": 0.9, "sure": True, "at_most": 9},
                "shadow": {"wanted": 5, "share": 0.9, "at_most": 2},
                "probation": {"wanted": 0, "days": None},
                "read": {"wanted": 3},
                "nap": {},
            },
            by=stage.ada,
        )
    assert {one["where"] for one in refused.value.problems} == {
        "practice.share",
        "shadow.at_most",
        "probation.wanted",
        "read.wanted",
        "nap",
    }
    assert "all of 5 right says no more than 0.57" in str(refused.value.problems)
    assert paths.lay(queue=stage.queue, path={"read": {}}, by=stage.ada)[0].stage == "read"
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE workforce_pathstage SET stage = 'shadow'")


def test_who_is_enrolled_before_there_is_a_path_stays_beside_it(stage: cast.Stage) -> None:
    gus = newcomer(stage, practice=TRIED)
    assert {_at(who) for who in stage.annotators.values()} == {""}
    assert (_at(gus), _steps(gus)) == ("practice", [("begun", "", "practice")])


def test_reading_comes_first_and_is_over_when_it_is_confirmed(stage: cast.Stage) -> None:
    gus = newcomer(stage, read={}, practice=TRIED)
    with pytest.raises(entering.AcknowledgementNeeded):
        stage.claim(gus)
    assert gus.member is not None
    acknowledging.acknowledge(member=gus.member, version=stage.version, digest=stage.version.digest)
    served = stage.claim(gus)
    assert Task.objects.get(pk=served.task_id).purpose == "practice"
    assert _steps(gus)[1:] == [("passed", "read", "practice")]


def test_who_holds_a_task_is_given_no_other_past_her_stage(stage: cast.Stage) -> None:
    queues.change_settings(queue=stage.queue, by=stage.ada, max_leases=2)
    gus = newcomer(stage, read={}, practice=TRIED)
    row = Enrolment.objects.get(annotator=gus)
    onboarding.place(enrolment=row, stage="practice", reason="Knows it.", by=stage.ada)
    stage.claim(gus)
    onboarding.place(enrolment=row, stage="read", reason="No, again.", by=stage.ada)
    with pytest.raises(entering.AcknowledgementNeeded):
        stage.claim(gus)
    onboarding.hold(enrolment=row, reason="We talk first.", by=stage.ada)
    with pytest.raises(onboarding.PathHeld):
        stage.claim(gus)


def test_the_quiz_is_passed_or_excused(stage: cast.Stage) -> None:
    gus = newcomer(stage, quiz={}, practice=TRIED)
    with pytest.raises(entering.QuizNeeded):
        stage.claim(gus)
    attempt = quizzing.begin(queue=stage.queue, annotator=gus, version=stage.version)
    assert attempt.scope == "whole"
    for place, entry in enumerate(attempt.items):
        quizzing.answer(attempt=attempt, annotator=gus, place=place, value=entry["value"])
    assert _at(gus) == "practice"


def test_practice_is_told_at_once_with_its_clause_and_judged_over_the_last_answers(stage: cast.Stage) -> None:
    gus = newcomer(stage, practice=TRIED)
    wrong = _answer(stage, gus, "no")
    (told,) = wrong.feedback
    assert (told["right"], told["expected"], told["clauses"], told["explanation"]) == (
        False,
        "Yes",
        ["whole"],
        "So.",
    )
    _answer(stage, gus, "yes")
    found = progressing.progress(enrolment=Enrolment.objects.get(annotator=gus))
    assert (found.n, found.n_judged, found.n_right, found.value, found.passed) == (2, 2, 1, 0.5, False)
    _answer(stage, gus, "yes")
    assert (_at(gus), _steps(gus)[-1]) == ("", ("passed", "practice", ""))
    step = OnboardingStep.objects.filter(annotator=gus).latest("pk")
    assert (step.n, step.n_right, step.value) == (2, 2, 1.0)
    assert Judgement.objects.filter(annotator=gus, purpose="practice").count() == 3
    assert Enrolment.objects.get(annotator=gus).n_claims == 0
    assert Task.objects.get(pk=stage.claim(gus).task_id).purpose == "work"


def test_practice_without_end_waits_for_a_person_and_nothing_else_is_served(stage: cast.Stage) -> None:
    gus = newcomer(stage, practice=TRIED)
    for _ in range(4):
        _answer(stage, gus, "no")
    with pytest.raises(onboarding.PathHeld, match="4 answers"):
        stage.claim(gus)
    assert progressing.progress(enrolment=Enrolment.objects.get(annotator=gus)).stuck
    KnownAnswer.objects.update(held_at=stage.queue.created_at)
    with pytest.raises(onboarding.PathHeld, match="nothing left to practise on"):
        stage.claim(gus)  # what hangs on a flagged clause is neither served nor held against her
    (walker,) = walking.walkers(list(walking.on_path(queue=stage.queue)))
    assert walker.nothing_left
    open_one = Task.objects.filter(state="open").earliest("pk")
    with pytest.raises(onboarding.StillOnPath):
        leasing.claim(queue_id=stage.queue.pk, annotator=gus, by=gus.member, task_id=open_one.pk)
    assert not Assignment.objects.filter(annotator=gus, task__purpose="work").exists()


def test_a_shadow_is_compared_with_what_the_task_ended_with_and_fills_no_slot(stage: cast.Stage) -> None:
    gus = newcomer(stage, shadow={"wanted": 4, "share": 0.75, "at_most": 4})
    before = list(
        Assignment.objects.filter(task__purpose="work").order_by("pk").values_list("state", flat=True)
    )
    for value in ("yes", "yes", "no"):
        assert _answer(stage, gus, value).feedback == []
    assert set(Probe.objects.filter(annotator=gus).values_list("beside__state", flat=True)) == {"resolved"}
    assert Judgement.objects.filter(purpose="shadow", right=True).count() == 2
    _answer(stage, gus, "yes")  # the one that Ben alone has answered
    with pytest.raises(onboarding.PathHeld, match="1 of your answers wait"):
        stage.claim(gus)
    after = list(
        Assignment.objects.filter(task__purpose="work").order_by("pk").values_list("state", flat=True)
    )
    assert after == before
    assert accompanying.compare() == 0
    assert Barred.objects.filter(annotator=gus, reason="shadow").count() == 4
    stage.answer(stage.chi, "yes")
    counted = Resolution.objects.latest("pk")
    assert Annotation.objects.filter(annotator=gus).count() == 4
    assert not Annotation.objects.filter(annotator=gus, pk__in=counted.answers).exists()
    assert (accompanying.compare(), accompanying.compare()) == (1, 0)
    assert (_at(gus), OnboardingStep.objects.filter(annotator=gus).latest("pk").value) == ("", 0.75)
    while (served := leasing.claim(queue_id=stage.queue.pk, annotator=gus, by=gus.member)) is not None:
        assert not Barred.objects.filter(annotator=gus, task=served.task_id).exists()
        stage.submit(gus, served, {"entailed": "yes"})


def test_where_nobody_has_answered_yet_there_is_nothing_to_shadow() -> None:
    stage = cast.stage()
    stage.load(2)
    gus = newcomer(stage, shadow=TRIED)
    with pytest.raises(onboarding.PathHeld, match="nothing yet that others have answered"):
        stage.claim(gus)
    assert walking.walkers(list(walking.on_path(queue=stage.queue)))[0].nothing_left
    stage.answer(stage.ben, "yes")
    assert not walking.walkers(list(walking.on_path(queue=stage.queue)))[0].nothing_left
    assert Probe.objects.get(task=stage.claim(gus).task_id).beside is not None


def test_in_probation_answers_count_with_more_review_and_more_gold(stage: cast.Stage) -> None:
    gus = newcomer(stage, probation=PROBATION)
    entry = entering.look(queue_id=stage.queue.pk, annotator=gus)
    assert entry is not None
    assert (entry.stage, entry.review_share) == ("probation", 1.0)
    drawn = []
    for n in range(60):
        Enrolment.objects.filter(annotator=gus).update(n_claims=n)
        look = entering.look(queue_id=stage.queue.pk, annotator=gus)
        drawn.append(look is not None and look.probe == "gold")
    assert 15 <= sum(drawn) <= 45
    assert drawn.index(False) >= 0
    Enrolment.objects.filter(annotator=gus).update(n_claims=drawn.index(False))
    served = stage.claim(gus)
    task = Task.objects.get(pk=served.task_id)
    assert (task.purpose, task.overlap) == ("work", 3)
    stage.submit(gus, served, {"entailed": "yes"})
    assert _at(gus) == "probation"
    onboarding.catch_up(queue_id=stage.queue.pk, annotator=gus)
    assert (_at(gus), _steps(gus)[-1]) == ("", ("passed", "probation", ""))


def test_probation_ends_with_its_days_unless_known_answers_went_wrong(stage: cast.Stage) -> None:
    gus = newcomer(stage, probation={"wanted": 0, "days": 3, "share": 0.5})
    assert onboarding.advance_over() == 0
    gold = cast.mint(stage, gus, "gold")
    assert gold is not None
    stage.submit(gus, gold, {"entailed": "no"})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_enrolment SET stage_since = now() - interval '4 days' WHERE annotator_id = %s",
            [gus.pk],
        )
    assert onboarding.advance_over() == 0
    assert progressing.progress(enrolment=Enrolment.objects.get(annotator=gus)).stuck
    right = cast.mint(stage, gus, "gold", seed=2)
    assert right is not None
    stage.submit(gus, right, {"entailed": "yes"})
    assert (onboarding.advance_over(), _at(gus)) == (1, "")


def test_a_named_person_holds_lets_go_puts_back_and_lets_through_with_a_reason(stage: cast.Stage) -> None:
    gus = newcomer(stage, practice=TRIED, probation=PROBATION)
    row = Enrolment.objects.get(annotator=gus)
    for wrong in (
        lambda: onboarding.hold(enrolment=row, reason=" ", by=stage.ada),
        lambda: onboarding.place(enrolment=row, stage="shadow", reason="x", by=stage.ada),
    ):
        with pytest.raises(Invalid):
            wrong()
    assert gus.member is not None
    with pytest.raises(NotAllowed):
        onboarding.place(enrolment=row, stage="", reason="I can.", by=gus.member)
    onboarding.hold(enrolment=row, reason="We talk first.", by=stage.ada)
    with pytest.raises(onboarding.PathHeld, match="We talk first"):
        stage.claim(gus)
    with pytest.raises(WrongState):
        onboarding.hold(enrolment=row, reason="Again.", by=stage.ada)
    onboarding.let_go(enrolment=row, reason="We did.", by=stage.ada)
    with pytest.raises(WrongState):
        onboarding.let_go(enrolment=row, reason="Again.", by=stage.ada)
    with pytest.raises(WrongState):
        onboarding.place(enrolment=row, stage="practice", reason="There.", by=stage.ada)
    for to in ("probation", "practice", ""):
        onboarding.place(enrolment=row, stage=to, reason="As said.", by=stage.ada)
    assert _steps(gus)[1:] == [
        ("held", "practice", "practice"),
        ("let-go", "practice", "practice"),
        ("moved", "practice", "probation"),
        ("moved", "probation", "practice"),
        ("moved", "practice", ""),
    ]
    assert Event.objects.filter(kind__startswith="onboarding.").count() == 6
    assert OnboardingStep.objects.filter(step="moved", by=stage.ada).count() == 3
    for statement in (
        "UPDATE workforce_onboardingstep SET reason = ''",
        "DELETE FROM workforce_onboardingstep",
        "UPDATE workforce_enrolment SET held = true",
        "INSERT INTO workforce_onboardingstep (project_id, queue_id, annotator_id, step, before, after, n, n_right, event_id) "
        "SELECT project_id, queue_id, annotator_id, 'moved', '', '', 0, 0, 1 FROM workforce_onboardingstep LIMIT 1",
    ):
        with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
            cursor.execute(statement)


def test_who_is_held_or_put_back_in_probation_gets_no_work_and_no_late_answer_counts(
    stage: cast.Stage,
) -> None:
    gus = newcomer(stage, practice=TRIED, probation={"wanted": 9})
    row = Enrolment.objects.get(annotator=gus)
    onboarding.place(enrolment=row, stage="probation", reason="Knows it.", by=stage.ada)
    served = stage.claim(gus)
    assert Task.objects.get(pk=served.task_id).purpose == "work"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET lease_until = now() - interval '1 minute' WHERE id = %s",
            [served.assignment_id],
        )
    Enrolment.objects.filter(pk=row.pk).update(held_until=None)
    onboarding.hold(enrolment=row, reason="We talk first.", by=stage.ada)
    with pytest.raises(onboarding.PathHeld):
        stage.claim(gus)
    onboarding.place(enrolment=row, stage="practice", reason="Again.", by=stage.ada)
    assert stage.submit(gus, served, {"entailed": "yes"}).outcome == "late"
    assert not Annotation.objects.filter(annotator=gus).exists()


def test_what_is_kept_for_a_newcomer_by_name_waits_until_she_is_through(stage: cast.Stage) -> None:
    gus = newcomer(stage, practice=TRIED)
    slot = Assignment.objects.filter(state="open", task__n_answers=0).earliest("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET state = 'reserved', annotator_id = %s, reserved_until = now() + interval '1 day' "
            "WHERE id = %s",
            [gus.pk, slot.pk],
        )
    for _ in range(2):
        assert Task.objects.get(pk=stage.claim(gus).task_id).purpose == "practice"
        _answer(stage, gus, "yes")
    assert stage.claim(gus).assignment_id == slot.pk


def test_the_manager_sees_who_stands_where_in_as_many_queries_for_many_as_for_one(
    stage: cast.Stage, django_assert_max_num_queries: Any
) -> None:
    gus = newcomer(stage, read={}, quiz={}, practice=TRIED, shadow=TRIED, probation=PROBATION)
    ada = Client()
    ada.force_login(stage.ada.user)  # type: ignore[arg-type]
    for n, at in enumerate(("quiz", "practice", "shadow", "probation")):
        member = staffing.add_member(
            project=stage.project, user=cast.user(f"new-{n}"), roles=["annotator"], by=stage.ada
        )
        row = staffing.enrol(queue=stage.queue, annotator=staffing.annotator_for(member=member), by=stage.ada)
        onboarding.place(enrolment=row, stage=at, reason="Knows it.", by=stage.ada)
    rows = list(walking.on_path(queue=stage.queue))
    assert len(rows) == 5
    with django_assert_max_num_queries(10):
        walkers = walking.walkers(rows)
    assert {one.progress.stage for one in walkers} == {"read", "quiz", "practice", "shadow", "probation"}
    assert walking.counts(queue=stage.queue) == (dict.fromkeys(progressing.ORDER, 1), 0)
    page = ada.get("/p/rte/queues/main/path/").content.decode()
    assert gus.pseudonym in page
    assert "100\N{NO-BREAK SPACE}% of the last 2 agree" in page
    only = ada.get("/p/rte/queues/main/path/?stage=shadow").content.decode()
    assert gus.pseudonym not in only


def test_the_path_is_laid_and_people_are_moved_by_pages_and_by_rest(stage: cast.Stage) -> None:
    gus = newcomer(stage)
    ada, hers = Client(), Client()
    ada.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert gus.member is not None
    hers.force_login(gus.member.user)  # type: ignore[arg-type]
    form = {
        "practice": "on",
        "practice_wanted": 5,
        "practice_share": 90,
        "practice_sure": "on",
        "practice_at_most": 9,
    }
    refused = ada.post("/p/rte/queues/main/path/stages/", form)
    assert "cannot be reached for sure" in refused.context["form"].errors["practice_share"][0]
    del form["practice_sure"]
    assert ada.post("/p/rte/queues/main/path/stages/", form).status_code == 302
    where = f"/p/rte/queues/main/path/people/{gus.pseudonym}/"
    assert "works like everybody else" in ada.get(where).content.decode()
    assert ada.post(f"{where}place/", {"stage": "practice", "reason": ""}).status_code == 422
    assert ada.post(f"{where}place/", {"stage": "practice", "reason": "Once more."}).status_code == 302
    assert ada.post(f"{where}hold/", {"reason": "We talk first."}).status_code == 302
    assert "We talk first." in hers.get("/p/rte/queues/main/my-path/").content.decode()
    start = hers.get("/p/rte/queues/main/label/").content.decode()
    assert "We talk first." in start
    assert "90\N{NO-BREAK SPACE}% of the last 5 right" in start
    assert "my-path" in hers.get("/").content.decode()
    assert hers.post("/p/rte/queues/main/label/claim/").status_code == 302

    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    base = "/api/v1/projects/rte/queues/main/path"
    json: dict[str, Any] = {"content_type": "application/json"}
    row = api.get(f"{base}/people").json()["people"][0]
    assert (row["pseudonym"], row["stage"], row["held"]) == (gus.pseudonym, "practice", True)
    freed = api.post(f"{base}/people/{gus.pseudonym}/let-go", {"reason": "We did."}, **json).json()
    assert (freed["held"], freed["steps"][0]["by"]) == (False, "ada")
    laid = api.put(base, {"stages": [{"stage": "probation", "wanted": 3}, {"stage": "read"}]}, **json).json()
    assert [one["stage"] for one in laid["stages"]] == ["read", "probation"]
    assert api.put(base, {"stages": [{"stage": "read", "wanted": 3}]}, **json).status_code == 422
    done = api.post(f"{base}/people/{gus.pseudonym}/place", {"stage": "", "reason": "Ready."}, **json).json()
    assert done["stage"] == ""
    own = Client(headers={"authorization": f"Bearer {stage.token(gus.member)}"})
    assert own.get("/api/v1/projects/rte/queues/main/my-path").json()["steps"][0]["reason"] == "Ready."
    assert own.get("/api/v1/projects/rte/queues/other/my-path").status_code == 404


def test_chance_is_ruled_out_by_the_lower_end_of_the_interval_where_the_path_says_so() -> None:
    told = progressing._Told([True] * 20)
    plain = PathStage(stage="practice", wanted=20, share=0.9, at_most=30)
    assert progressing._of("practice", plain, told).passed
    sure = PathStage(stage="practice", wanted=20, share=0.9, at_most=30, sure=True)
    found = progressing._of("practice", sure, told)
    assert (found.passed, found.value) == (False, 1.0)
    assert found.low == pytest.approx(0.839, abs=0.001)
