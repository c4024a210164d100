"""Lengths of time as people say them."""

from __future__ import annotations

from datetime import timedelta

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

_DASH = "\N{EN DASH}"


@register.filter
def span(length: timedelta | float | str | None) -> str:
    """A length of time in its two largest units: "3 days 4 h", "12 min", "45 s"; seconds if it is a number."""
    if length is None or isinstance(length, str):
        return _DASH
    seconds = round(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    days, rest = divmod(seconds, 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    if days:
        said = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
        return f"{said} {_('%(n)d h') % {'n': hours}}" if hours and days < 14 else said
    if hours:
        said = _("%(n)d h") % {"n": hours}
        return f"{said} {_('%(n)d min') % {'n': minutes}}" if minutes else said
    return _("%(n)d min") % {"n": minutes}


@register.filter
def days(hours: float | str | None) -> str:
    """Hours as days with one decimal: "2.5 days"; less than one day as `span`; a dash where there are none."""
    if hours is None or isinstance(hours, str):
        return _DASH
    if hours < 24:
        return span(hours * 3600)
    return _("%(n)s days") % {"n": number_format(round(hours / 24, 1), decimal_pos=1)}


@register.filter
def clock(seconds: int | str | None) -> str:
    """Exact seconds as hours, minutes and seconds: "12:04:09"; a dash where there are none."""
    if not isinstance(seconds, int):
        return _DASH
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
