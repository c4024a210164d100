"""Refusals and errors as problem documents (RFC 9457), one shape for all."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from specs.refusals import Refusal

MEDIA_TYPE = "application/problem+json"


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: None for what is no answer but a fault (it becomes a 500 without details)."""
    if isinstance(error, Refusal):
        return problem(error.status, error.code, error.message, **error.details)
    if isinstance(error, Http404):
        return problem(404, "not-found", "There is nothing here, or nothing for you.")
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
    body = {
        "type": f"urn:concordat:problem:{code}",
        "title": code,
        "status": status,
        "detail": message,
        **details,
    }
    return Response(body, status=status, content_type=MEDIA_TYPE)


def _flat(detail: Any, where: str = "") -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flat(value, where)
    else:
        yield {"where": where, "message": str(detail)}
