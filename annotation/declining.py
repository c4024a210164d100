"""Saying that an item cannot be labelled, and why.

    leased slot -> submitted slot with an answer that has no value: decline

It is an answer: it takes a slot, has an ordinal, settles the task by the queue's rule (`unlabellable`), and never a label.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import connection, transaction

from annotation import labelling, settling
from annotation.models import Annotation, AnnotationNote, Source
from annotation.submitting import Receipt, TaskGone
from specs import canonical
from specs.models import Member
from specs.refusals import Invalid, KeyReused
from workforce import categories, leasing, slots
from workforce.models import Annotator, Queue

_RECORD = """
    WITH event AS (
        INSERT INTO specs_event (project_id, kind, subject, subject_id, by_id, data)
        VALUES (%(project)s, 'annotation.declined', 'assignment', %(assignment)s, %(by)s, %(data)s::jsonb) RETURNING id
    ), slot AS (
        UPDATE workforce_assignment SET state = 'submitted', submitted_at = statement_timestamp(), lease_until = NULL
        WHERE id = %(assignment)s
    ), task AS (
        UPDATE workforce_task SET n_answers = n_answers + 1 WHERE id = %(task)s RETURNING n_answers
    ), gone AS (
        DELETE FROM annotation_answerdraft WHERE task_id = %(task)s AND annotator_id = %(annotator)s
    )
    INSERT INTO annotation_annotation
        (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, lease_token, client_key,
         revision, ordinal, values, cannot, flagged, source, answered_at, recorded_at, event_id)
    SELECT %(project)s, %(assignment)s, %(task)s, %(queue)s, %(annotator)s, %(version)s, %(digest)s, %(token)s,
           %(key)s, 1, task.n_answers, '{}'::jsonb, %(cannot)s, false, 'live', statement_timestamp(), statement_timestamp(),
           event.id
    FROM event, task RETURNING id
"""


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
        with connection.cursor() as cursor:
            cursor.execute(
                _RECORD,
                {
                    "project": annotator.project_id,
                    "assignment": assignment_id,
                    "task": slot.task_id,
                    "queue": slot.queue_id,
                    "annotator": annotator.pk,
                    "version": slot.version_id,
                    "digest": slot.served_digest,
                    "token": token,
                    "key": key,
                    "cannot": category,
                    "by": by.pk if by else None,
                    "data": canonical.dumps(
                        {
                            "annotator": annotator.pk,
                            "task": slot.task_id,
                            "version": slot.version_id,
                            "category": category,
                        }
                    ).decode(),
                },
            )
            annotation_id = cursor.fetchone()[0]
        if note.strip():
            AnnotationNote.objects.create(
                project_id=annotator.project_id,
                annotation_id=annotation_id,
                text=note.strip()[: settings.MAX_NOTE_CHARACTERS],
            )
        if slot.task_state == "open" and slot.n_answers + 1 >= slot.overlap:
            settling.settle(task_id=slot.task_id)
    return Receipt("counted", annotation_id, slot.task_id, slot.queue_id, slot.served_digest)
