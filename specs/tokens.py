"""API tokens: a program's key to one project, with permissions of its own.

    (nothing) -> token: create
    token -> revoked: revoke

The secret is shown once; kept is its digest. What a token may do is what it was given *and* its member may still do.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from specs import ledger
from specs.access import PERMISSIONS, permissions_of
from specs.models import ApiToken, Member, MemberState
from specs.refusals import Invalid, NotAllowed

_PREFIX = "cc"


@dataclass(frozen=True)
class Bearer:
    """Who a token stands for, and what it may do."""

    token_id: int
    member: Member
    permissions: frozenset[str]


def create(
    *,
    member: Member,
    name: str,
    permissions: Iterable[str],
    expires_at: datetime | None = None,
    by: Member | None,
) -> tuple[ApiToken, str]:
    """A new token and its secret, which can never be shown again.

    Raises `Invalid` for unknown permissions or a life beyond `TOKEN_LIFE`, `NotAllowed` beyond the member's own.
    """
    wanted = sorted(set(permissions))
    if not name.strip() or len(name) > 100:
        raise Invalid("A token needs a name of at most 100 characters.")
    if not wanted or not set(wanted) <= set(PERMISSIONS):
        raise Invalid("A token needs one or more known permissions.")
    if not set(wanted) <= permissions_of(member):
        raise NotAllowed("A token cannot do more than its member.")
    latest = timezone.now() + settings.TOKEN_LIFE
    expires_at = expires_at or latest
    if not timezone.now() < expires_at <= latest + timedelta(minutes=1):
        raise Invalid(f"A token ends after now and within {settings.TOKEN_LIFE.days} days.")
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
            expires_at=expires_at,
        )
        ledger.record(
            project_id=member.project_id,
            kind="token.created",
            by=by,
            subject=("token", token.pk),
            data={"permissions": wanted},
        )
    return token, secret


def authenticate(secret: str) -> Bearer | None:
    """Whom a secret stands for; None when it is unknown, revoked, expired, or its member is not active. One query."""
    if not secret.startswith(f"{_PREFIX}_") or len(secret) > 200:
        return None
    token = (
        ApiToken.objects.select_related("member", "member__project", "member__user")
        .filter(Q(expires_at__gt=Now()), digest=_digest(secret), revoked_at__isnull=True)
        .first()
    )
    if token is None or token.member.state != MemberState.ACTIVE:
        return None
    user = token.member.user
    if user is not None and not user.is_active:
        return None
    if token.last_used_at is None or timezone.now() - token.last_used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())
    return Bearer(token.pk, token.member, frozenset(token.permissions) & permissions_of(token.member))


def revoke(*, token: ApiToken, by: Member) -> None:
    """End a token at once. Harmless to repeat."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=Now()):
            ledger.record(
                project_id=token.project_id, kind="token.revoked", by=by, subject=("token", token.pk), data={}
            )


def _digest(secret: str) -> str:
    """A fast digest is enough: the secret has 256 random bits, so there is nothing to guess."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"
