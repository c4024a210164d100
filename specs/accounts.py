"""allauth's rules for this product: people come in by an owner; sign-up is closed unless a setting opens it.

Whoever logs in is spoken to in the language of her choice, on whatever machine.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from specs import preferring


class ClosedAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGN_UP_OPEN)

    def post_login(self, request: HttpRequest, user: Any, **given: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **given)
        if (language := preferring.chosen(user.pk)) is not None:
            preferring.remember(response, language)
        return response
