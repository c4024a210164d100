"""Looking something up by a key that is known in the template only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of(found: Mapping[Any, Any], key: Any) -> Any:
    """What the mapping has under the key; an empty list for nothing."""
    return found.get(key, [])
