"""The switch of languages, on every page and before the log-in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from specs import preferring
from specs.access import PUBLIC, page


@require_POST
@page(PUBLIC)
def language(request: HttpRequest) -> HttpResponse:
    """Speak another language, and go back to where it was asked for. A guest is remembered by her browser alone."""
    wanted = preferring.known(request.POST.get("language", ""))
    if request.user.is_authenticated:
        preferring.choose(user=request.user, language=wanted)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if safe else "/")
    preferring.remember(response, wanted)
    return response
