"""Saying that an item cannot be labelled, and why.

    leased slot -> submitted slot with an answer that has no value: decline

It is an answer: it takes a slot, has an ordinal, settles the task by the queue's rule (`unlabellable`), and never a label.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import transaction

from annotation import labelling, recording, settling
from annotation.models import Annotation, AnnotationNote, Source
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
            raise TaskGone("There is no such assignment.")
        known = Annotation.objects.filter(annotator=annotator, client_key=key, source=Source.LIVE).first()
        if known is not None:
            if known.cannot != category:
                raise KeyReused("This task is answered already.")
            return Receipt(
                "counted", known.pk, slot.task_id, slot.queue_id, known.served_digest, since=known.answered_at
            )
        if not slot.live:
            raise leasing.LeaseLost("Your time on this task has run out.")
        offered = categories.offered(Queue.objects.get(pk=slot.queue_id))
        if category not in dict(offered):
            raise Invalid(
                f"A category is one of {', '.join(dict(offered))}."
                if offered
                else "In this queue, every item can be labelled."
            )
        assert slot.version_id is not None
        annotation_id = recording.store_locked(
            recording.Accepted(
                project_id=annotator.project_id,
                annotator_id=annotator.pk,
                assignment_id=assignment_id,
                token=token,
                task_id=slot.task_id,
                queue_id=slot.queue_id,
                version_id=slot.version_id,
                served_digest=slot.served_digest,
                values={},
                questions=[],
                clauses=[],
                flagged=False,
                client_key=key,
                by_id=by.pk if by else None,
                cannot=category,
            )
        )
        if note.strip():
            AnnotationNote.objects.create(
                project_id=annotator.project_id,
                annotation_id=annotation_id,
                text=note.strip()[: settings.MAX_NOTE_CHARACTERS],
            )
        if slot.task_state == "open" and slot.n_answers + 1 >= slot.overlap:
            settling.settle(task_id=slot.task_id)
    return Receipt("counted", annotation_id, slot.task_id, slot.queue_id, slot.served_digest)
