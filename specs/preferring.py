"""The language somebody wants to be spoken to in, on pages and in mails.

A page reads it from a cookie, so that it costs no query: whoever chooses gets it at once, whoever logs in elsewhere gets it then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from specs.models import Member, Preferences
from specs.refusals import Invalid


def known(language: str) -> str:
    """The language, if the program speaks it. Raises `Invalid` otherwise."""
    if language not in dict(settings.LANGUAGES):
        raise Invalid(
            _("This language is not spoken here; there are %(languages)s.")
            % {"languages": ", ".join(dict(settings.LANGUAGES))}
        )
    return language


def choose(*, user: User, language: str) -> None:
    """From now on pages and mails speak this language to the user. Harmless to repeat. Raises `Invalid`."""
    with transaction.atomic():
        Preferences.objects.update_or_create(user=user, defaults={"language": known(language)})


def chosen(user_id: int | None) -> str | None:
    """What a user chose; None for nothing, or for a language that is not spoken here any more."""
    language = Preferences.objects.filter(user=user_id).values_list("language", flat=True).first()
    return language if language in dict(settings.LANGUAGES) else None


def speaking_to(member: Member) -> AbstractContextManager[None]:
    """What is said inside is said in the member's language; in that of this house, where she chose none."""
    return translation.override(chosen(member.user_id) or settings.LANGUAGE_CODE)


def remember(response: HttpResponse, language: str) -> None:
    """Let the browser ask for this language from now on."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,  # type: ignore[arg-type]  # a setting is any text
    )
