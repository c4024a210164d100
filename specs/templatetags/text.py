"""Text as people wrote it, shown safely."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from specs import markdown as renderer

register = template.Library()


@register.filter
def markdown(text: str | None) -> SafeString:
    """The sanitized HTML of a Markdown text, in blocks; "" for nothing. Place it inside `hx-disable`."""
    return renderer.render(text or "")
