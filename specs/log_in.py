"""Who is logged in, looked up by a prepared statement: every request of a page asks for it."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User

from specs import prepared
from specs.columns import Columns

_USER = Columns(User, "u")
_BY_ID = f"SELECT {_USER.sql} FROM auth_user u WHERE u.id = %(user)s::bigint"


class LogIn(AuthenticationBackend):
    """By user name or e-mail, as allauth has it."""

    def get_user(self, user_id: int) -> User | None:
        found = prepared.run(_BY_ID, {"user": user_id})
        user = _USER.instance(found[0]) if found else None
        return user if user is not None and self.user_can_authenticate(user) else None
