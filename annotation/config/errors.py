"""What a fault answers: a page to people, a problem document to whatever calls the API."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views import csrf, defaults

from specs import pooling
from specs.api import problems

API = "/api/"
_TEXTS = {
    400: ("malformed", "The request could not be read."),
    403: ("not-allowed", "You may not do that."),
    404: ("not-found", "There is nothing here, or nothing for you."),
    500: ("fault", "Something broke on our side. Repeating the request with its idempotency key is safe."),
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(400) if _api(request) else defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(403) if _api(request) else defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(404) if _api(request) else defaults.page_not_found(request, exception)


def fault(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database was away: then asking again may work."""
    if isinstance(sys.exc_info()[1], problems.AWAY):
        pooling.drop_broken()
        if _api(request):
            document = problems.document(503, "unavailable", problems.AWAY_TEXT)
            response: HttpResponse = JsonResponse(document, status=503, content_type=problems.MEDIA_TYPE)
        else:
            response = HttpResponse(loader.get_template("503.html").render(), status=503)
        response.headers["Retry-After"] = problems.AWAY_SECONDS
        return response
    return _problem(500) if _api(request) else defaults.server_error(request)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is not of this log-in; the header tells a script that a fresh token may help."""
    response = csrf.csrf_failure(request, reason)
    response.headers["X-Refused"] = "token"
    return response


def _api(request: HttpRequest) -> bool:
    return request.path.startswith(API)


def _problem(status: int) -> JsonResponse:
    document: dict[str, Any] = problems.document(status, *_TEXTS[status])
    return JsonResponse(document, status=status, content_type=problems.MEDIA_TYPE)
