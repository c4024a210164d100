"""Text as people wrote it, shown safely."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from specs import markdown as renderer
from specs.retelling import retold

register = template.Library()


@register.simple_tag(takes_context=True)
def prose(context: template.Context, text: str | None) -> SafeString:
    """The sanitized HTML of a Markdown text, in blocks, with the project's own pictures; "" for nothing.

    Place it inside `hx-disable`.
    """
    project = getattr(context.get("request"), "project", None)
    return renderer.render(text or "", project.key if project else "")


@register.filter
def told(text: str | None) -> str:
    """A text that was stored in English, in the reader's language (`specs.retelling`); "" for nothing."""
    return retold(str(text or ""))


@register.simple_tag
def inert(html: str | None) -> SafeString:
    """HTML of an item with nothing in it that runs. Place it inside `hx-disable`."""
    return renderer.inert(html or "")


@register.simple_tag(takes_context=True)
def label_title(context: template.Context, value: str) -> str:
    """The title of a label by its value, where the page knows them (`titles`); else the value."""
    titles = context.get("titles") or {}
    return str(titles.get(value, value))
