"""The pages of accounts wear our clothes: one heading, our forms, nothing the policy blocks, no sign-up."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from specs.models import Session

PASSWORD = "a harbour in the morning"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", "ada@example.org", PASSWORD)


@pytest.fixture
def signed_in(client: Client, ada: User) -> Client:
    """By the forms, a moment ago: no page asks for the password again."""
    client.post(reverse("account_login"), {"login": "ada", "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def shown(client: Client, name: str) -> str:
    response = client.get(reverse(name))
    assert response.status_code == 200, response.headers.get("Location")
    html: str = response.content.decode()
    assert html.count("<h1") == 1
    assert 'class="brand"' in html
    assert not re.search(r"<[^>]*\sstyle=|<p>\s*<label", html)
    return html


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_a_visitor_finds_the_page(client: Client, db: None, name: str) -> None:
    shown(client, name)


@pytest.mark.parametrize(
    "name",
    [
        "account_logout",
        "account_email",
        "account_change_password",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
    ],
)
def test_a_person_finds_the_pages_of_the_account(signed_in: Client, name: str) -> None:
    assert "user-menu" in shown(signed_in, name)


def test_nobody_is_invited_to_sign_up(client: Client, db: None) -> None:
    assert reverse("account_signup") not in shown(client, "account_login")


def test_a_wrong_password_is_said_and_the_name_stays(client: Client, ada: User) -> None:
    html = client.post(reverse("account_login"), {"login": "ada", "password": "wrong"}).content.decode()
    assert 'role="alert"' in html
    assert 'value="ada"' in html


def test_logging_in_says_nothing_and_logging_out_does(signed_in: Client) -> None:
    assert "_auth_user_id" in signed_in.session
    assert 'class="messages"' not in shown(signed_in, "account_email")
    html = signed_in.post(reverse("account_logout"), follow=True).content.decode()
    assert "You are logged out." in html


def test_the_last_request_of_a_session_that_is_over_takes_no_cookie_away(
    signed_in: Client, ada: User
) -> None:
    """It may be answered when she has logged in again, and the cookie is the next session's."""
    cookie = settings.SESSION_COOKIE_NAME
    Session.objects.all().delete()
    late = signed_in.get("/")
    assert (late.status_code, cookie in late.cookies) == (302, False)
    signed_in.post(reverse("account_login"), {"login": "ada", "password": PASSWORD})
    ada.set_password("another harbour")
    ada.save()
    assert signed_in.get("/").cookies[cookie]["max-age"] == 0  # this one is ended here and now
