"""The settings of a queue about gold and repeats: their names, and what is wrong with them in words. Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from workforce.models import Queue

NAMES = (
    "gold_share",
    "gold_first",
    "gold_first_of",
    "gold_feedback",
    "gold_verdict_from",
    "gold_failed_share",
    "gold_exposures",
    "gold_age",
    "repeat_share",
    "repeat_after",
    "repeat_after_answers",
)


def problems(queue: Queue) -> list[dict[str, str]]:
    """What the database would refuse, and what makes no sense, each with the setting it is about."""
    found = []

    def wrong(where: str, message: str) -> None:
        found.append({"where": where, "message": message})

    if not 0 <= Decimal(queue.gold_share) <= Decimal("0.5"):
        wrong("gold_share", _("lies between 0 and 0.5"))
    if not 0 <= queue.gold_first <= queue.gold_first_of:
        wrong("gold_first", _("is at most the number of first claims it is among"))
    elif queue.gold_first * 2 > queue.gold_first_of:
        wrong("gold_first", _("is at most half of the first claims: there has to be work among them"))
    if queue.gold_first and not queue.gold_share:
        wrong("gold_share", _("cannot be 0 while newcomers get gold: nobody would be looked after later"))
    if not 0 < Decimal(queue.gold_failed_share) <= 1:
        wrong("gold_failed_share", _("lies above 0 and at most at 1"))
    if queue.gold_age is not None and queue.gold_age < timedelta(days=1):
        wrong("gold_age", _("is at least a day, or empty"))
    if not 0 <= Decimal(queue.repeat_share) <= Decimal("0.1"):
        wrong("repeat_share", _("lies between 0 and 0.1"))
    if queue.repeat_share and queue.repeat_after < timedelta(hours=1):
        wrong("repeat_after", _("is at least an hour: what one still remembers is no repeat"))
    return found
