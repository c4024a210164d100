"""Sessions in the database with their users, both looked up by one prepared statement: every request of a page asks for them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db

from specs import prepared
from specs.columns import Columns
from specs.models import Session

_SESSION, _USER = Columns(Session, "s"), Columns(User, "u")
_LIVE = f"""
    SELECT {_SESSION.sql}, {_USER.sql} FROM specs_session s LEFT JOIN auth_user u ON u.id = s.user_id
    WHERE s.session_key = %(key)s AND s.expire_date > statement_timestamp()
"""


class SessionStore(db.SessionStore):
    user: User | None = None
    """Whose session it was when it was read; None for nobody's."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)
        session.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return session

    def _get_session_from_db(self) -> Session | None:
        found = prepared.run(_LIVE, {"key": self.session_key})
        if not found:
            self._session_key = None
            return None
        user = found[0][len(_SESSION) :]
        self.user = _USER.instance(user) if user[0] is not None else None
        return _SESSION.instance(found[0][: len(_SESSION)])
