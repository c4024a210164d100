"""Who may claim in a queue: enrolment, standing, skill, and what has to be read or passed first.

A claim asks in one of two ways. The plain one carries `PLAIN` in its own statement: the enrolment was found clear before, and
none of what that rests on has changed (`workforce.models.clearances`). Everything else goes the long way: `enter` locks the
enrolment, looks at all of it, refuses with the reason and the way, and notes where it is clear.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from specs import prepared
from specs.models import SpecVersion
from specs.refusals import NotAllowed, Refusal
from workforce import minting, onboarding, ordering, sitting
from workforce.models import (
    Action,
    Annotator,
    AnnotatorState,
    Consequence,
    ConsequenceState,
    Queue,
    QueueState,
    Stage,
)

_STANDS = f"""e.id AS enrolment_id, e.active, a.state AS standing, q.state AS queue_state, q.cursor_epoch AS epoch,
           {ordering.PASSED} AS passed, {ordering.SEEN} AS seen,
           q.random_share > 0 AND {ordering.DRAWN} < q.random_share AS drawn, {ordering.DRAWN_AT} AS drawn_at,
           e.held_until, q.max_leases, q.lease_for, coalesce(e.cleared_until > statement_timestamp(), false) AS cleared,
           EXISTS (SELECT FROM workforce_assignment x WHERE x.queue_id = q.id AND x.state = 'leased'
                      AND x.lease_until <= statement_timestamp()) AS overdue,
           EXISTS (SELECT FROM workforce_assignment y WHERE y.annotator_id = a.id AND y.queue_id = q.id
                      AND y.state = 'reserved' AND y.reserved_until > statement_timestamp()) AS has_reserved,
           EXISTS (SELECT FROM workforce_item i WHERE i.project_id = e.project_id AND i.sensitive) AS sensitive,
           e.stage"""
"""What every claim asks anew, of an enrolment `e`, its queue `q` and its annotator `a`."""

QUEUE = """q.spec_id, q.version_id AS queue_version_id, q."order", q.predictions <> 'hidden' AS suggests"""
"""What serving a slot asks of its queue `q`."""

PLAIN = f"""
    SELECT {_STANDS}, {minting.draw()} AS probe, {QUEUE}
    FROM workforce_enrolment e
    JOIN workforce_queue q ON q.id = e.queue_id
    JOIN workforce_annotator a ON a.id = e.annotator_id
    WHERE e.queue_id = %(queue)s::bigint AND e.annotator_id = %(annotator)s::bigint
"""
"""The entry of a plain claim, one row or none; it locks its `e`."""

TAKES_THE_NEXT = (
    "active",
    "standing = 'active'",
    "queue_state = 'open'",
    "cleared",
    "NOT sensitive",  # something may be kept from her, or counted
    "NOT has_reserved",  # what is kept for her by name comes first
    "probe IS NULL",
    "NOT drawn",  # a random task, whatever the order
    "stage = ''",  # newcomers go along the queue's path
    "NOT overdue",  # leases that have ended are returned first: what is begun gets finished
)
"""What holds of a plain entry that takes the next slot without further ado; one more reason to look twice is one more line."""

ENTRY = f"""
    SELECT {_STANDS}, {minting.draw(raised=f"greatest(raised.gold, {minting.ON_PROBATION.format('gold_share')})")} AS probe,
           own.cohort_id,
           (q.required_skill_id IS NULL OR EXISTS (
               SELECT 1 FROM workforce_annotatorskill k WHERE k.annotator_id = a.id AND k.skill_id = q.required_skill_id
                  AND k.level >= q.required_level AND k.revoked_at IS NULL
                  AND (k.until IS NULL OR k.until > statement_timestamp())
                  AND (k.clause_id IS NULL OR k.clause_id = q.required_clause_id)
                  AND (k.version_id IS NULL OR EXISTS (
                      SELECT 1 FROM specs_specversion b JOIN specs_specversion f ON f.id = coalesce(own.version_id, q.version_id)
                      WHERE b.id = k.version_id AND b.spec_id = f.spec_id AND b.meaning = f.meaning))))
               AND q.required_languages <@ a.languages
               AND NOT EXISTS (
                   SELECT FROM workforce_consequence r WHERE r.annotator_id = a.id AND r.state = 'in-force'
                      AND r.action IN ('retrain', 'restrict') AND r.until > statement_timestamp()
                      AND NOT q.id = ANY(r.queues)) AS able,
           CASE WHEN (q.entry <> 'none' OR e.stage = 'read') AND a.kind = 'person' THEN (
               SELECT min(v.id) FROM specs_specversion v
               WHERE v.id IN (coalesce(own.version_id, q.version_id), CASE WHEN c.cohort_id IS NULL THEN c.version_id END)
                 AND NOT EXISTS (SELECT 1 FROM specs_acknowledgement k
                                 WHERE k.version_id = v.id AND k.member_id = a.member_id)) END AS unread,
           CASE WHEN (q.entry = 'quiz' OR e.stage = 'quiz') AND a.kind = 'person' THEN (
               SELECT v.id FROM specs_specversion v WHERE v.id = coalesce(own.version_id, q.version_id)
                 AND NOT EXISTS (SELECT 1 FROM workforce_quizattempt z WHERE z.annotator_id = a.id
                                 AND z.version_id = v.id AND z.queue_id = q.id AND z.state = 'passed')
                 AND NOT EXISTS (SELECT 1 FROM workforce_quizleave z WHERE z.annotator_id = a.id
                                 AND z.version_id = v.id AND z.queue_id = q.id AND z.excused)) END AS unpassed,
           coalesce(own.version_id, q.version_id) AS in_force, raised.gold AS raised_gold,
           greatest(raised.share, {minting.ON_PROBATION.format("review_share")}) AS review_share,
           EXISTS (SELECT FROM workforce_sensitivecategory k WHERE k.project_id = e.project_id)
               OR EXISTS (SELECT FROM workforce_exclusion x WHERE x.annotator_id = a.id AND x.ended_at IS NULL) AS kept_apart
    FROM workforce_enrolment e
    JOIN workforce_queue q ON q.id = e.queue_id
    JOIN workforce_annotator a ON a.id = e.annotator_id
    LEFT JOIN workforce_canary c ON c.queue_id = q.id AND c.state = 'running'
    LEFT JOIN LATERAL (
        SELECT c.cohort_id, c.version_id FROM workforce_cohortmembership m
        WHERE m.cohort_id = c.cohort_id AND m.annotator_id = a.id AND m.until IS NULL
    ) own ON true
    LEFT JOIN LATERAL (
        SELECT max(r.share) AS share, max(r.gold_share) AS gold FROM workforce_consequence r
        WHERE r.annotator_id = a.id AND r.state = 'in-force' AND r.action = 'review' AND r.until > statement_timestamp()
    ) raised ON true
    WHERE e.queue_id = %(queue)s::bigint AND e.annotator_id = %(annotator)s::bigint
"""
"""An annotator's whole entry into a queue, one row or none; whoever claims locks its `e`."""

HOLDS_NOTHING = "(held_until IS NULL OR held_until <= statement_timestamp())"
"""That no lease is live. A column of the enrolment itself: it is read anew when its lock was waited for, a count would not."""

_LOCK = """
    SELECT id FROM workforce_enrolment WHERE queue_id = %(queue)s::bigint AND annotator_id = %(annotator)s::bigint
    FOR NO KEY UPDATE
"""
# A skill that ends takes the clearance with it; all else that ends only lets her in.
_CLEARED = """
    UPDATE workforce_enrolment e SET cleared_until = least(statement_timestamp() + make_interval(secs => %(seconds)s::int), (
        SELECT min(k.until) FROM workforce_annotatorskill k
        WHERE k.annotator_id = e.annotator_id AND k.until > statement_timestamp()))
    WHERE e.id = %(enrolment)s::bigint
"""
_HELD = """
    SELECT count(*) FROM workforce_assignment WHERE annotator_id = %(annotator)s::bigint AND queue_id = %(queue)s::bigint
       AND state = 'leased' AND lease_until > statement_timestamp()
"""


class NotEnrolled(NotAllowed):
    """She does not pull from this queue, or there is none: to her that is the same."""


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
    """The queue asks for a skill or a language that the annotator does not have; `missing` names them, `tests` the keys of the
    queues whose test grants the skill."""

    code = "not-qualified"


class Restricted(NotAllowed):
    """She works in other queues for now."""

    code = "restricted"


@dataclass(frozen=True)
class Entry:
    """An enrolment, locked, as `ENTRY` names it; `n_held` counts the live leases.

    `drawn` says that chance has this claim ignore the order, and `drawn_at` where it looks then.
    `review_share` of her tasks want one more answer, where her review is raised. `stage` is where she
    stands on the queue's path.
    """

    enrolment_id: int
    active: bool
    standing: str
    queue_state: str
    epoch: int
    passed: Any
    seen: int
    drawn: bool
    drawn_at: int
    held_until: Any
    max_leases: int
    lease_for: timedelta
    cohort_id: int | None
    able: bool
    unread: int | None
    unpassed: int | None
    overdue: bool
    has_reserved: bool
    in_force: int | None
    probe: str | None
    review_share: float | None
    raised_gold: float | None
    cleared: bool
    sensitive: bool
    kept_apart: bool
    stage: str
    n_held: int = 0

    @property
    def excluding(self) -> bool:
        """Something may be kept from her, or is counted."""
        return self.sensitive or self.kept_apart

    @property
    def clear(self) -> bool:
        """Nothing speaks against her claims here, and nothing is asked of them."""
        asked = (self.unread, self.unpassed, self.cohort_id, self.review_share, self.raised_gold)
        return self.able and asked == (None,) * 5 and not self.kept_apart and not self.stage


_COLUMNS = ", ".join(field.name for field in fields(Entry) if field.name != "n_held")
_ENTER = (
    f"WITH entry AS MATERIALIZED ({ENTRY} FOR NO KEY UPDATE OF e) SELECT {_COLUMNS}, ({_HELD}) FROM entry"
)


def look(*, queue_id: int, annotator: Annotator) -> Entry | None:
    """Lock the annotator's enrolment and say how it stands; None where she has none. Call it inside a transaction."""
    assert connection.in_atomic_block
    known = {"queue": queue_id, "annotator": annotator.pk}
    # A statement sees what was committed before it began: the lock is taken first, so that what is counted is true.
    found = prepared.run(_ENTER, known) if prepared.run(_LOCK, known) else []
    return Entry(*found[0]) if found and found[0][1] else None


def enter(*, queue_id: int, annotator: Annotator) -> Entry:
    """Lock the annotator's enrolment, or say why she cannot claim and what she can do. Call it inside a transaction.

    Raises `NotAllowed`, `NotQualified`, `QueueClosed`, `AcknowledgementNeeded`, `QuizNeeded`, `onboarding.PathHeld`.
    """
    entry = look(queue_id=queue_id, annotator=annotator)
    if entry is None:
        raise NotEnrolled(_("You are not enrolled in this queue."))
    if entry.standing != "active":
        raise NotAllowed(
            _("You cannot claim while you are %(standing)s.")
            % {"standing": AnnotatorState(entry.standing).label.lower()}
        )
    if entry.queue_state != "open":
        raise QueueClosed(
            _("This queue is %(queue_state)s.") % {"queue_state": QueueState(entry.queue_state).label.lower()}
        )
    if not entry.able:
        raise _unqualified(queue_id, annotator)
    on_path = bool(entry.stage) and entry.n_held < entry.max_leases
    if on_path and onboarding.admit(enrolment_id=entry.enrolment_id) != entry.stage:
        entry = look(queue_id=queue_id, annotator=annotator)
        assert entry is not None
    if entry.unread is not None and (not entry.n_held or (entry.stage == Stage.READ and on_path)):
        raise AcknowledgementNeeded(
            _("The spec changed: read what is new and confirm it, then claim."),
            version=entry.unread,
            number=SpecVersion.objects.get(pk=entry.unread).number,
        )
    if entry.unpassed is not None and (not entry.n_held or (entry.stage == Stage.QUIZ and on_path)):
        raise QuizNeeded(
            _("This queue asks for a short quiz first."),
            version=entry.unpassed,
            number=SpecVersion.objects.get(pk=entry.unpassed).number,
        )
    if (
        entry.stage in (Stage.READ, Stage.QUIZ) and on_path
    ):  # of the version in force, whatever else she has read
        raise onboarding.PathHeld(
            _("Before the first task here comes reading the version in force, and its quiz.")
        )
    if entry.clear and not entry.cleared:
        seconds = settings.ENTRY_CLEARED_FOR_SECONDS
        prepared.run(_CLEARED, {"enrolment": entry.enrolment_id, "seconds": seconds})
    return entry


def _unqualified(queue_id: int, annotator: Annotator) -> NotQualified | Restricted:
    """What is missing, and the way to it. Asked for only when somebody is refused."""
    restricted = (
        Consequence.objects.filter(
            annotator=annotator,
            state=ConsequenceState.IN_FORCE,
            action__in=[Action.RETRAIN, Action.RESTRICT],
            until__gt=Now(),
        )
        .exclude(queues__contains=[queue_id])
        .first()
    )
    if restricted is not None:
        assert restricted.until is not None  # its constraint
        names = ", ".join(
            Queue.objects.filter(pk__in=restricted.queues).order_by("name").values_list("name", flat=True)
        )
        return Restricted(
            _(
                "Until %(until)s you work in %(names)s only: %(reason)s Your record says what this rests on; "
                "whoever manages people here can lift it."
            )
            % {"until": date_format(restricted.until), "names": names, "reason": restricted.reason}
        )
    queue = Queue.objects.select_related("required_skill", "required_clause").get(pk=queue_id)
    spoken = Annotator.objects.values_list("languages", flat=True).get(pk=annotator.pk)
    missing = sorted(set(queue.required_languages) - set(spoken))
    said = []
    if missing:
        said.append(
            _("It asks for the language %(missing)s: say on your profile which languages you work in.")
            % {"missing": ", ".join(missing)}
        )
    else:
        level = (
            _(" at level %(required_level)s") % {"required_level": queue.required_level}
            if queue.required_level > 1
            else ""
        )
        clause = (
            _(" for the clause %(required_clause)s") % {"required_clause": queue.required_clause.key}
            if queue.required_clause
            else ""
        )
        said.append(
            _(
                "It asks for the skill %(required_skill)s%(level)s%(clause)s, and none of yours is valid for "
                "it now: %(way)s"
            )
            % {"required_skill": queue.required_skill, "level": level, "clause": clause, "way": _way(queue)}
        )
        missing = [queue.required_skill.key] if queue.required_skill else []
    tests = [one.key for one in sitting.ways(queue=queue)]
    return NotQualified(
        _("You cannot claim in %(queue)s. %(said)s") % {"queue": queue.name, "said": " ".join(said)},
        missing=missing,
        tests=tests,
    )


def _way(queue: Queue) -> str:
    """How the skill that a queue asks for is got."""
    tests = [one.name for one in sitting.ways(queue=queue)]
    if not tests:
        return _("whoever manages people here grants it, after a test or by hand.")
    return _("the test in %(tests)s grants it to whoever passes.") % {"tests": " or ".join(tests)}
