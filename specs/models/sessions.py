"""Who is logged in, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

if TYPE_CHECKING:
    from specs.session_store import SessionStore


class Session(AbstractBaseSession):
    """A session as Django has it, and whose it is: None until somebody logs in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        from specs.session_store import SessionStore

        return SessionStore
