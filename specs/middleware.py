"""What every page shares: refusals become readable pages, and nothing behind a log-in is kept by caches."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from specs.refusals import Refusal

Respond = Callable[[HttpRequest], HttpResponse]


class RefusalMiddleware:
    """A page whose transition refused shows the reason with the refusal's status. The API has its own handler."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        response = render(request, "refused.html", {"refusal": exception}, status=exception.status)
        if "HX-Request" in request.headers:
            # Above the page that asked, so that the form somebody filled in stays as it is.
            response["HX-Retarget"], response["HX-Reswap"] = "#refusal", "innerHTML"
        return response


class NoStoreMiddleware:
    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
