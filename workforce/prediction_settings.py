"""The settings of a queue about what models said: their names, and what is wrong with them in words. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from workforce.models import Queue

NAMES = ("predictions", "predictions_share", "predictions_model", "predictions_prefill")
_BEFORE = ("before", "experiment")


def problems(queue: Queue) -> list[dict[str, str]]:
    """What the database would refuse, each with the setting it is about."""
    found = []

    def wrong(where: str, message: str) -> None:
        found.append({"where": where, "message": message})

    if queue.predictions != "hidden" and queue.purpose != "labelling":
        wrong("predictions", _("stay hidden in a queue that measures people or settles what they differ on"))
    if not 0 < Decimal(queue.predictions_share) < 1:
        wrong("predictions_share", _("lies between 0 and 1: each arm needs somebody in it"))
    if queue.predictions_prefill and queue.predictions not in _BEFORE:
        wrong("predictions_prefill", _("goes with predictions that are shown before the answer"))
    return found
