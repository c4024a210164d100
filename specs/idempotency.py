"""The first reply to a keyed request, kept in the transaction of its effect; a repeat gets that very reply."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from specs import canonical
from specs.models import Member, StoredReply
from specs.refusals import Invalid, KeyReused

MAX_KEY = 100


def check(key: str) -> None:
    """Raises `Invalid` for a key that is none."""
    if not 8 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(
            _("An idempotency key has 8 to %(max_key)s printable characters.") % {"max_key": MAX_KEY}
        )


def find(*, member: Member, route: str, key: str) -> StoredReply | None:
    return StoredReply.objects.filter(member=member, route=route, key=key).first()


def same(kept: StoredReply, body_digest: str) -> None:
    """Raises `KeyReused` when the body is another one."""
    if kept.body_digest != body_digest:
        raise KeyReused(_("This idempotency key came before with another body."))


def replay(*, member: Member, route: str, key: str, body: Any) -> StoredReply | None:
    """The kept reply under this key, or None. Raises `KeyReused` when the body is another one."""
    check(key)
    kept = find(member=member, route=route, key=key)
    if kept is not None:
        same(kept, _digest(body))
    return kept


def keep(
    *, member: Member, route: str, key: str, status: int, reply: Any, body: Any = None, body_digest: str = ""
) -> None:
    """Keep the reply to a body, or to one of which the digest is known; a reply that is there already stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO specs_storedreply (member_id, route, key, body_digest, status, reply, created_at)
               VALUES (%s, %s, %s, %s, %s, %s::jsonb, statement_timestamp()) ON CONFLICT DO NOTHING""",
            [member.pk, route, key, body_digest or _digest(body), status, canonical.dumps(reply).decode()],
        )


def _digest(body: Any) -> str:
    return canonical.digest(canonical.dumps(body))
