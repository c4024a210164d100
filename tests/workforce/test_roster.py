"""Skills, availability, pausing, leaving, and reading the roster."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from specs.models import Clause, Event, Member, MemberState, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import availability, cohorts, departing, leasing, queues, roster, skills, staffing
from workforce.entering import NotQualified
from workforce.models import Annotator, AnnotatorSkill, Queue, Skill

pytestmark = pytest.mark.django_db
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def stage() -> cast.Stage:
    made = cast.stage(overlap=3, max_overlap=3)
    made.load(6)
    return made


def _skill(stage: cast.Stage, key: str = "medicine") -> Skill:
    return skills.create(project=stage.project, key=key, name=key.title(), by=stage.ada)


def _manager(stage: cast.Stage, name: str = "max") -> Member:
    return staffing.add_member(
        project=stage.project, user=cast.user(name), roles=[Role.MANAGER], by=stage.ada
    )


def test_a_queue_that_asks_for_a_skill_refuses_with_what_is_missing_and_the_way(stage: cast.Stage) -> None:
    skill = _skill(stage)
    queues.change_settings(queue=stage.queue, by=stage.ada, required_skill=skill, required_level=2)
    with pytest.raises(NotQualified, match=r"Medicine at level 2.*grants it") as refused:
        stage.claim(stage.ben)
    assert refused.value.details["missing"] == ["medicine"]
    skills.grant(annotator=stage.ben, skill=skill, level=1, by=stage.ada)
    with pytest.raises(NotQualified):
        stage.claim(stage.ben)
    skills.grant(annotator=stage.ben, skill=skill, level=2, by=stage.ada)
    assert stage.claim(stage.ben).item_key
    assert skills.n_able(queue=Queue.objects.get(pk=stage.queue.pk)) == (3, 1)


def test_a_skill_ends_by_itself_and_by_being_revoked_and_stays_on_record(stage: cast.Stage) -> None:
    skill = _skill(stage)
    queues.change_settings(queue=stage.queue, by=stage.ada, required_skill=skill)
    held = skills.grant(annotator=stage.ben, skill=skill, until=LATER, by=stage.ada)
    assert stage.claim(stage.ben).item_key
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workforce_annotatorskill (project_id, annotator_id, skill_id, level, since, until) SELECT "
            "project_id, %s, skill_id, 1, now() - interval '2 days', now() - interval '1 day' FROM "
            "workforce_annotatorskill LIMIT 1",
            [stage.chi.pk],
        )
    with pytest.raises(NotQualified):
        stage.claim(stage.chi)
    assert skills.n_able(queue=Queue.objects.get(pk=stage.queue.pk)) == (3, 1)
    skills.revoke(held=held, by=stage.ada)
    skills.revoke(held=held, by=stage.ada)
    held.refresh_from_db()
    assert held.revoked_by == stage.ada
    stage.load(1, start=10)
    leasing.return_leases_of(annotator=stage.ben, by=None)
    with pytest.raises(NotQualified):
        stage.claim(stage.ben)
    kinds = Event.objects.filter(subject="annotator", subject_id=stage.ben.pk).values_list("kind", flat=True)
    assert list(kinds).count("skill.revoked") == 1


def test_granting_the_same_again_changes_nothing_and_other_terms_replace_the_old(stage: cast.Stage) -> None:
    skill = _skill(stage)
    first = skills.grant(annotator=stage.ben, skill=skill, by=stage.ada)
    assert skills.grant(annotator=stage.ben, skill=skill, by=stage.ada) == first
    second = skills.grant(annotator=stage.ben, skill=skill, level=3, by=stage.ada)
    first.refresh_from_db()
    assert (first.revoked_at is None, second.level) == (False, 3)
    assert AnnotatorSkill.objects.valid().get(annotator=stage.ben) == second


def test_a_skill_bound_to_a_version_holds_for_its_meaning_only(stage: cast.Stage) -> None:
    skill = _skill(stage)
    queues.change_settings(queue=stage.queue, by=stage.ada, required_skill=skill)
    skills.grant(annotator=stage.ben, skill=skill, version=stage.version, by=stage.ada)
    assert stage.claim(stage.ben).item_key
    leasing.return_leases_of(annotator=stage.ben, by=None)
    queues.put_in_force(queue=stage.queue, version=cast.amend(stage), by=stage.ada)
    with pytest.raises(NotQualified):
        stage.claim(stage.ben)
    stage.queue.refresh_from_db()
    assert skills.n_able(queue=stage.queue) == (3, 0)


def test_a_skill_bound_to_a_clause_counts_where_the_queue_asks_for_that_clause(stage: cast.Stage) -> None:
    skill = _skill(stage)
    numbers, whole = (Clause.objects.get(spec=stage.spec, key=key) for key in ("numbers", "whole"))
    queues.change_settings(queue=stage.queue, by=stage.ada, required_skill=skill)
    skills.grant(annotator=stage.ben, skill=skill, clause=numbers, by=stage.ada)
    with pytest.raises(NotQualified):
        stage.claim(stage.ben)
    queues.change_settings(queue=stage.queue, by=stage.ada, required_clause=whole)
    with pytest.raises(NotQualified, match="clause whole"):
        stage.claim(stage.ben)
    queues.change_settings(queue=stage.queue, by=stage.ada, required_clause=numbers)
    assert stage.claim(stage.ben).item_key
    with pytest.raises(Invalid, match="sense together"):
        queues.change_settings(queue=stage.queue, by=stage.ada, required_skill=None)


def test_a_queue_that_asks_for_languages_wants_all_of_them(stage: cast.Stage) -> None:
    queues.change_settings(queue=stage.queue, by=stage.ada, required_languages=["de", "en"])
    _speak(stage.ben, "de")
    with pytest.raises(NotQualified, match="language en"):
        stage.claim(stage.ben)
    _speak(stage.ben, "EN", "de")
    assert stage.claim(stage.ben).item_key
    with pytest.raises(Invalid, match="sense together"):
        queues.change_settings(queue=stage.queue, by=stage.ada, required_languages=["Deutsch!"])


def _speak(who: Annotator, *languages: str) -> None:
    assert who.member is not None
    availability.describe(
        annotator=who, languages=languages, time_zone="Europe/Berlin", weekday_hours=[], by=who.member
    )


def test_hours_and_days_away_are_hers_or_a_managers_to_say(stage: cast.Stage) -> None:
    ben, week = stage.member("ben"), [8, 8, 8, 8, 4, 0, 0]
    availability.describe(annotator=stage.ben, languages=[], time_zone="", weekday_hours=week, by=ben)
    away = availability.go_away(annotator=stage.ben, first=date(2030, 1, 1), last=date(2030, 1, 2), by=ben)
    stage.ben.refresh_from_db()
    hours = availability.hours_by_day(
        annotators=[stage.ben, stage.chi], first=date(2030, 1, 1), last=date(2030, 1, 4)
    )
    assert hours == {
        stage.ben.pk: {date(2030, 1, 1): 0, date(2030, 1, 2): 0, date(2030, 1, 3): 8, date(2030, 1, 4): 4}
    }
    for wrong in ({"time_zone": "Mars/Base"}, {"weekday_hours": [25] * 7}, {"weekday_hours": [8]}):
        with pytest.raises(Invalid):
            availability.describe(
                **{
                    "annotator": stage.ben,
                    "languages": [],
                    "time_zone": "",
                    "weekday_hours": [],
                    "by": ben,
                    **wrong,
                }  # type: ignore[arg-type]
            )
    with pytest.raises(NotAllowed):
        availability.come_back(away=away, by=stage.member("chi"))
    availability.come_back(away=away, by=_manager(stage))
    assert not stage.ben.days_away.exists()


def test_a_pause_gives_back_what_is_held_and_needs_nothing_dealt_out_anew(stage: cast.Stage) -> None:
    held = stage.claim(stage.ben)
    departing.pause(annotator=stage.ben, by=stage.member("ben"))
    with pytest.raises(NotAllowed, match="paused"):
        stage.claim(stage.ben)
    assert leasing.held(annotator=stage.ben) == []
    assert stage.claim(stage.chi).task_id == held.task_id
    departing.resume(annotator=stage.ben, by=stage.member("ben"))
    assert stage.claim(stage.ben).item_key


def test_who_was_paused_by_a_manager_does_not_resume_herself(stage: cast.Stage) -> None:
    with pytest.raises(NotAllowed):
        departing.pause(annotator=stage.ben, by=stage.member("chi"))
    manager = _manager(stage)
    departing.pause(annotator=stage.ben, by=manager)
    with pytest.raises(NotAllowed, match="somebody else"):
        departing.resume(annotator=stage.ben, by=stage.member("ben"))
    with pytest.raises(WrongState):
        departing.pause(annotator=stage.ben, by=manager)
    departing.resume(annotator=stage.ben, by=manager)
    assert stage.claim(stage.ben).item_key


def test_whoever_leaves_gives_back_what_she_holds_and_her_answers_stay(stage: cast.Stage) -> None:
    stage.answer(stage.ben, "yes")
    held = stage.claim(stage.ben)
    departing.leave(member=stage.member("ben"))
    assert Member.objects.get(pk=stage.member("ben").pk).state == MemberState.LEFT
    assert leasing.held(annotator=stage.ben) == []
    assert stage.claim(stage.chi).task_id == held.task_id
    with pytest.raises(WrongState, match="owner"):
        departing.leave(member=stage.ada)


def test_the_roster_finds_by_name_state_skill_cohort_and_language(stage: cast.Stage) -> None:
    skills.grant(annotator=stage.ben, skill=_skill(stage), by=stage.ada)
    revoked = skills.grant(annotator=stage.dov, skill=Skill.objects.get(), by=stage.ada)
    skills.revoke(held=revoked, by=stage.ada)
    cohort = cohorts.create(project=stage.project, key="early", name="Early", by=stage.ada)
    cohorts.join(cohort=cohort, annotator=stage.chi, by=stage.ada)
    _speak(stage.chi, "pt-br")
    departing.pause(annotator=stage.dov, by=stage.member("dov"))
    for asked, found in (
        ({"q": "BEN"}, [stage.ben]),
        ({"q": stage.chi.pseudonym}, [stage.chi]),
        ({"skill": "medicine"}, [stage.ben]),
        ({"cohort": "early"}, [stage.chi]),
        ({"language": "pt-br"}, [stage.chi]),
        ({"state": "paused"}, [stage.dov]),
        ({"state": "paused", "skill": "medicine"}, []),
        ({"state": "odd"}, []),
    ):
        assert list(roster.find(project=stage.project, asked=asked)) == found, asked


def test_the_roster_page_takes_as_many_queries_for_fifty_as_for_three(stage: cast.Stage) -> None:
    client = Client()
    client.force_login(stage.ada.user)  # type: ignore[arg-type]

    def n_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get("/p/rte/roster/").status_code == 200
        return len(caught)

    few = n_queries()
    skill = _skill(stage)
    Annotator.objects.bulk_create(
        Annotator(project=stage.project, pseudonym=f"many-{n}", kind="imported", origin_key=str(n))
        for n in range(60)
    )
    for annotator in Annotator.objects.filter(kind="imported"):
        AnnotatorSkill.objects.create(project=stage.project, annotator=annotator, skill=skill)
    assert n_queries() == few
    reply = client.get("/p/rte/roster/").content.decode()
    assert "?before=" in reply
    assert "many-59" in reply
    assert "many-3<" not in reply
    assert "Nobody fits" in client.get("/p/rte/roster/?q=nobody").content.decode()


def test_skills_and_requirements_by_the_pages_and_by_rest(stage: cast.Stage) -> None:
    manager = _manager(stage)
    client = Client()
    client.force_login(manager.user)  # type: ignore[arg-type]
    assert client.post("/p/rte/skills/", {"name": "Law", "key": "law"}).status_code == 302
    assert client.post("/p/rte/skills/", {"name": "Law", "key": "law"}).status_code == 422
    one = f"/p/rte/roster/{stage.ben.pseudonym}/"
    assert client.post(f"{one}grant/", {"skill": "law", "level": 2}).status_code == 302
    asked = {"required_skill": "law", "required_level": 1, "required_languages": "de, en"}
    assert client.post("/p/rte/queues/main/people/", asked).status_code == 302
    stage.queue.refresh_from_db()
    assert stage.queue.required_languages == ["de", "en"]

    api = Client(headers={"authorization": f"Bearer {stage.token(manager)}"})
    required = {"skill": "law", "level": 2, "languages": []}
    reply = api.put("/api/v1/projects/rte/queues/main/requirement", required, content_type="application/json")
    assert (reply.status_code, reply.json()["n_able"]) == (200, 1)
    entry = api.get("/api/v1/projects/rte/roster?skill=law").json()["annotators"]
    assert [(row["pseudonym"], row["skills"][0]["level"]) for row in entry] == [(stage.ben.pseudonym, 2)]
    held = entry[0]["skills"][0]["id"]
    assert api.delete(f"/api/v1/projects/rte/roster/{stage.ben.pseudonym}/skills/{held}").status_code == 204
    assert api.get("/api/v1/projects/rte/queues/main/requirement").json()["n_able"] == 0
    soon = {"skill": "law", "until": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    reply = api.post(
        f"/api/v1/projects/rte/roster/{stage.ben.pseudonym}/skills", soon, content_type="application/json"
    )
    assert reply.status_code == 422
