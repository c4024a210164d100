"""Who calls the API, and whether the route's policy lets them. Tokens only: cookies are ignored, so no CSRF can reach it."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from specs import throttling, tokens
from specs.access import Policy


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer cc_...`; a token in the address is never read."""

    def authenticate(self, request: Request) -> tuple[Any, tokens.Bearer] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        bearer = tokens.authenticate(secret.strip())
        if bearer is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        asked = request._request
        if not hasattr(asked, "allowance"):  # else it came by the short way, and is counted
            asked.allowance = throttling.spend(bearer)  # type: ignore[attr-defined]
        return bearer.member.user, bearer

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="concordat"'


class PolicyPermission(BasePermission):
    """The policy of the view's verb, decided before any effect. A foreign project answers like a missing one."""

    def has_permission(self, request: Request, view: Any) -> bool:
        verb = (request.method or "").lower()
        policy: Policy | None = view.policies.get("get" if verb == "head" else verb)
        if policy is None:
            return True  # the verb is refused with 405 a moment later, for everyone alike
        if policy.kind == "public":
            return True
        bearer = request.auth
        if not isinstance(bearer, tokens.Bearer):
            raise NotAuthenticated
        if policy.kind == "member":
            if view.kwargs.get("project") != bearer.member.project.key:
                raise Http404
            if policy.permission not in bearer.permissions:
                raise PermissionDenied("This token, or its member, may not do that.")
        return True
