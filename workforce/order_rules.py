"""Which settings of a queue's order make sense together, said in words beside the setting; and how an order is named."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.utils.translation import gettext as _

from specs.wording import number, percent
from workforce.models import Order, OrderKind, Purpose, Queue, Spread
from workforce.models.queues import MAX_STAGGER

NAMES = (
    "order",
    "order_field",
    "order_kind",
    "order_descending",
    "order_seed",
    "spread",
    "stagger",
    "random_share",
)
MOVING = frozenset(NAMES) - {"random_share"}
"""Settings by which what is open lies elsewhere."""
_TAKES_DISPUTES = (Purpose.ADJUDICATION,)


def problems(queue: Queue) -> Sequence[dict[str, str]]:
    """What does not make sense, as `{"where": setting, "message": why}`."""
    found: list[dict[str, str]] = []

    def say(where: str, message: str) -> None:
        found.append({"where": where, "message": message})

    if queue.order == Order.FIELD and not queue.order_field.strip():
        say("order_field", _("is needed: which field of the item the queue is ordered by"))
    if queue.order != Order.FIELD and queue.order_field:
        say("order_field", _("goes with the order “by a field of the item” only; leave it empty"))
    if not 0 <= Decimal(queue.random_share) <= 1:
        say("random_share", _("lies between 0% and 100%"))
    elif Decimal(queue.random_share) and queue.order == Order.RANDOM:
        say("random_share", _("goes with an order: where the order is random, all of it is"))
    if not 0 <= queue.order_seed < 2**63:
        say("order_seed", _("is a whole number from 0"))
    at_most_one = queue.max_overlap == 1
    if not 0 <= queue.stagger <= MAX_STAGGER:
        say("stagger", _("lies between 0 and %(max_stagger)s tasks") % {"max_stagger": number(MAX_STAGGER)})
    elif queue.stagger and (queue.order, queue.spread) != (Order.FIRST_IN, Spread.DEPTH):
        say("stagger", _("goes with the order “first in, first out” where what is begun is finished first"))
    elif queue.stagger and at_most_one:
        say("stagger", _("is about second answers, and no task here gets one"))
    takes_disputes = queue.purpose in _TAKES_DISPUTES
    if queue.spread == Spread.BREADTH and at_most_one:
        say("spread", _("is about second answers, and no task here gets one"))
    if queue.order == Order.OLDEST_DISPUTE and not takes_disputes:
        say("order", _("is for a queue that takes disputes; there are none in this one"))
    if queue.order == Order.DISAGREEMENT and at_most_one and not takes_disputes:
        say("order", _("is for work whose answers can differ: let a task have at least two"))
    return found


def described(queue: Queue) -> str:
    """The order in words, for pages: `By a field of the item: price, numbers, highest first`."""
    said = queue.get_order_display()
    if queue.order == Order.FIELD:
        numbers = queue.order_kind == OrderKind.NUMBER
        ends = (_("lowest first"), _("highest first")) if numbers else (_("from A to Z"), _("from Z to A"))
        said += f": {queue.order_field}, {ends[queue.order_descending]}"
    if queue.max_overlap > 1:
        said += f" · {queue.get_spread_display()}"
    if queue.stagger:
        said += _(" · answers of one task %(stagger)s tasks apart") % {"stagger": queue.stagger}
    if queue.random_share:
        said += _(" · %(random_share)s drawn at random") % {"random_share": percent(queue.random_share, 1)}
    return said
