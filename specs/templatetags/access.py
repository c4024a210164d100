"""What a page may offer to whoever asked. It only hides; route and transition decide (`specs.access`)."""

from __future__ import annotations

from django import template
from django.http import HttpRequest

from specs.access import PERMISSIONS

register = template.Library()


@register.filter
def may(request: HttpRequest, permission: str) -> bool:
    """Whether the member of this request has the permission; False on pages outside a project.

    Raises ValueError for a permission that does not exist, so that a slip of the pen hides nothing for ever.
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is no permission")
    return permission in getattr(request, "permissions", frozenset())
