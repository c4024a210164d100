"""The busiest routes, without what a request in its plain form does not need.

Content negotiation, a choice of parsers, the renderer and copies of every field cost a claim more than its statement does. A
plain request (a POST of JSON with a token that may) is answered here; anything else, every error of form among it, takes the
ordinary way and gets the ordinary answer. Both end in the same method, `answer`, under the same policy.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from specs import canonical, throttling, tokens
from specs.api import problems
from specs.api.base import ApiView

_ACCEPTED = ("", "*/*", "application/json")


class HotView(ApiView):
    """`shaped` says what a body means, or None where the serializer has to look; `answer` does the work."""

    def shaped(self, data: dict[str, Any]) -> dict[str, Any] | None:
        raise NotImplementedError

    def answer(self, data: dict[str, Any], given: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """Status and reply, None for no content. `data` is the body as it came, `given` what it means."""
        raise NotImplementedError

    @property
    def bearer(self) -> tokens.Bearer:
        return self._bearer or super().bearer

    _bearer: tokens.Bearer | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self._plainly(request, kwargs) or super().dispatch(request, *args, **kwargs)

    def _plainly(self, request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponse | None:
        asked = request.META
        scheme, _, secret = asked.get("HTTP_AUTHORIZATION", "").partition(" ")
        if "HTTP_IDEMPOTENCY_KEY" in asked and not self.own_keys:
            return None
        if request.method != "POST" or scheme != "Bearer" or asked.get("HTTP_ACCEPT", "") not in _ACCEPTED:
            return None
        length = asked.get("CONTENT_LENGTH") or "0"
        if length != "0" and asked.get("CONTENT_TYPE") != "application/json":
            return None
        try:
            bearer = tokens.authenticate(secret)
            if bearer is None or not self._lets_in(bearer, kwargs):
                return None
            request.allowance = throttling.spend(bearer)  # type: ignore[attr-defined]  # the middleware tells it
            data = canonical.loads_strict(request.body) if length != "0" else {}
            given = self.shaped(data) if isinstance(data, dict) else None
            if given is None:
                return None
            self._bearer, self.kwargs = bearer, kwargs
            status, reply = self.answer(data, given)
        except canonical.NotCanonical:
            return None
        except Exception as error:
            told = problems.handler(error, {})
            if told is None:
                raise
            headers = {name: value for name, value in told.items() if name != "Content-Type"}
            return JsonResponse(
                told.data, status=told.status_code, headers=headers, content_type=problems.MEDIA_TYPE
            )
        if reply is None:
            return HttpResponse(status=status)
        return HttpResponse(orjson.dumps(reply), status=status, content_type="application/json")

    def _lets_in(self, bearer: tokens.Bearer, kwargs: dict[str, Any]) -> bool:
        policy = self.policies["post"]
        return kwargs.get("project") == bearer.member.project.key and policy.permission in bearer.permissions
