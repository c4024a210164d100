"""An unsafe request with an `Idempotency-Key` has its effect once: a repeat is answered with the first reply, and does nothing.

The reply is kept in the transaction of the effect, so either both are there or neither; two requests under one key at the same
moment go one after the other. Kept are replies of success: a refusal changed nothing, and the same request may succeed later. A
key belongs to whoever sent it, and to the address; with another body it is refused. Views with keys of their own
(`own_keys`) are left alone; of a reply with something that is shown once (`shown_once`) the rest is kept, and a repeat says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from specs import canonical, idempotency
from specs.models import Member
from specs.refusals import Refusal

HEADER = "Idempotency-Key"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
_CHUNK = 2**18
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('specs.keyed ' || %s, 0))"

Handler = Callable[..., HttpResponse]


class ShownOnce(Refusal):
    """The first reply held a secret, which is kept nowhere. `first` is the rest of it."""

    code = "shown-once"
    status = 409


def once(
    handler: Handler,
    *,
    request: Request,
    member: Member,
    refused: Callable[[Exception], HttpResponse],
    shown_once: tuple[str, ...] = (),
) -> Handler:
    """The handler of a keyed request, made to have one effect. *refused* turns what it raises into an answer."""
    key = request.headers[HEADER]
    address = hashlib.sha256(request.path_info.encode()).hexdigest()[:40]
    route = f"{request.method} {address}"

    def handle(*args: Any, **kwargs: Any) -> HttpResponse:
        idempotency.check(key)
        body = _Body(request)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_ALONE, [f"{member.pk} {route} {key}"])
            first = idempotency.find(member=member, route=route, key=key)
            if first is not None:
                idempotency.same(first, body.digest())
                return _again(first.reply, first.status, shown_once)
            try:
                response = handler(*args, **kwargs)
            except Exception as error:
                return refused(
                    error
                )  # what the handler leaves behind on purpose stays, as it would without a key
            if response.status_code < 400:
                idempotency.keep(
                    member=member,
                    route=route,
                    key=key,
                    body_digest=body.digest(),
                    status=response.status_code,
                    reply=_kept(getattr(response, "data", None), shown_once),
                )
        return response

    return handle


def _kept(data: Any, shown_once: tuple[str, ...]) -> str:
    """A reply's JSON, as it was sent but for what is shown once; empty where there was no content."""
    if isinstance(data, dict):
        data = {name: value for name, value in data.items() if name not in shown_once}
    return JSONRenderer().render(data).decode() if data is not None else ""


def _again(reply: str, status: int, shown_once: tuple[str, ...]) -> HttpResponse:
    if shown_once:
        raise ShownOnce(
            _(
                "This was done already, and its secret was shown with the first reply. Make another one under another key."
            ),
            first=canonical.loads_strict(reply),
        )
    return HttpResponse(reply, status=status, content_type="application/json" if reply else None)


class _Body:
    """A body's digest: of what its JSON means, or of its bytes as they pass, so that a large one is not held."""

    def __init__(self, request: Request) -> None:
        self.request, self.form = request, (request.content_type or "").partition(";")[0].strip().lower()
        self.passed = hashlib.sha256(f"{self.form}?{request.META.get('QUERY_STRING', '')}\n".encode())
        self.is_json = self.form in ("", "application/json")
        if not self.is_json:
            asked: Any = request._request
            asked._stream = self.source = _Passing(asked._stream, self.passed)

    def digest(self) -> str:
        if self.is_json:
            self.passed.update(canonical.dumps(self.request.data))
        else:
            while self.source.read(_CHUNK):
                """What nobody read belongs to the body as well."""
        return f"sha256:{self.passed.hexdigest()}"


class _Passing:
    """A stream that counts what is read from it."""

    def __init__(self, stream: Any, total: Any) -> None:
        self.stream, self.total = stream, total

    def read(self, *args: Any) -> bytes:
        data: bytes = self.stream.read(*args)
        self.total.update(data)
        return data

    def readline(self, *args: Any) -> bytes:
        data: bytes = self.stream.readline(*args)
        self.total.update(data)
        return data
