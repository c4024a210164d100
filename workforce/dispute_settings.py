"""The settings of an adjudication queue about how its disputes are decided, and what is wrong with them in words. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from workforce.models import Queue

SHARES = ("independent_share", "second_share")
NAMES = ("value_field", *SHARES)


def problems(queue: Queue) -> list[dict[str, str]]:
    """What the database would refuse, each with the setting it is about."""
    return [
        {"where": name, "message": _("lies between 0 and 1")}
        for name in SHARES
        if not 0 <= Decimal(getattr(queue, name)) <= 1
    ]
