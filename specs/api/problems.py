"""Refusals and errors as problem documents (RFC 9457), one shape for all."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from specs import pooling
from specs.refusals import Refusal

MEDIA_TYPE = "application/problem+json"
AWAY = (OperationalError, InterfaceError)
"""The database is away, restarting, or gave this transaction up for another's sake: asking again may work."""
AWAY_TEXT = (
    "The database does not answer just now. Ask again: with the same idempotency key nothing counts twice."
)
AWAY_SECONDS = "2"


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: None for what is no answer but a fault (it becomes a 500 without details)."""
    if isinstance(error, Refusal):
        response = problem(error.status, error.code, error.message, **error.details)
        for name, value in error.headers.items():
            response.headers[name] = value
        return response
    if isinstance(error, Http404):
        return problem(404, "not-found", "There is nothing here, or nothing for you.")
    if isinstance(error, AWAY):
        pooling.drop_broken()
        response = problem(503, "unavailable", AWAY_TEXT)
        response.headers["Retry-After"] = AWAY_SECONDS
        return response
    if isinstance(error, PermissionDenied):
        return problem(403, "not-allowed", "You may not do that.")
    if isinstance(error, exceptions.ValidationError):
        return problem(
            422,
            "invalid",
            "The request does not have the shape it needs.",
            problems=list(_flat(error.detail)),
        )
    if isinstance(error, exceptions.APIException):
        headers = {}
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait))
        response = problem(error.status_code, str(error.default_code).replace("_", "-"), str(error.detail))
        for name, value in headers.items():
            response.headers[name] = value
        return response
    return None


def problem(status: int, code: str, message: str, **details: Any) -> Response:
    """A problem document; `code` is stable, `detail` is for people."""
    set_rollback()
    return Response(document(status, code, message, **details), status=status, content_type=MEDIA_TYPE)


def document(status: int, code: str, message: str, **details: Any) -> dict[str, Any]:
    """The body of a problem document."""
    return {
        "type": f"urn:concordat:problem:{code}",
        "title": code,
        "status": status,
        "detail": message,
        **details,
    }


def _flat(detail: Any, where: str = "") -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flat(value, where)
    else:
        yield {"where": where, "message": str(detail)}
