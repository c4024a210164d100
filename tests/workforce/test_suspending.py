"""Suspension by a named person, what it ends at once, and the appeal."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from specs.models import AppealText, Event, Member, MemberState, Role, Suspension, SuspensionEnd
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import departing, leasing, staffing, suspending
from workforce.models import Annotator

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    made = cast.stage()
    made.load(2)
    return made


def _manager(stage: cast.Stage, name: str) -> Member:
    return staffing.add_member(
        project=stage.project, user=cast.user(name), roles=[Role.MANAGER], by=stage.ada
    )


def test_a_page_a_lease_and_a_token_are_refused_right_after(stage: cast.Stage) -> None:
    ben = stage.member("ben")
    secret = stage.token(ben)
    pages, api = Client(), Client(headers={"authorization": f"Bearer {secret}"})
    other, bystander = Client(), Client()
    pages.force_login(ben.user)  # type: ignore[arg-type]
    other.force_login(ben.user)  # type: ignore[arg-type]
    bystander.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    lease = api.post("/api/v1/projects/rte/queues/main/claim").json()
    renewal = f"/api/v1/projects/rte/assignments/{lease['assignment']}/renew"
    assert api.post(renewal, {"token": lease["token"]}, content_type="application/json").status_code == 200
    assert pages.get("/p/rte/queues/main/label/").status_code == 200

    suspending.suspend(member=ben, reason="Shared the items.", by=stage.ada)

    assert api.post(renewal, {"token": lease["token"]}, content_type="application/json").status_code == 401
    for client in (pages, other):
        reply = client.get("/p/rte/queues/main/label/")
        assert (reply.status_code, reply.headers["Location"][:16]) == (302, "/accounts/login/")
    assert bystander.get("/p/rte/queues/main/label/").status_code == 200
    with pytest.raises(leasing.LeaseLost):
        leasing.renew(assignment_id=lease["assignment"], annotator=stage.ben, token=uuid.UUID(lease["token"]))
    assert stage.claim(stage.chi).assignment_id == lease["assignment"]


def test_the_suspended_person_reads_why_and_appeals_and_another_person_decides(stage: cast.Stage) -> None:
    mia, max_ = _manager(stage, "mia"), _manager(stage, "max")
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared the items.", by=mia)
    ben = Client()
    assert ben.login(username="ben", password=cast.PASSWORD)
    assert "Why, and what I can do" in ben.get("/").content.decode()
    page = f"/suspended/{suspension.pk}/"
    assert "Shared the items." in ben.get(page).content.decode()
    assert ben.get("/p/rte/queues/main/label/").status_code == 404
    assert ben.post(page, {"text": " "}).status_code == 422
    assert ben.post(page, {"text": "It was somebody else."}).status_code == 302
    assert ben.post(page, {"text": "Again."}).status_code == 409
    appeal = suspension.appeals.get()

    with pytest.raises(NotAllowed, match="Another person"):
        suspending.decide(appeal=appeal, grant=False, answer="No.", by=mia)
    decide = Client()
    decide.force_login(max_.user)  # type: ignore[arg-type]
    assert "It was somebody else." in decide.get("/p/rte/appeals/").content.decode()
    done = decide.post(f"/p/rte/appeals/{appeal.pk}/", {"to": "grant", "answer": "It was."})
    assert done.status_code == 302
    appeal.refresh_from_db()
    assert (appeal.state, appeal.decided_by, appeal.fallback) == ("granted", max_, False)
    assert "It was." in ben.get(page).content.decode()
    assert Member.objects.get(pk=stage.member("ben").pk).state == MemberState.ACTIVE
    assert ben.get("/p/rte/queues/main/label/").status_code == 200
    AppealText.objects.all().delete()
    assert "The text was erased." in ben.get(page).content.decode()


def test_an_owner_decides_where_nobody_else_can(stage: cast.Stage) -> None:
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared.", by=stage.ada)
    appeal = suspending.appeal(suspension=suspension, text="No.", by=stage.member("ben"))
    upheld = suspending.decide(appeal=appeal, grant=False, answer="Seen twice.", by=stage.ada)
    assert (upheld.state, upheld.fallback) == ("upheld", True)
    assert Member.objects.get(pk=stage.member("ben").pk).state == MemberState.SUSPENDED
    with pytest.raises(WrongState, match="already"):
        suspending.decide(appeal=appeal, grant=True, answer="x", by=stage.ada)


def test_only_the_suspended_herself_appeals_and_nobody_else_sees_the_page(stage: cast.Stage) -> None:
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared.", by=stage.ada)
    with pytest.raises(NotAllowed):
        suspending.appeal(suspension=suspension, text="x", by=stage.member("chi"))
    chi = Client()
    chi.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    assert chi.get(f"/suspended/{suspension.pk}/").status_code == 404
    assert chi.get("/suspended/987654321/").status_code == 404


def test_a_suspension_ends_after_now(stage: cast.Stage) -> None:
    with pytest.raises(Invalid, match="after now"):
        suspending.suspend(
            member=stage.member("ben"),
            reason="x",
            by=stage.ada,
            until=leasing.database_now() - timedelta(days=1),
        )


def test_every_suspension_on_record_has_an_actor_and_a_reason(stage: cast.Stage) -> None:
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared.", by=stage.ada)
    suspending.lift(member=stage.member("ben"), by=stage.ada)
    suspending.suspend(member=stage.member("ben"), reason="Again.", by=stage.ada)
    departing.remove(member=stage.member("ben"), by=stage.ada)
    assert [end.ending for end in SuspensionEnd.objects.order_by("pk")] == ["lifted", "left"]
    events = Event.objects.filter(kind="member.suspended", project=stage.project)
    assert events.count() == 2
    for event in events:
        row = Suspension.objects.get(event_id=event.pk)
        assert event.by_id is not None
        assert (row.by_id, bool(row.reason)) == (event.by_id, True)
    with pytest.raises(WrongState):
        suspending.appeal(suspension=suspension, text="Late.", by=stage.member("ben"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE specs_member SET state = 'suspended' WHERE id = %(member)s",
        "UPDATE workforce_annotator SET state = 'suspended' WHERE member_id = %(member)s",
        "INSERT INTO specs_suspension (project_id, member_id, reason, evidence, event_id) "
        "VALUES (%(project)s, %(member)s, 'x', '{}', 0)",
        "INSERT INTO specs_suspension (project_id, member_id, by_id, reason, evidence, event_id) "
        "VALUES (%(project)s, %(member)s, %(ada)s, ' ', '{}', 0)",
        "INSERT INTO specs_suspension (project_id, member_id, by_id, reason, evidence, event_id) "
        "VALUES (%(project)s, %(member)s, %(member)s, 'x', '{}', 0)",
    ],
)
def test_no_path_suspends_without_a_person_and_a_reason(stage: cast.Stage, statement: str) -> None:
    known = {"member": stage.member("ben").pk, "project": stage.project.pk, "ada": stage.ada.pk}
    with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
        cursor.execute(statement, known)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE specs_member SET state = 'active' WHERE id = %(member)s",
        "UPDATE specs_suspension SET reason = 'another'",
        "DELETE FROM specs_suspension",
        "INSERT INTO specs_suspensionend (project_id, suspension_id, ending, event_id) SELECT project_id, id, 'lifted', 0 "
        "FROM specs_suspension",
        "UPDATE specs_appeal SET state = 'upheld', decided_by_id = %(ada)s, decided_at = now(), answer = 'x'",
        "UPDATE specs_appeal SET state = 'upheld'",
        "INSERT INTO specs_appeal (project_id, suspension_id, suspended_by_id, state) SELECT project_id, id, by_id, 'open' "
        "FROM specs_suspension",
        "INSERT INTO specs_appeal (project_id, suspension_id, suspended_by_id, state, decided_by_id, decided_at, answer) "
        "SELECT project_id, id, member_id, 'upheld', by_id, now(), 'x' FROM specs_suspension",
        "DELETE FROM specs_appeal",
    ],
)
def test_the_record_of_a_suspension_holds(stage: cast.Stage, statement: str) -> None:
    suspension = suspending.suspend(member=stage.member("ben"), reason="Shared.", by=stage.ada)
    suspending.appeal(suspension=suspension, text="No.", by=stage.member("ben"))
    with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
        cursor.execute(statement, {"member": stage.member("ben").pk, "ada": stage.ada.pk})


def test_an_annotator_is_paused_by_somebody(stage: cast.Stage) -> None:
    with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
        cursor.execute("UPDATE workforce_annotator SET state = 'paused' WHERE id = %s", [stage.ben.pk])
    assert Annotator.objects.get(pk=stage.ben.pk).state == "active"
