"""Who is logged in: the user who came with the session, else by a prepared statement."""

from __future__ import annotations

from contextvars import ContextVar

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from specs import prepared
from specs.columns import Columns

_USER = Columns(User, "u")
_BY_ID = f"SELECT {_USER.sql} FROM auth_user u WHERE u.id = %(user)s::bigint"
_came: ContextVar[User | None] = ContextVar("came", default=None)


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """Whose request it is, as Django finds and checks it; the session has brought its user."""
    request.session.get(auth.SESSION_KEY)  # reads it
    came = _came.set(getattr(request.session, "user", None))
    try:
        return auth.get_user(request)
    finally:
        _came.reset(came)


class LogIn(AuthenticationBackend):
    """By user name or e-mail, as allauth has it."""

    def get_user(self, user_id: int) -> User | None:
        user = _came.get()
        if user is None or user.pk != user_id:
            found = prepared.run(_BY_ID, {"user": user_id})
            user = _USER.instance(found[0]) if found else None
        return user if user is not None and self.user_can_authenticate(user) else None
