"""An answer under a slot that the caller holds locked: stored with its note, and what follows of it.

    leased slot -> submitted slot with its annotation: accept

Where its queue has review stages, the answer goes under review with it. What is said of rework is the next revision of the
answer that was returned (`reworking`). Answers with values and those that say that the item cannot be labelled go this way alike.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import reckoning, recording, reviewing, reworking, settling
from annotation.models import Annotation, AnnotationNote
from specs.models import Member
from specs.refusals import WrongState
from workforce import slots
from workforce.models import Annotator, Purpose


def accept(
    *,
    annotator: Annotator,
    slot: slots.Slot,
    token: uuid.UUID,
    client_key: str,
    by: Member | None,
    values: Mapping[str, Any],
    questions: Sequence[str] = (),
    clauses: Sequence[int | None] = (),
    flagged: bool = False,
    confidence: int | None = None,
    cannot: str = "",
    note: str = "",
) -> int:
    """Store an answer that fits its version, and settle the task if it was the last wanted one; returns the annotation's id.

    Raises what the database refuses: `IntegrityError` for a client key that came before.
    """
    assert slot.version_id is not None
    if slot.purpose == Purpose.REVIEW:
        raise WrongState(_("This is a review: accept the answer, fix it, or return it."))
    if slot.purpose == Purpose.REWORK:
        return reworking.accept(
            annotator=annotator,
            slot=slot,
            client_key=client_key,
            by=by,
            values=values,
            questions=questions,
            clauses=clauses,
            flagged=flagged,
            confidence=confidence,
            cannot=cannot,
            note=note,
        )
    annotation_id = recording.store_locked(
        recording.Accepted(
            project_id=annotator.project_id,
            annotator_id=annotator.pk,
            assignment_id=slot.assignment_id,
            token=token,
            version_id=slot.version_id,
            values=values,
            questions=questions,
            clauses=clauses,
            flagged=flagged,
            confidence=confidence,
            client_key=client_key,
            by_id=by.pk if by else None,
            cannot=cannot,
        )
    )
    if note.strip():
        AnnotationNote.objects.create(
            project_id=annotator.project_id,
            annotation_id=annotation_id,
            text=note.strip()[: settings.MAX_NOTE_CHARACTERS],
        )
    if slot.reviewed and slot.task_state == "open":
        reviewing.begin(answer=Annotation.objects.get(pk=annotation_id))
    if slot.task_state == "open" and slot.n_answers + 1 >= slot.overlap:
        settling.settle(task_id=slot.task_id)
    elif slot.task_state in ("open", "disputed"):
        reckoning.reckon(task_id=slot.task_id)
    return annotation_id
