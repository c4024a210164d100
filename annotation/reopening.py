"""A ruling that answers came after is looked at again: its dispute is open once more.

    decided -> open: reopen

The task keeps its label until the next ruling, which supersedes this one with its precedents as after an appeal. Whoever answered
or reviewed does not decide; the lead who ruled may, since what she ruled on has changed. One ruling is opened again once.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation import adjudicating, deferring
from annotation.models import Dispute, DisputeState, Reopening, Ruling
from specs import ledger
from specs.models import Member
from specs.refusals import Invalid, WrongState
from workforce import routing
from workforce.models import Task, TaskState


def reopen(*, dispute: Dispute, reason: str, by: Member) -> Reopening:
    """Open a decided dispute again, since an answer came or changed after its ruling.

    Raises `Invalid` without a reason, `WrongState` where no ruling stands, none is stale, or the task has gone on.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid(_("Say why it is opened again: whoever decides it reads that."))
    if len(reason) > settings.MAX_NOTE_CHARACTERS:
        raise Invalid(_("A reason has at most %(n)s characters.") % {"n": settings.MAX_NOTE_CHARACTERS})
    with transaction.atomic():
        task = Task.objects.select_for_update(no_key=True).get(pk=dispute.task_id)
        locked = Dispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)
        if locked.state != DisputeState.DECIDED:
            raise WrongState(_("This dispute is open, or has no ruling that makes a label."))
        if task.state not in (TaskState.RESOLVED, TaskState.UNLABELLABLE):
            raise WrongState(_("This task has gone on since the ruling."))
        ruling = Ruling.objects.filter(dispute=locked).order_by("-pk")[0]
        n_later = adjudicating.stale(ruling)
        if not n_later:
            raise WrongState(_("No answer came after this ruling."))
        event = ledger.record(
            project_id=locked.project_id,
            kind="dispute.reopened",
            by=by,
            subject=("dispute", locked.pk),
            data={"task": task.pk, "ruling": ruling.pk, "later": n_later},
        )
        work = deferring.work_of(locked)
        locked.work = routing.route(
            item_id=work.item_id,
            queue=work.queue,
            meaning=work.meaning,
            barred=deferring.answered(locked),
            overlap=1,
            disagreement=locked.disagreement,
            by=by,
        )
        locked.state, locked.decided_at = DisputeState.OPEN, None
        locked.save(update_fields=["work", "state", "decided_at"])
        return Reopening.objects.create(
            project_id=locked.project_id,
            dispute=locked,
            ruling=ruling,
            by=by,
            reason=reason,
            n_later=n_later,
            event_id=event,
        )
