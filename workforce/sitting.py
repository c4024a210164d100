"""Sitting for the test of a calibration queue: may she, and when; what she is given is minted from known answers.

    (nothing) -> open: admit, at a claim

What ends it is in `calibrating`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from specs import ledger
from specs.refusals import NotAllowed, Refusal
from workforce.models import (
    Annotator,
    AnnotatorSkill,
    Calibration,
    Queue,
    QueueState,
    Sitting,
    SittingState,
)


class AlreadyQualified(Refusal):
    """She has what the test grants."""

    code = "already-qualified"
    status = 409


class NoSittingLeft(NotAllowed):
    """She has failed, and has to wait or has no attempt left; `again_at` says until when, if waiting is all."""

    code = "no-sitting-left"


def sittings(*, queue_id: int, annotator: Annotator) -> list[Sitting]:
    """Every time she sat here, oldest first."""
    rows = Sitting.objects.filter(queue=queue_id, annotator=annotator)
    return list(rows.select_related("granted__skill", "version").order_by("number"))


def admit(*, queue_id: int, annotator: Annotator, version_id: int) -> Sitting:
    """The open sitting, or the next one where she may have it. Call it in a claim, under the enrolment's lock.

    Raises `AlreadyQualified`, `NoSittingLeft`.
    """
    past = sittings(queue_id=queue_id, annotator=annotator)
    if past and past[-1].state == SittingState.OPEN:
        return past[-1]
    terms = Calibration.objects.select_related("skill", "queue").get(queue=queue_id)
    refuse(terms=terms, past=past, annotator=annotator)
    made = Sitting.objects.create(
        project_id=terms.project_id,
        queue_id=queue_id,
        annotator=annotator,
        version_id=version_id,
        number=len(past) + 1,
        wanted=terms.wanted,
        share=terms.share,
        sure=terms.sure,
    )
    ledger.record(
        project_id=terms.project_id,
        kind="calibration.begun",
        by=None,
        subject=("annotator", annotator.pk),
        data={"queue": queue_id, "sitting": made.pk, "number": made.number, "version": version_id},
    )
    return made


def refuse(*, terms: Calibration, past: list[Sitting], annotator: Annotator) -> None:
    """Say why she cannot sit now, where she cannot. Raises `AlreadyQualified`, `NoSittingLeft`."""
    held = holds(terms=terms, annotator=annotator)
    if held is not None:
        until = f" until {held.until:%Y-%m-%d}" if held.until else ""
        raise AlreadyQualified(
            _("You have the skill %(skill)s at level %(level)s%(until)s; there is nothing to test.")
            % {"skill": terms.skill, "level": held.level, "until": until}
        )
    failed = [one for one in past if one.state == SittingState.FAILED]
    if not failed:
        return
    if terms.attempts and len(failed) >= terms.attempts:
        raise NoSittingLeft(
            _(
                "All %(attempts)s attempts are used. Whoever manages people here can grant %(skill)s or "
                "change the test."
            )
            % {"attempts": terms.attempts, "skill": terms.skill}
        )
    again = again_at(terms, failed[-1])
    if again is not None and again > _now():
        raise NoSittingLeft(
            _("You can try again at %(again)s UTC.") % {"again": f"{again:%Y-%m-%d %H:%M}"},
            again_at=again.isoformat(),
        )


def why_not(*, terms: Calibration, past: list[Sitting], annotator: Annotator) -> str:
    """Why she cannot begin or go on now, in words; "" where she can."""
    if past and past[-1].state == SittingState.OPEN:
        return ""
    try:
        refuse(terms=terms, past=past, annotator=annotator)
    except (AlreadyQualified, NoSittingLeft) as refusal:
        return refusal.message
    return ""


def holds(*, terms: Calibration, annotator: Annotator) -> AnnotatorSkill | None:
    """What she has of what the test grants, valid now and under the version in force."""
    held = AnnotatorSkill.objects.valid().filter(
        annotator=annotator, skill=terms.skill_id, clause=terms.clause_id, level__gte=terms.level
    )
    version = terms.queue.version
    for one in held.select_related("version"):
        if one.version is None or version is None or one.version.meaning == version.meaning:
            return one
    return None


def again_at(terms: Calibration, last: Sitting) -> datetime | None:
    """When she may try again after a sitting that she failed."""
    return last.ended_at + terms.wait if last.ended_at else None


def ways(*, queue: Queue) -> list[Queue]:
    """The open calibration queues that grant what a queue asks for."""
    if queue.required_skill_id is None:
        return []
    rows = Calibration.objects.filter(
        project=queue.project_id, skill=queue.required_skill_id, level__gte=queue.required_level
    ).filter(queue__state=QueueState.OPEN)
    return [
        one.queue
        for one in rows.select_related("queue").order_by("queue__name")
        if one.clause_id is None or one.clause_id == queue.required_clause_id
    ]


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
