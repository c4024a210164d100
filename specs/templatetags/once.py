"""Parts of a page that are the same for everybody under one version: `{% once "part.html" queue.key version.digest %}`.

The part is rendered once per process, language and the values named after it, which have to be all that it shows, but for those
in `_PLACES`, which it gets anew each time. They stand in what is kept as numbers that nobody can guess.
"""

from __future__ import annotations

import re
import secrets
import uuid
from functools import lru_cache

from django import template
from django.template.context import Context
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

MOST = 500


def _number() -> str:
    """As an address takes it."""
    return f"9{secrets.randbelow(10**17):017}"


_PLACES = {
    "csrf_token": secrets.token_hex(16),
    "assignment": _number(),
    "task": _number(),
    "undone": _number(),
    "item_key": secrets.token_hex(16),
    "token": str(uuid.uuid4()),
}
_NAMES = {place: name for name, place in _PLACES.items()}
_ANY = re.compile(f"({'|'.join(_NAMES)})")


class _Kept:
    """A part as it is kept: text, the name of a place, text, ...; empty until it is rendered."""

    pieces: tuple[str, ...] = ()


@lru_cache(maxsize=MOST)
def _kept(part: str, language: str, shown: tuple[str, ...]) -> _Kept:
    return _Kept()


@register.simple_tag(takes_context=True)
def once(context: Context, part: str, *shown: object) -> SafeString:
    """The template *part*, which shows *shown* and nothing else that changes but what `_PLACES` names."""
    kept = _kept(part, get_language() or "", tuple(map(str, shown)))
    if not kept.pieces:
        engine = context.template.engine  # type: ignore[union-attr]
        with context.push(**_PLACES):
            pieces = _ANY.split(engine.get_template(part).render(context))
        pieces[1::2] = [_NAMES[place] for place in pieces[1::2]]
        kept.pieces = tuple(pieces)
    filled = list(kept.pieces)
    if len(filled) > 1:
        now = {name: conditional_escape(str(context.get(name, ""))) for name in set(filled[1::2])}
        filled[1::2] = [now[name] for name in filled[1::2]]
    return mark_safe("".join(filled))  # noqa: S308 (rendered above, and what is put into it is escaped)
