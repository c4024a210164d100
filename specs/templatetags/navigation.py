"""Which entry of a navigation leads to the page that is shown."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def current(path: str, href: str) -> str:
    """The value of `aria-current`: "page" for the page itself, "true" for a page below it, else "".

    Nothing lies below "/", or every page would.

    >>> current("/p/rte/queues/7/", "/p/rte/queues/")
    'true'
    """
    if path == href:
        return "page"
    stem = href.rstrip("/")
    return "true" if stem and path.startswith(stem + "/") else ""


@register.filter
def among(path: str, rooms: str) -> bool:
    """Whether the page stands in one of these rooms of a project: the parts of addresses after its key, spaces between.

    >>> among("/p/rte/alerts/", "alerts cost")
    True
    """
    parts = path.split("/")
    return parts[1:2] == ["p"] and any(part in rooms.split() for part in parts[3:4])
