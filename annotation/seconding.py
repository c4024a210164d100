"""Two leads on a share of the disputes: a second one decides what another has decided, blind to it, and both are compared.

    (nothing) -> second: draw, after a ruling
    second -> seconded: `adjudicating.rule`

It is a dispute of its own on the old task, in a state that no other has: whoever may decide it meets it as an open one, it
counts nowhere as open or decided, and what she rules makes no label and no precedent. While it is open nobody but the first lead
sees the ruling.
"""

from __future__ import annotations

import random

from annotation import adjudicated, deferring
from annotation.models import Dispute, DisputeState, Ruling
from annotation.shadowing import COPIED
from specs import ledger
from specs.models import Member
from workforce import routing
from workforce.models import Queue, Task


def draw(
    *, dispute: Dispute, queue: Queue, by: Member | None, chance: random.Random | None = None
) -> Dispute | None:
    """After a first ruling: chance decides whether another lead decides it as well. Call it inside the ruling's transaction."""
    share = float(queue.second_share)
    if not share or (chance or random).random() >= share:
        return None
    if Dispute.objects.filter(of=dispute).exists():
        return None
    return _open(dispute, queue, deferring.work_of(dispute), by)


def _open(dispute: Dispute, queue: Queue, work: Task, by: Member | None) -> Dispute:
    event = ledger.record(
        project_id=dispute.project_id,
        kind="dispute.second-asked",
        by=by,
        subject=("dispute", dispute.pk),
        data={"task": dispute.task_id},
    )
    again = routing.route(
        item_id=work.item_id,
        queue=queue,
        meaning=work.meaning,
        barred=deferring.had_it(dispute),
        overlap=1,
        disagreement=dispute.disagreement,
        by=by,
    )
    return Dispute.objects.create(
        project_id=dispute.project_id,
        task_id=dispute.task_id,
        work=again,
        of=dispute,
        questions=dispute.questions,
        reason=dispute.reason,
        disagreement=dispute.disagreement,
        **{name: getattr(dispute, name) for name in COPIED},
        state=DisputeState.SECOND,
        event_id=event,
    )


def compare(*, second: Ruling) -> bool:
    """Whether a second ruling, not kept yet, says the same as the one in force on what it looked at again."""
    assert second.dispute.of_id is not None
    first = Ruling.objects.filter(dispute=second.dispute.of_id).order_by("-pk").first()
    return first is not None and adjudicated.same(first, second)


def hides(dispute: Dispute, member: Member) -> bool:
    """Whether the ruling on this dispute is kept from the member, since somebody else is to decide it as well."""
    waits = Dispute.objects.filter(of=dispute, state=DisputeState.SECOND).exists()
    return waits and not Ruling.objects.filter(dispute=dispute, by=member).exists()
