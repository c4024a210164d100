"""The base of every API view: the policy per verb, the caller, checked bodies, keyset pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from specs import tokens
from specs.access import Policy
from specs.api import keyed, strict
from specs.api.deprecating import Deprecation
from specs.models import Member, Project

Row = TypeVar("Row", bound=models.Model)


class ApiView(APIView):
    """`policies` names who may use each verb; a verb without one does not exist (checked by a test over all routes)."""

    policies: ClassVar[dict[str, Policy]] = {}
    own_keys: ClassVar[bool] = False
    """Whether the view sees to idempotency keys itself."""
    deprecated: ClassVar[Deprecation | None] = None
    """Since when the route should not be built on; its operations say `deprecated` as well (checked by a test)."""
    shown_once: ClassVar[tuple[str, ...]] = ()
    """Fields of a reply that are told once and kept nowhere."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who calls, and whether they may; then a request with an idempotency key is made to have one effect."""
        super().initial(request, *args, **kwargs)
        if request.method not in keyed.UNSAFE or self.own_keys or keyed.HEADER not in request.headers:
            return
        verb = request.method.lower()
        if verb not in self.policies:
            return  # 405 in a moment
        handler = keyed.once(
            getattr(self, verb),
            request=request,
            member=self.member,
            refused=self.handle_exception,
            shown_once=self.shown_once,
        )
        setattr(self, verb, handler)  # what `dispatch` looks up next

    def deprecation(self) -> Deprecation | None:
        """Whether the route, or what it gave just now, should not be built on any more."""
        return self.deprecated

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Every answer of what should not be built on says so."""
        whole = super().finalize_response(request, response, *args, **kwargs)
        told = self.deprecation()
        if told is not None:
            for name, value in told.headers().items():
                whole.headers[name] = value
        return whole

    @property
    def bearer(self) -> tokens.Bearer:
        bearer = self.request.auth
        assert isinstance(bearer, tokens.Bearer)
        return bearer

    @property
    def member(self) -> Member:
        return self.bearer.member

    @property
    def project(self) -> Project:
        return self.bearer.member.project

    def body(self, shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        """The checked body; unknown fields are refused by name."""
        return self.checked(shape, request.data)

    def checked(self, shape: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
        """A body, or one of several in it, as *shape* has it."""
        if not isinstance(data, dict):
            raise ValidationError({"body": ["must be an object"]})
        serializer = shape(data=data)
        unknown = sorted(set(data) - set(serializer.fields))
        if unknown:
            raise ValidationError({name[:64]: ["is not a field of this request"] for name in unknown[:20]})
        if wrong := dict(strict.problems(serializer, data)):
            raise ValidationError(wrong)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def choice(self, request: Request, name: str, choices: Iterable[str]) -> str:
        """One of the choices, or "" where the address names none."""
        found = self.said_once(request, name) or ""
        if found and found not in (known := list(choices)):
            raise ValidationError({name: [f"is one of: {', '.join(known)}"]})
        return found

    def flag(self, request: Request, name: str) -> bool:
        """Whether the address says yes; no, where it says nothing."""
        return self.choice(request, name, ["1", "true", "0", "false"]) in ("1", "true")

    def page(self, rows: models.QuerySet[Row], request: Request) -> tuple[list[Row], int | None]:
        """A keyset page, newest first: `?before=ID&limit=N`; the second value is the next `before`, None at the end."""
        limit = self.number(request, "limit", settings.PAGE_SIZE, low=1, high=settings.MAX_PAGE_SIZE)
        before = self.number(request, "before", 0, low=0, high=2**62)
        if before:
            rows = rows.filter(pk__lt=before)
        found = list(rows.order_by("-pk")[: limit + 1])
        return found[:limit], (found[limit - 1].pk if len(found) > limit else None)

    def said_once(self, request: Request, name: str) -> str | None:
        """What the address says under the name; that it says it twice is refused."""
        found = request.query_params.getlist(name)
        if len(found) > 1:
            raise ValidationError({name: ["is said once"]})
        return found[0] if found else None

    def number(self, request: Request, name: str, default: int, *, low: int, high: int) -> int:
        raw = self.said_once(request, name)
        if raw is None:
            return default
        try:
            value = int(raw)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValidationError({name: [f"is a whole number between {low} and {high}"]})
        return value
