"""The next revision of an answer: a row of its own under the same slot and ordinal, after which the earlier one counts no more.

    annotation in force -> superseded, with the next revision in force: supersede

Nothing is edited. Call it under the lock of the answer's task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from annotation.models import Annotation, AnnotationNote, Citation, Source
from specs import canonical, ledger
from specs.models import Member
from specs.refusals import KeyReused
from workforce import leasing
from workforce.models import Task


def supersede(
    *,
    before: Annotation,
    values: Mapping[str, Any],
    questions: Sequence[str],
    clauses: Sequence[int | None],
    flagged: bool,
    confidence: int | None,
    note: str,
    client_key: str,
    by: Member | None,
    cannot: str = "",
) -> Annotation:
    """Put an answer that fits its version in place of *before*; `questions` and `clauses` run side by side.

    Raises `KeyReused`.
    """
    said: dict[str, Any] = (
        {"category": cannot} if cannot else {"values": canonical.digest(canonical.dumps(dict(values)))}
    )
    event = ledger.record(
        project_id=before.project_id,
        kind="annotation.revised",
        by=by,
        subject=("assignment", before.assignment_id),
        data={
            "annotator": before.annotator_id,
            "task": before.task_id,
            "version": before.version_id,
            "revision": before.revision + 1,
            **said,
        },
    )
    made = _store(before, values, cannot, flagged, confidence, client_key, event)
    Citation.objects.bulk_create(
        Citation(project_id=made.project_id, annotation=made, question=question, clause_id=clause)
        for question, clause in zip(questions, clauses, strict=True)
    )
    if note.strip():
        AnnotationNote.objects.create(
            project_id=made.project_id,
            annotation=made,
            text=note.strip()[: settings.MAX_NOTE_CHARACTERS],
        )
    Task.objects.filter(pk=made.task_id).update(n_corrections=F("n_corrections") + 1)
    return made


def _store(
    before: Annotation,
    values: Mapping[str, Any],
    cannot: str,
    flagged: bool,
    confidence: int | None,
    client_key: str,
    event: int,
) -> Annotation:
    try:
        with transaction.atomic():
            return Annotation.objects.create(
                project_id=before.project_id,
                assignment_id=before.assignment_id,
                task_id=before.task_id,
                queue_id=before.queue_id,
                annotator_id=before.annotator_id,
                version_id=before.version_id,
                served_digest=before.served_digest,
                lease_token=before.lease_token,
                client_key=client_key,
                revision=before.revision + 1,
                ordinal=before.ordinal,
                values=dict(values),
                cannot=cannot,
                flagged=flagged,
                confidence=confidence,
                source=Source.LIVE,
                answered_at=leasing.database_now(),
                event_id=event,
            )
    except IntegrityError as error:
        if "annotation_client_key_once" in str(error):
            raise KeyReused(_("This client key came before with another answer.")) from error
        raise
