"""What a queue's owner answers for, and who that is.

    owner -> owner: transfer

A service level says how old the oldest task may be, which share of the tasks is settled within which time, and the same for
disputes. No queue is without one, and none is open without an owner: both are constraints.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.access import ROLES, permissions_of
from specs.models import Member, MemberState
from specs.refusals import Invalid
from workforce.models import Queue

MAY_OWN = "queue.read"
OWNING_ROLES = sorted(role for role, permissions in ROLES.items() if MAY_OWN in permissions)


def transfer(*, queue: Queue, to: Member, by: Member) -> Queue:
    """Another member answers for the queue from now on. Raises `Invalid` for one who is gone or cannot see queues."""
    if to.project_id != queue.project_id or to.state != MemberState.ACTIVE:
        raise Invalid(_("Only an active member of this project can own a queue."))
    if MAY_OWN not in permissions_of(to):
        raise Invalid(_("Whoever owns a queue has to be able to see it."))
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        before, locked.owner = locked.owner_id, to
        if before != to.pk:
            locked.save(update_fields=["owner"])
            ledger.record(
                project_id=locked.project_id,
                kind="queue.owner-changed",
                by=by,
                subject=("queue", locked.pk),
                data={"before": before, "after": to.pk},
            )
    return locked


def problems(queue: Queue) -> list[dict[str, str]]:
    """What the constraints would refuse of the queue's service level, in words and by field."""
    found = [
        {"where": name, "message": _("is a time above nothing")}
        for name in ("oldest_within", "settled_within", "disputes_within")
        if getattr(queue, name) <= timedelta(0)
    ]
    found += [
        {"where": name, "message": _("lies above 0 and at most at 1")}
        for name in ("settled_share", "disputes_share")
        if not 0 < Decimal(getattr(queue, name)) <= 1
    ]
    if not found and queue.settled_within > queue.oldest_within:
        found.append({"where": "settled_within", "message": _("is no longer than the oldest task may take")})
    return found
