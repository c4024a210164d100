"""Roles, suspension, pseudonyms."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from specs import tokens
from specs.models import Member, MemberState, Role
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from workforce import alerting, departing, leasing, staffing, suspending
from workforce.models import AlertKind, Annotator

pytestmark = pytest.mark.django_db


def test_nobody_grants_a_role_at_or_above_his_own() -> None:
    stage = cast.stage()
    max_ = staffing.add_member(
        project=stage.project, user=cast.user("max"), roles=[Role.MANAGER], by=stage.ada
    )
    for roles in ([Role.OWNER], [Role.MANAGER], [Role.PUBLISHER]):
        with pytest.raises(NotAllowed):
            staffing.add_member(project=stage.project, user=stage.eve, roles=roles, by=max_)
    assert not Member.objects.filter(user=stage.eve).exists()


def test_a_project_keeps_an_owner_and_nobody_changes_himself() -> None:
    stage = cast.stage()
    ann = staffing.add_member(project=stage.project, user=cast.user("ann"), roles=[Role.OWNER], by=stage.ada)
    with pytest.raises(NotAllowed):
        staffing.set_roles(member=stage.ada, roles=[Role.READER], by=stage.ada)
    staffing.set_roles(member=stage.ada, roles=[Role.READER], by=ann)
    stage.ada.refresh_from_db()
    with pytest.raises(NotAllowed):
        staffing.set_roles(member=ann, roles=[Role.READER], by=stage.ada)


def test_a_suspension_needs_a_reason_and_ends_tokens_and_leases() -> None:
    stage = cast.stage()
    stage.load(1)
    secret = stage.token(stage.member("ben"))
    stage.claim(stage.ben)
    with pytest.raises(Invalid):
        suspending.suspend(member=stage.member("ben"), reason=" ", by=stage.ada)
    suspending.suspend(member=stage.member("ben"), reason="Shared the items.", by=stage.ada)
    assert tokens.authenticate(secret) is None
    assert leasing.held(annotator=stage.ben) == []
    stage.ben.refresh_from_db()
    with pytest.raises(NotAllowed, match="suspended"):
        stage.claim(stage.ben)
    suspending.lift(member=stage.member("ben"), by=stage.ada)
    stage.ben.refresh_from_db()
    assert stage.claim(stage.ben).item_key == "item-0"


def test_only_an_active_member_is_suspended() -> None:
    stage = cast.stage()
    Member.objects.filter(pk=stage.member("ben").pk).update(state=MemberState.LEFT)
    with pytest.raises(WrongState):
        suspending.suspend(member=stage.member("ben"), reason="x", by=stage.ada)


def test_a_person_has_another_pseudonym_in_every_project() -> None:
    stage = cast.stage()
    elsewhere = cast.project("elsewhere")
    user = stage.member("ben").user
    assert user is not None
    member = staffing.add_member(project=elsewhere, user=user, roles=[Role.ANNOTATOR], by=None)
    assert staffing.annotator_for(member=member).pseudonym != stage.ben.pseudonym
    assert staffing.annotator_for(member=member) == staffing.annotator_for(member=member)
    assert Annotator.objects.filter(user=user).count() == 2


def test_a_removed_member_loses_everything_but_what_was_answered_and_can_come_back() -> None:
    stage = cast.stage()
    stage.load(2)
    ben = stage.member("ben")
    secret = stage.token(ben)
    stage.answer(stage.ben, "yes")
    stage.claim(stage.ben)
    departing.remove(member=ben, by=stage.ada)
    assert tokens.authenticate(secret) is None
    assert leasing.held(annotator=stage.ben) == []
    assert stage.ben.pk == Annotator.objects.get(member=ben, state="left").pk
    with pytest.raises(WrongState):
        departing.remove(member=ben, by=stage.ada)
    assert ben.user is not None
    staffing.add_member(project=stage.project, user=ben.user, roles=[Role.ANNOTATOR], by=stage.ada)
    assert Annotator.objects.get(member=ben).state == "active"
    assert stage.claim(stage.ben) is not None


def test_a_suspension_is_not_undone_by_adding_the_member_again() -> None:
    stage = cast.stage()
    ben = stage.member("ben")
    suspending.suspend(member=ben, reason="Shared the items.", by=stage.ada)
    assert ben.user is not None
    with pytest.raises(WrongState, match="reinstate"):
        staffing.add_member(project=stage.project, user=ben.user, roles=[Role.ANNOTATOR], by=stage.ada)
    assert Member.objects.get(pk=ben.pk).state == MemberState.SUSPENDED


def test_the_page_of_a_queue_shows_one_page_of_its_people_and_enrols_by_name(
    client: Client, settings: Any
) -> None:
    stage = cast.stage()
    settings.PAGE_SIZE = 2
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    address = "/p/rte/queues/main/"
    first = client.get(address)
    assert [one.annotator for one in first.context["enrolments"]] == [stage.dov, stage.chi]
    assert first.context["n_enrolled"] == 3
    further = client.get(address + first.context["more_people"])
    assert [one.annotator for one in further.context["enrolments"]] == [stage.ben]
    refused = client.post(f"{address}enrol/", {"member": "nobody"})
    assert refused.status_code == 422
    assert "No member here has the user name" in refused.content.decode()
    client.post(f"{address}enrol/", {"member": "ada"})
    assert client.get(address).context["n_enrolled"] == 4


def test_a_queue_and_an_alert_are_handed_over_by_user_name(client: Client, settings: Any) -> None:
    stage = cast.stage()
    for name in ("mia", "max"):
        staffing.add_member(project=stage.project, user=cast.user(name), roles=[Role.MANAGER], by=stage.ada)
    alert = alerting.raise_alert(project=stage.project, kind=AlertKind.BACKLOG, queue=stage.queue, facts={})
    assert alert is not None
    settings.PAGE_SIZE = 1
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    address = "/p/rte/queues/main/"
    assert len(client.get(address).context["owners"]) == 1, "the others are typed"
    assert client.post(f"{address}owner/", {"owner": "nobody"}).status_code == 422
    client.post(f"{address}owner/", {"owner": "mia"})
    client.post(f"/p/rte/alerts/{alert.pk}/hand-over/", {"member": "max"})
    stage.queue.refresh_from_db()
    alert.refresh_from_db()
    assert (str(stage.queue.owner), str(alert.owner)) == ("mia", "max")
