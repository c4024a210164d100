"""Saying that an item cannot be labelled, and why.

    leased slot -> submitted slot with an answer that has no value: decline

It is an answer: it takes a slot, has an ordinal, settles the task by the queue's rule (`unlabellable`), and never a label.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import accepting, labelling
from annotation.models import Annotation, Source
from annotation.submitting import Receipt, TaskGone
from specs.models import Member
from specs.refusals import Invalid, KeyReused
from workforce import categories, leasing, slots
from workforce.models import Annotator, Queue


def decline(
    *,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    category: str,
    note: str = "",
    by: Member | None,
) -> Receipt:
    """Complete a slot with "cannot be labelled", in one of the categories that its queue offers.

    The same again under the same lease gives the first receipt. Raises `TaskGone`, `LeaseLost`, `Invalid`, `KeyReused`.
    """
    key = labelling.client_key(token)
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        if slot is None:
            raise TaskGone(_("There is no such assignment."))
        known = Annotation.objects.filter(annotator=annotator, client_key=key, source=Source.LIVE).first()
        if known is not None:
            if known.cannot != category:
                raise KeyReused(_("This task is answered already."))
            return Receipt(
                "counted", known.pk, slot.task_id, slot.queue_id, known.served_digest, since=known.answered_at
            )
        if not slot.live:
            raise leasing.LeaseLost(_("Your time on this task has run out."))
        offered = categories.offered(Queue.objects.get(pk=slot.queue_id))
        if category not in dict(offered):
            raise Invalid(
                _("A category is one of %(offered)s.") % {"offered": ", ".join(dict(offered))}
                if offered
                else _("In this queue, every item can be labelled.")
            )
        annotation_id = accepting.accept(
            annotator=annotator,
            slot=slot,
            token=token,
            client_key=key,
            by=by,
            values={},
            cannot=category,
            note=note,
        )
    return Receipt("counted", annotation_id, slot.task_id, slot.queue_id, slot.served_digest)
