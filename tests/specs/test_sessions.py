"""Sessions: whose they are, how they end, and that a session and its user come together."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from specs import sessions
from specs.models import Session
from tests import cast

pytestmark = pytest.mark.django_db


def _logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_all_sessions_of_a_person_end_by_one_statement_and_nobody_elses() -> None:
    ada, ben = cast.user("ada"), cast.user("ben")
    clients = [_logged_in(ada), _logged_in(ada), _logged_in(ben)]
    nobody = Client()
    nobody.session.save()
    assert Session.objects.filter(user=ada).count() == 2
    assert all(map(_is_in, clients))
    with CaptureQueriesContext(connection) as seen:
        assert sessions.end_sessions_of(user_id=ada.pk) == 2
    assert len(seen) == 1
    assert list(map(_is_in, clients)) == [False, False, True]


def test_a_session_and_its_user_are_one_statement() -> None:
    client = _logged_in(cast.user("ada"))
    _is_in(client)
    with CaptureQueriesContext(connection) as seen:
        assert _is_in(client)
    (read,) = (query["sql"] for query in seen if "auth_user" in query["sql"])
    assert "specs_session" in read


@pytest.mark.parametrize("change", ["is_active", "password", "gone"])
def test_what_changes_of_a_user_holds_for_the_next_request(change: str) -> None:
    ada, ben = cast.user("ada"), cast.user("ben")
    client, other = _logged_in(ada), _logged_in(ben)
    assert _is_in(client)
    if change == "is_active":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    elif change == "password":
        ada.set_password("another one entirely")
        ada.save()
    else:
        ada.delete()
    assert not _is_in(client)
    assert _is_in(other)


def test_a_session_is_somebodys_from_log_in_to_log_out() -> None:
    ada = cast.user("ada")
    client = Client()
    client.session.save()
    client.force_login(ada)
    assert Session.objects.get().user_id == ada.pk
    client.logout()
    assert not Session.objects.filter(user=ada).exists()


def test_whose_a_session_is_stands_in_its_signed_content() -> None:
    """A row that names another user than its content lets neither in as the other."""
    ada, ben = cast.user("ada"), cast.user("ben")
    client = _logged_in(ada)
    Session.objects.update(user=ben)
    page = client.get("/")
    assert page.context["request"].user.pk == ada.pk
