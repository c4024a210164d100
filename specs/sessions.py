"""Log-ins that end before their time: sessions live in the database, so every web process sees it at its next request."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.functions import Now


def end_sessions_of(*, user_id: int) -> int:
    """Log a user out everywhere; returns how many sessions ended.

    A session does not say whose it is except in its signed content, so all that are alive are read. A request that is under way
    cannot bring one back: the session store only updates a row that is still there.
    """
    mine = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=Now()).iterator(chunk_size=2000)
        if session.get_decoded().get(SESSION_KEY) == str(user_id)
    ]
    return Session.objects.filter(pk__in=mine).delete()[0]
