"""Parts of a page that are the same for everybody under one version: `{% once "part.html" queue.key version.digest %}`.

The part is rendered once per process, language and the values named after it, which have to be all that it shows, but for three
that it gets anew each time: `csrf_token`, `assignment`, `token`. They stand in what is kept as numbers that nobody can guess.
"""

from __future__ import annotations

import secrets
import uuid

from django import template
from django.template.context import Context
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

MOST = 500
_PLACES = {
    "csrf_token": secrets.token_hex(16),
    "assignment": f"9{secrets.randbelow(10**17):017}",  # as an address takes it
    "token": str(uuid.uuid4()),
}
_kept: dict[tuple[str, ...], str] = {}


@register.simple_tag(takes_context=True)
def once(context: Context, part: str, *shown: object) -> SafeString:
    """The template *part*, which shows *shown* and nothing else that changes but what `_PLACES` names."""
    key = (part, get_language() or "", *map(str, shown))
    text = _kept.get(key)
    if text is None:
        if len(_kept) >= MOST:
            _kept.clear()
        engine = context.template.engine  # type: ignore[union-attr]
        with context.push(**_PLACES):
            text = _kept[key] = engine.get_template(part).render(context)
    for name, place in _PLACES.items():
        text = text.replace(place, conditional_escape(str(context.get(name, ""))))
    return mark_safe(text)  # noqa: S308 (rendered above, and what is put into it is escaped)
