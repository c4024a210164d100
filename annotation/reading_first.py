"""Independent disputes: a lead says what she thinks of the item before she sees what others answered.

    (nothing) -> read: read
    (the ruling that follows may say otherwise: `adjudicating.rule`)

A share of the disputes is drawn for it (`independent_share` of the adjudication queue), and every one that an audit opened. The
database refuses a ruling on such a dispute without the first reading of who rules.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation import deferring
from annotation.models import Dispute, FirstReading, StopDecision, StopVerdict
from specs import ledger, schema, versions
from specs.models import Member
from specs.refusals import Invalid, WrongState
from specs.schema import BadAnswer
from workforce import slots
from workforce.models import Annotator, Queue


def drawn(*, task_id: int, queue: Queue | None) -> bool:
    """Whether a dispute that opens now is an independent one."""
    if queue is None:
        return False
    look = StopDecision.objects.filter(task=task_id).order_by("-pk").values_list("verdict", flat=True).first()
    audited = look == StopVerdict.CONTRADICTED
    return audited or random.random() < float(queue.independent_share)  # noqa: S311 (a sample, no secret)


def of(dispute: Dispute, assignment_id: int | None) -> FirstReading | None:
    """What was said first under this lease."""
    if assignment_id is None or not dispute.independent:
        return None
    return FirstReading.objects.filter(dispute=dispute, assignment=assignment_id).first()


def hides(dispute: Dispute, assignment_id: int | None) -> bool:
    """Whether the answers are kept from whoever looks now: nobody has ruled, and she has not said what she thinks."""
    return dispute.independent and dispute.shown_state == "open" and of(dispute, assignment_id) is None


def read(
    *,
    dispute: Dispute,
    annotator: Annotator,
    assignment_id: int,
    token: uuid.UUID,
    values: Mapping[str, Any],
    cannot: str = "",
    by: Member,
) -> FirstReading:
    """Keep what she thinks, for good, and show her the answers. Said twice under one lease, the first one stands.

    Raises `Invalid`, `LeaseLost`, `WrongState`.
    """
    with transaction.atomic():
        slot = slots.lock(assignment_id=assignment_id, annotator=annotator, token=token)
        locked = deferring.lock(dispute, slot)
        assert slot is not None
        assert slot.version_id is not None
        if not locked.independent:
            raise WrongState(_("The answers to this dispute are shown at once."))
        if (said := of(locked, assignment_id)) is not None:
            return said
        version = versions.read(slot.version_id)
        decided = {} if cannot else parse(version, locked.questions, values, slot.payload)
        number = ledger.record(
            project_id=locked.project_id,
            kind="dispute.read-first",
            by=by,
            subject=("dispute", locked.pk),
            data={"task": locked.task_id, "assignment": assignment_id},
        )
        return FirstReading.objects.create(
            project_id=locked.project_id,
            dispute=locked,
            assignment_id=assignment_id,
            annotator=annotator,
            version_id=version.id,
            values=decided,
            cannot=cannot[:32],
            event_id=number,
        )


def parse(
    version: versions.ReadVersion,
    questions: list[str],
    values: Mapping[str, Any],
    payload: Mapping[str, Any],
) -> dict[str, Any]:
    """Values for these questions alone, checked. Raises `Invalid`."""
    asked = [
        {**question, "shown_when": None} for question in version.questions if question["key"] in questions
    ]
    unknown = set(values) - {question["key"] for question in asked}
    if unknown:
        raise Invalid(_("%(unknown)s is not disputed here.") % {"unknown": ", ".join(sorted(unknown))[:100]})
    try:
        return schema.parse_answer(asked, values, payload)
    except BadAnswer as error:
        raise Invalid(
            _("The ruling does not fit."), problems=[problem.as_dict() for problem in error.problems]
        ) from error
