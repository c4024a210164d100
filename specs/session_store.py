"""Django's sessions in the database, looked up by a prepared statement: every request of a page asks for one."""

from __future__ import annotations

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from specs import prepared
from specs.columns import Columns

_SESSION = Columns(Session, "s")
_LIVE = f"SELECT {_SESSION.sql} FROM django_session s WHERE s.session_key = %(key)s AND s.expire_date > statement_timestamp()"


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        found = prepared.run(_LIVE, {"key": self.session_key})
        if found:
            return _SESSION.instance(found[0])
        self._session_key = None
        return None
