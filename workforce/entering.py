"""Who may claim in a queue: enrolment, standing, skill, and what has to be read or passed first.

Nothing changes here: `leasing.claim` asks under the enrolment's lock, and refuses with the reason and the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from specs.models import SpecVersion
from specs.refusals import NotAllowed, Refusal
from workforce.models import Annotator, Queue

_ENTER = """
    SELECT e.id, e.active, e.cursor_epoch, e.cursor, e.returned_cursor, q.state, q.cursor_epoch, q.max_leases, a.state,
           (SELECT count(*) FROM workforce_assignment s WHERE s.annotator_id = a.id AND s.queue_id = q.id
              AND s.state = 'leased' AND s.lease_until > statement_timestamp()),
           (q.required_skill_id IS NULL OR EXISTS (
               SELECT 1 FROM workforce_annotatorskill k WHERE k.annotator_id = a.id AND k.skill_id = q.required_skill_id
                  AND k.level >= q.required_level AND k.revoked_at IS NULL
                  AND (k.until IS NULL OR k.until > statement_timestamp())
                  AND (k.clause_id IS NULL OR k.clause_id = q.required_clause_id)
                  AND (k.version_id IS NULL OR EXISTS (
                      SELECT 1 FROM specs_specversion b JOIN specs_specversion f ON f.id = coalesce(own.version_id, q.version_id)
                      WHERE b.id = k.version_id AND b.spec_id = f.spec_id AND b.meaning = f.meaning))))
               AND q.required_languages <@ a.languages,
           own.cohort_id,
           CASE WHEN q.entry <> 'none' AND a.kind = 'person' THEN (
               SELECT min(v.id) FROM specs_specversion v
               WHERE v.id IN (coalesce(own.version_id, q.version_id), CASE WHEN c.cohort_id IS NULL THEN c.version_id END)
                 AND NOT EXISTS (SELECT 1 FROM specs_acknowledgement k
                                 WHERE k.version_id = v.id AND k.member_id = a.member_id)) END,
           CASE WHEN q.entry = 'quiz' AND a.kind = 'person' THEN (
               SELECT v.id FROM specs_specversion v WHERE v.id = coalesce(own.version_id, q.version_id)
                 AND NOT EXISTS (SELECT 1 FROM workforce_quizattempt z WHERE z.annotator_id = a.id
                                 AND z.version_id = v.id AND z.queue_id = q.id AND z.state = 'passed')
                 AND NOT EXISTS (SELECT 1 FROM workforce_quizleave z WHERE z.annotator_id = a.id
                                 AND z.version_id = v.id AND z.queue_id = q.id AND z.excused)) END
    FROM workforce_enrolment e
    JOIN workforce_queue q ON q.id = e.queue_id
    JOIN workforce_annotator a ON a.id = e.annotator_id
    LEFT JOIN workforce_canary c ON c.queue_id = q.id AND c.state = 'running'
    LEFT JOIN LATERAL (
        SELECT c.cohort_id, c.version_id FROM workforce_cohortmembership m
        WHERE m.cohort_id = c.cohort_id AND m.annotator_id = a.id AND m.until IS NULL
    ) own ON true
    WHERE e.queue_id = %(queue)s AND e.annotator_id = %(annotator)s
    FOR NO KEY UPDATE OF e
"""


class QueueClosed(Refusal):
    code = "queue-not-open"
    status = 409


class AcknowledgementNeeded(Refusal):
    """What changed has to be read first; `version` is the id of what is to be acknowledged, `number` its number."""

    code = "acknowledgement-needed"
    status = 409


class QuizNeeded(Refusal):
    """A short quiz has to be passed first; `version` is the id of what it is about, `number` its number."""

    code = "quiz-needed"
    status = 409


class NotQualified(NotAllowed):
    """The queue asks for a skill or a language that the annotator does not have; `missing` names them."""

    code = "not-qualified"


@dataclass(frozen=True)
class Entry:
    """An enrolment that may claim, locked: its cursors, how many leases are held, and the cohort it claims for."""

    enrolment_id: int
    cursor: int
    returned_cursor: int
    epoch: int
    max_leases: int
    n_held: int
    cohort_id: int | None


def enter(*, queue_id: int, annotator: Annotator) -> Entry:
    """Lock the annotator's enrolment, or say why she cannot claim and what she can do.

    Raises `NotAllowed`, `NotQualified`, `QueueClosed`, `AcknowledgementNeeded`, `QuizNeeded`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENTER, {"queue": queue_id, "annotator": annotator.pk})
        row = cursor.fetchone()
    if row is None or not row[1]:
        raise NotAllowed("You are not enrolled in this queue.")
    enrolment, _, epoch, ahead, returned, state, queue_epoch, max_leases, person, held, able, *first = row
    if person != "active":
        raise NotAllowed(f"You cannot claim while you are {person}.")
    if state != "open":
        raise QueueClosed(f"This queue is {state}.")
    if not able:
        raise _unqualified(queue_id, annotator)
    cohort, unread, unpassed = first
    if unread is not None and not held:
        raise AcknowledgementNeeded(
            "The spec changed: read what is new and confirm it, then claim.",
            version=unread,
            number=SpecVersion.objects.get(pk=unread).number,
        )
    if unpassed is not None and not held:
        raise QuizNeeded(
            "This queue asks for a short quiz first.",
            version=unpassed,
            number=SpecVersion.objects.get(pk=unpassed).number,
        )
    fresh = epoch != queue_epoch
    return Entry(
        enrolment_id=enrolment,
        cursor=0 if fresh else ahead,
        returned_cursor=0 if fresh else returned,
        epoch=queue_epoch,
        max_leases=max_leases,
        n_held=held,
        cohort_id=cohort,
    )


def _unqualified(queue_id: int, annotator: Annotator) -> NotQualified:
    """What is missing, and the way to it. Asked for only when somebody is refused."""
    queue = Queue.objects.select_related("required_skill", "required_clause").get(pk=queue_id)
    spoken = Annotator.objects.values_list("languages", flat=True).get(pk=annotator.pk)
    missing = sorted(set(queue.required_languages) - set(spoken))
    said = []
    if missing:
        said.append(
            f"It asks for the language {', '.join(missing)}: say on your profile which languages you work in."
        )
    else:
        level = f" at level {queue.required_level}" if queue.required_level > 1 else ""
        clause = f" for the clause {queue.required_clause.key}" if queue.required_clause else ""
        said.append(
            f"It asks for the skill {queue.required_skill}{level}{clause}, and none of yours is valid for it now: "
            "whoever manages people here grants it, after a test or by hand."
        )
        missing = [queue.required_skill.key] if queue.required_skill else []
    return NotQualified(f"You cannot claim in {queue.name}. {' '.join(said)}", missing=missing)
