"""Calibration queues: a test on known answers that grants a skill.

    (nothing) or other terms -> these terms: set_terms
    open sitting -> passed, with the skill granted, or failed: count, after each answer

Sittings begin in `sitting`, at a claim. Who passes is decided under the terms the sitting began with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid
from specs.wording import number
from workforce import intervals, leasing, skills, staffing
from workforce.intervals import Share
from workforce.models import (
    Annotator,
    Calibration,
    Enrolment,
    Purpose,
    Queue,
    Sitting,
    SittingState,
)

TERMS = ("skill", "level", "clause", "wanted", "share", "sure", "valid_days", "bound", "wait", "attempts")


def terms_of(*, queue: Queue) -> Calibration | None:
    rows = Calibration.objects.filter(queue=queue)
    return rows.select_related("skill", "clause", "queue__version", "queue__spec").first()


def set_terms(*, queue: Queue, by: Member, **terms: Any) -> Calibration:
    """What the queue's test asks for and grants, from the next sitting on. Harmless to repeat.

    Raises `Invalid` with a problem for each term that makes no sense.
    """
    if queue.purpose != Purpose.CALIBRATION:
        raise Invalid(_("Only a calibration queue tests for a skill."))
    unknown = set(terms) - set(TERMS)
    if unknown:
        raise Invalid(_("A test has no %(unknown)s.") % {"unknown": ", ".join(sorted(unknown))})
    with transaction.atomic():
        Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        row = terms_of(queue=queue)
        before = {} if row is None else _said(row)
        row = row or Calibration(project_id=queue.project_id, queue=queue)
        for name, value in terms.items():
            setattr(row, name, value)
        _check(row)
        if row.pk is None:
            row.save()
        else:
            row.save(update_fields=TERMS)
        if _said(row) != before:
            ledger.record(
                project_id=queue.project_id,
                kind="calibration.set",
                by=by,
                subject=("queue", queue.pk),
                data={"before": before, "after": _said(row)},
            )
    return row


def _said(row: Calibration) -> dict[str, Any]:
    return {
        "skill": row.skill_id,
        "level": row.level,
        "clause": row.clause_id,
        "wanted": row.wanted,
        "share": str(row.share),
        "sure": row.sure,
        "valid_days": row.valid_days,
        "bound": row.bound,
        "wait_seconds": int(row.wait.total_seconds()),
        "attempts": row.attempts,
    }


def _check(row: Calibration) -> None:
    found: list[dict[str, str]] = []
    if row.skill_id is None:
        raise Invalid(
            _("A test grants a skill."), problems=[{"where": "skill", "message": _("name the skill")}]
        )
    if row.clause is not None and row.clause.spec_id != row.queue.spec_id:
        found.append({"where": "clause", "message": _("is a clause of another spec")})
    if row.wait < timedelta(0):
        found.append({"where": "wait", "message": _("is not negative")})
    try:
        unset = [name for name in ("clause", "valid_days") if getattr(row, name) is None]
        row.clean_fields(exclude=["project", "queue", *unset])
    except ValidationError as error:
        found += [{"where": name, "message": " ".join(said)} for name, said in error.message_dict.items()]
    best = intervals.share(row.wanted, row.wanted).low
    if row.sure and best < row.share:
        found.append(
            {
                "where": "share",
                "message": _("cannot be reached for sure: all %(wanted)s right says no more than %(best)s")
                % {"wanted": row.wanted, "best": number(best, 2)},
            }
        )
    if found:
        raise Invalid(_("This test does not make sense."), problems=found)


def enter(*, queue: Queue, annotator: Annotator, by: Member) -> Enrolment:
    """An annotator comes to a test of her own accord: that is what the queue is there for."""
    if terms_of(queue=queue) is None:
        raise Invalid(_("This queue tests for nothing."))
    return staffing.enrol(queue=queue, annotator=annotator, by=by)


_ANSWERED = """
    SELECT count(*), count(*) FILTER (WHERE right_one) FROM (
        SELECT bool_and(j."right") AS right_one FROM workforce_judgement j
        JOIN workforce_assignment s ON s.id = j.assignment_id
        WHERE j.annotator_id = %(annotator)s AND j.queue_id = %(queue)s AND j.purpose = 'test' AND s.leased_at >= %(since)s
        GROUP BY j.assignment_id) answers
"""


def score(*, sitting: Sitting) -> Share:
    """How many of the sitting's answers so far are right."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ANSWERED,
            {"annotator": sitting.annotator_id, "queue": sitting.queue_id, "since": sitting.started_at},
        )
        n, right = cursor.fetchone()
    return intervals.share(right, n, enough_from=sitting.wanted)


def count(*, queue_id: int, annotator: Annotator) -> Sitting | None:
    """After an answer: end the open sitting where the wanted answers are in, and grant the skill where it is passed."""
    with transaction.atomic():
        locked = (
            Sitting.objects.select_for_update(no_key=True, of=("self",))
            .select_related("version")
            .filter(queue=queue_id, annotator=annotator, state=SittingState.OPEN)
            .first()
        )
        if locked is None:
            return None
        found = score(sitting=locked)
        locked.n_right = found.right
        if not found.enough:
            locked.save(update_fields=["n_right"])
            return locked
        reached = (found.low if locked.sure else found.value or 0.0) >= locked.share - 1e-9
        _end(locked, found, passed=reached)
    return locked


def _end(locked: Sitting, found: Share, *, passed: bool) -> None:
    locked.state = SittingState.PASSED if passed else SittingState.FAILED
    locked.ended_at = leasing.database_now()
    if passed:
        terms = Calibration.objects.select_related("skill", "clause").get(queue=locked.queue_id)
        days = terms.valid_days
        locked.granted = skills.grant(
            annotator=locked.annotator,
            skill=terms.skill,
            level=terms.level,
            until=locked.ended_at + timedelta(days=days) if days else None,
            version=locked.version if terms.bound else None,
            clause=terms.clause,
            source="calibration",
            by=None,
        )
    locked.save(update_fields=["state", "ended_at", "n_right", "granted"])
    ledger.record(
        project_id=locked.project_id,
        kind=f"calibration.{locked.state}",
        by=None,
        subject=("annotator", locked.annotator_id),
        data={
            "queue": locked.queue_id,
            "sitting": locked.pk,
            "number": locked.number,
            "n": found.n,
            "right": found.right,
            "granted": locked.granted_id,
        },
    )
