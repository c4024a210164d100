"""Why an item cannot be labelled: the categories a queue offers, and their words."""

from __future__ import annotations

import re
from datetime import timedelta

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext as _

from workforce.models import Queue

TITLES = {
    "broken": gettext_noop("It is broken or not shown"),
    "empty": gettext_noop("There is nothing in it"),
    "wrong-language": gettext_noop("It is in another language than it should be"),
    "not-understandable": gettext_noop("It cannot be understood"),
    "other": gettext_noop("Something else is wrong with it"),
}
MOST = 20
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def title(category: str) -> str:
    """The words of a category; one of a queue's own is its key, read as words."""
    if category in TITLES:
        return gettext(TITLES[category])
    if category == "split":
        return gettext("It was split into several")
    return category.replace("-", " ").capitalize()


def offered(queue: Queue) -> list[tuple[str, str]]:
    """Category and words, in the queue's order."""
    return [(category, title(category)) for category in queue.cannot_categories]


def problems(queue: Queue) -> list[dict[str, str]]:
    """What is wrong with a queue's rules for skips and for what cannot be labelled, in words."""
    found: list[dict[str, str]] = []
    if not 0 <= queue.skips_per_hour <= 1000:
        found.append({"where": "skips_per_hour", "message": _("lies between 0 and 1000")})
    if not 0 <= queue.skip_share <= 1:
        found.append({"where": "skip_share", "message": _("lies between 0 and 1")})
    if not timedelta(0) <= queue.hold_for <= timedelta(days=60):
        found.append({"where": "hold_for", "message": _("lies between 0 (nothing is held) and 60 days")})
    if not timedelta(0) <= queue.undo_for <= timedelta(hours=1):
        found.append(
            {"where": "undo_for", "message": _("lies between 0 (nothing is taken up again) and one hour")}
        )
    categories = list(queue.cannot_categories)
    if len(categories) > MOST or len(set(categories)) < len(categories):
        found.append(
            {
                "where": "cannot_categories",
                "message": _("are at most %(most)s, and each stands there once") % {"most": MOST},
            }
        )
    for category in categories:
        if len(category) > 32 or not _KEY.fullmatch(category):
            found.append(
                {
                    "where": "cannot_categories",
                    "message": _(
                        "%(category)r is none: a category has lower-case letters, digits and hyphens"
                    )
                    % {"category": category[:40]},
                }
            )
    return found
