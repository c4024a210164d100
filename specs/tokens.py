"""API tokens: a program's key to one project, with permissions of its own.

    (nothing) -> token: create
    token -> revoked: revoke

The secret is shown once; kept is its digest. What a token may do is what it was given *and* its member may still do.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from specs import ledger, prepared
from specs.access import PERMISSIONS, permissions_of
from specs.columns import Columns
from specs.models import ApiToken, Member, Project
from specs.refusals import Invalid, NotAllowed
from specs.wording import number

MAX_LEASES = 10_000
_PREFIX = "cc"
_MAX_TRUSTED = 10_000
_trusted: dict[str, tuple[float, Bearer]] = {}


_MEMBER, _PROJECT = Columns(Member, "m"), Columns(Project, "p")
_USER = Columns(User, "u", without=["password"])
_LOOK_UP = f"""
    SELECT t.id, t.permissions, t.max_leases,
           t.last_used_at IS NULL OR t.last_used_at < statement_timestamp() - interval '1 minute',
           {_MEMBER.sql}, {_PROJECT.sql}, {_USER.sql}
    FROM specs_apitoken t
    JOIN specs_member m ON m.id = t.member_id
    JOIN specs_project p ON p.id = m.project_id
    LEFT JOIN auth_user u ON u.id = m.user_id
    WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND t.expires_at > statement_timestamp() AND m.state = 'active'
      AND coalesce(u.is_active, true)
"""


@dataclass(frozen=True)
class Bearer:
    """Who a token stands for, and what it may do. `max_leases`: no claim by it has the member hold more; None: no limit."""

    token_id: int
    member: Member
    permissions: frozenset[str]
    max_leases: int | None = None


def create(
    *,
    member: Member,
    name: str,
    permissions: Iterable[str],
    expires_at: datetime | None = None,
    max_leases: int | None = None,
    by: Member | None,
    through: Bearer | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its secret, which can never be shown again.

    *through* is the token that asks for it: what it makes can do no more, holds no more and lives no longer than itself.
    Raises `Invalid` for unknown permissions, a wild limit or a life beyond `TOKEN_LIFE`, `NotAllowed` beyond the member's own.
    """
    wanted = sorted(set(permissions))
    if not name.strip() or len(name) > 100:
        raise Invalid(_("A token needs a name of at most 100 characters."))
    if not wanted or not set(wanted) <= set(PERMISSIONS):
        raise Invalid(_("A token needs one or more known permissions."))
    if max_leases is not None and not 1 <= max_leases <= MAX_LEASES:
        raise Invalid(
            _("A token holds some tasks at once, or as many as its queues allow."),
            problems=[
                {
                    "where": "max_leases",
                    "message": _("lies between 1 and %(max_leases)s") % {"max_leases": number(MAX_LEASES)},
                }
            ],
        )
    if not set(wanted) <= permissions_of(member):
        raise NotAllowed(_("A token cannot do more than its member."))
    latest = timezone.now() + settings.TOKEN_LIFE
    if through is not None:
        if not set(wanted) <= through.permissions:
            raise NotAllowed(_("A token makes none that can do more than itself."))
        if through.max_leases is not None:
            max_leases = min(max_leases or through.max_leases, through.max_leases)
        latest = min(latest, ApiToken.objects.values_list("expires_at", flat=True).get(pk=through.token_id))
        expires_at = min(expires_at or latest, latest)
    expires_at = expires_at or latest
    if not timezone.now() < expires_at <= latest + timedelta(minutes=1):
        raise Invalid(
            _("A token ends after now and within %(days)s days.") % {"days": settings.TOKEN_LIFE.days}
        )
    prefix = secrets.token_hex(4)
    secret = f"{_PREFIX}_{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        token = ApiToken.objects.create(
            project_id=member.project_id,
            member=member,
            name=name.strip(),
            prefix=prefix,
            digest=_digest(secret),
            permissions=wanted,
            max_leases=max_leases,
            expires_at=expires_at,
        )
        ledger.record(
            project_id=member.project_id,
            kind="token.created",
            by=by,
            subject=("token", token.pk),
            data={"permissions": wanted, "max_leases": max_leases},
        )
    return token, secret


def authenticate(secret: str) -> Bearer | None:
    """Whom a secret stands for; None when it is unknown, revoked, expired, or its member is not active.

    One statement, and none for a secret that this process looked up within `TOKEN_TRUSTED_FOR`: so long may a token, or a role
    that was taken away elsewhere, still be honoured.
    """
    if not secret.startswith(f"{_PREFIX}_") or len(secret) > 200:
        return None
    digest = _digest(secret)
    until, known = _trusted.get(digest, (0.0, None))
    if time.monotonic() < until:
        return known
    found = prepared.run(_LOOK_UP, {"digest": digest})
    if not found:
        return None
    token_id, permissions, max_leases, used, *row = found[0]
    if used:
        ApiToken.objects.filter(pk=token_id).update(last_used_at=Now())
    member = _MEMBER.instance(row[: len(_MEMBER)])
    member.project = _PROJECT.instance(row[len(_MEMBER) : -len(_USER)])
    user = row[-len(_USER) :]
    member.user = _USER.instance(user) if user[0] is not None else None
    bearer = Bearer(token_id, member, frozenset(permissions) & permissions_of(member), max_leases)
    if len(_trusted) >= _MAX_TRUSTED:
        _trusted.clear()
    _trusted[digest] = (time.monotonic() + settings.TOKEN_TRUSTED_FOR.total_seconds(), bearer)
    return bearer


def forget() -> None:
    """Look every secret up again: a token, a member or a role has changed."""
    _trusted.clear()


def revoke(*, token: ApiToken, by: Member) -> None:
    """End a token at once. Harmless to repeat."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=Now()):
            ledger.record(
                project_id=token.project_id, kind="token.revoked", by=by, subject=("token", token.pk), data={}
            )
    forget()


def _digest(secret: str) -> str:
    """A fast digest is enough: the secret has 256 random bits, so there is nothing to guess."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"
