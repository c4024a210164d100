"""What every page shares: refusals become readable pages, and nothing behind a log-in is kept by caches.

The API shares less: its callers have tokens, no session, no language and no form, so it leaves the chain early.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.contrib.auth import middleware as django_auth
from django.contrib.sessions import middleware as django_sessions
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLResolver, get_resolver, set_urlconf
from django.utils import translation
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.functional import SimpleLazyObject

from specs import log_in
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
        for name, value in exception.headers.items():
            response[name] = value
        if "HX-Request" in request.headers:
            # Above the page that asked, so that the form somebody filled in stays as it is.
            response["HX-Retarget"], response["HX-Reswap"] = "#refusal", "innerHTML"
        return response


class SessionMiddleware(django_sessions.SessionMiddleware):
    """Django's; only a session that ended by itself takes no cookie away.

    Its last requests may be answered when she has logged in again, in another window: then the cookie is the next session's.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        ended_by_itself = request.session.is_empty() and not request.session.modified
        response = super().process_response(request, response)
        if ended_by_itself:
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


class AuthenticationMiddleware(django_auth.AuthenticationMiddleware):
    """Django's; only that the user comes with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: log_in.user_of(request))  # type: ignore[assignment]  # a user, once looked at


class NoStoreMiddleware:
    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


NOTHING_TO_SEE = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}
"""What a browser may do with data that is no page."""


API = "/api/v1/"


def with_etag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An answer to a look, with a tag of its bytes, or 304 for whoever has those. Files have tags of their own, streams none."""
    if request.method not in ("GET", "HEAD") or response.status_code != 200 or response.streaming:
        return response
    if not response.has_header("ETag"):
        set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


@cache
def _projects() -> URLResolver:
    """The routes below a project of the API, without the steps that lead there."""
    found = get_resolver()
    for step in (API[1:], "projects/"):
        below = (one for one in found.url_patterns if isinstance(one, URLResolver))
        found = next(one for one in below if str(one.pattern).startswith(step))
    return found


class ShortWayMiddleware:
    """Requests of the API go from here straight to their view: what follows in the chain serves pages only.

    Everything before it (transport, caching) holds for both.
    """

    PREFIX = f"{API}projects/"

    def __init__(self, get_response: Respond) -> None:
        self.long_way = get_response
        self.short_way: Respond = convert_exception_to_response(self.view)  # type: ignore[assignment]  # never async here

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return (
            self.short_way(request) if request.path_info.startswith(self.PREFIX) else self.long_way(request)
        )

    @staticmethod
    def view(request: HttpRequest) -> HttpResponse:
        set_urlconf(None)
        translation.deactivate()  # a page may have left its reader's language on this thread
        match = _projects().resolve(request.path_info.removeprefix(API))
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if callable(render := getattr(response, "render", None)):
            response = render()
        response = with_etag(request, response)
        for name, value in NOTHING_TO_SEE.items():
            response.headers[name] = value
        if allowance := getattr(request, "allowance", None):
            for name, value in allowance.headers().items():
                response.headers[name] = value
        return response
