"""How far newcomers are in their stages, read for one or for many in the same number of queries. Nothing changes here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from specs.models import Acknowledgement
from workforce import intervals
from workforce.models import (
    Canary,
    CanaryState,
    Enrolment,
    PathStage,
    QuizAttempt,
    QuizLeave,
    QuizState,
    Stage,
)

ORDER: tuple[str, ...] = tuple(Stage.values)


@dataclass(frozen=True)
class Progress:
    """How far an annotator is in her stage.

    `n` answers of it count so far, `wanted` are needed; `value` is the share that is right among the last `wanted` of them,
    which are `n_judged`, `low` the lower end of its 95 % interval, `needed` what it has to reach. `n_waiting` shadow answers
    have nothing to be compared with yet; after `at_most` a person looks. `passed` says that the stage's rule is met, `stuck`
    that only a person gets her on.
    """

    stage: str
    n: int = 0
    wanted: int = 0
    n_judged: int = 0
    n_right: int = 0
    value: float | None = None
    low: float | None = None
    needed: float = 0.0
    sure: bool = False
    at_most: int = 0
    n_waiting: int = 0
    days: int | None = None
    lasted: timedelta = timedelta(0)
    passed: bool = False
    stuck: bool = False


@dataclass
class _Told:
    """What the tables say of one enrolment, whatever stage it is in."""

    rights: list[bool]
    n_waiting: int = 0
    n_worked: int = 0
    lasted: timedelta = timedelta(0)
    has_read: bool = False
    has_passed: bool = False
    n_failed: int = 0


def progress(*, enrolment: Enrolment) -> Progress:
    """How far somebody is in the stage she is in; of a stage that her path has lost meanwhile, that it is passed."""
    return progress_of([enrolment])[enrolment.pk]


def progress_of(enrolments: Sequence[Enrolment]) -> dict[int, Progress]:
    """The same of many, by the enrolment's id: at most nine queries. They come with annotator and queue."""
    terms = {
        (one.queue_id, one.stage): one
        for one in PathStage.objects.filter(queue__in={enrolment.queue_id for enrolment in enrolments})
    }
    told = _told(enrolments)
    return {one.pk: _of(one.stage, terms.get((one.queue_id, one.stage)), told[one.pk]) for one in enrolments}


def _of(stage: str, terms: PathStage | None, told: _Told) -> Progress:
    if terms is None:
        return Progress(stage, passed=True, lasted=told.lasted)
    if stage == Stage.READ:
        return Progress(stage, wanted=1, passed=told.has_read, lasted=told.lasted)
    if stage == Stage.QUIZ:
        return Progress(stage, n=told.n_failed, wanted=1, passed=told.has_passed, lasted=told.lasted)
    return (_probation if stage == Stage.PROBATION else _tried)(terms, told)


def _tried(terms: PathStage, told: _Told) -> Progress:
    last = told.rights[: terms.wanted]
    found = intervals.share(sum(last), len(last))
    reached = (found.low if terms.sure else found.value or 0.0) >= terms.share - 1e-9
    passed = len(last) >= terms.wanted and reached
    return Progress(
        terms.stage,
        n=len(told.rights),
        wanted=terms.wanted,
        n_judged=found.n,
        n_right=found.right,
        value=found.value,
        low=found.low if last else None,
        needed=terms.share,
        sure=terms.sure,
        at_most=terms.at_most,
        n_waiting=told.n_waiting,
        lasted=told.lasted,
        passed=passed,
        stuck=not passed and len(told.rights) >= terms.at_most,
    )


def _probation(terms: PathStage, told: _Told) -> Progress:
    found = intervals.share(sum(told.rights), len(told.rights))
    timed = terms.days is not None and told.lasted >= timedelta(days=terms.days)
    over = timed or bool(terms.wanted and told.n_worked >= terms.wanted)
    reached = found.value is None or found.value >= terms.share - 1e-9
    return Progress(
        terms.stage,
        n=told.n_worked,
        wanted=terms.wanted,
        n_judged=found.n,
        n_right=found.right,
        value=found.value,
        low=found.low if found.n else None,
        needed=terms.share,
        days=terms.days,
        lasted=told.lasted,
        passed=over and reached,
        stuck=over and not reached,
    )


# Answers of the stage, newest first: one row for each probe, right where every question of it is. What hangs on a clause that is
# flagged now is set aside. A shadow without a judgement waits for its task; one whose task ended with nothing to be compared with
# counts nowhere.
_ANSWERS = """
    SELECT w.id, j."right", j."right" IS NULL AND t.state IN ('open', 'disputed') AS waits
    FROM unnest(%(ids)s::bigint[], %(annotators)s::bigint[], %(queues)s::bigint[], %(since)s::timestamptz[], %(purposes)s::text[])
        AS w (id, annotator, queue, since, purpose)
    JOIN workforce_assignment s ON s.annotator_id = w.annotator AND s.state = 'submitted' AND s.submitted_at >= w.since
        AND s.queue_id = w.queue
    JOIN workforce_probe p ON p.task_id = s.task_id AND p.purpose = w.purpose
    LEFT JOIN workforce_task t ON t.id = p.beside_id
    LEFT JOIN LATERAL (
        SELECT bool_and(g."right") AS "right" FROM workforce_judgement g LEFT JOIN workforce_knownanswer k ON k.id = g.known_id
        WHERE g.assignment_id = s.id AND k.held_at IS NULL
    ) j ON true
    ORDER BY w.id, s.submitted_at DESC, p.id DESC
"""
_WORKED = """
    SELECT w.id, statement_timestamp() - w.since, (
        SELECT count(*) FROM workforce_assignment s JOIN workforce_task t ON t.id = s.task_id AND t.purpose = 'work'
        WHERE w.purpose = 'gold' AND s.annotator_id = w.annotator AND s.queue_id = w.queue AND s.state = 'submitted'
          AND s.submitted_at >= w.since)
    FROM unnest(%(ids)s::bigint[], %(annotators)s::bigint[], %(queues)s::bigint[], %(since)s::timestamptz[], %(purposes)s::text[])
        AS w (id, annotator, queue, since, purpose)
"""
_PURPOSE: dict[str, str] = {Stage.PRACTICE: "practice", Stage.SHADOW: "shadow", Stage.PROBATION: "gold"}


def _told(enrolments: Sequence[Enrolment]) -> dict[int, _Told]:
    found = {one.pk: _Told([]) for one in enrolments}
    on_path = [one for one in enrolments if one.stage]
    known = _columns(on_path)
    with connection.cursor() as cursor:
        cursor.execute(_WORKED, known)
        for pk, lasted, n in cursor.fetchall():
            found[pk].lasted, found[pk].n_worked = lasted, n
        if any(known["purposes"]):
            cursor.execute(_ANSWERS, known)
            for pk, right, waits in cursor.fetchall():
                found[pk].n_waiting += bool(waits)
                if right is not None:
                    found[pk].rights.append(right)
    _reading(found, [one for one in on_path if one.stage == Stage.READ])
    _quizzes(found, [one for one in on_path if one.stage == Stage.QUIZ])
    return found


def _columns(enrolments: Iterable[Enrolment]) -> Mapping[str, list[Any]]:
    rows = [
        (one.pk, one.annotator_id, one.queue_id, one.stage_since, _PURPOSE.get(one.stage, ""))
        for one in enrolments
    ]
    names = ("ids", "annotators", "queues", "since", "purposes")
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


def _reading(found: dict[int, _Told], at_it: list[Enrolment]) -> None:
    if not at_it:
        return
    served = _served(at_it)
    read = set(
        Acknowledgement.objects.filter(
            member__in={one.annotator.member_id for one in at_it if one.annotator.member_id},
            version__in=set().union(*served.values()),
        ).values_list("member_id", "version_id")
    )
    for one in at_it:
        member = one.annotator.member_id
        found[one.pk].has_read = member is None or any(
            (member, version) in read for version in served[one.queue_id]
        )


def _served(enrolments: Iterable[Enrolment]) -> dict[int, set[int]]:
    """The versions that tasks of each queue are served under now: the one in force, and a canary's."""
    found = {one.queue_id: {one.queue.version_id} - {None} for one in enrolments}
    running = Canary.objects.filter(queue__in=found, state=CanaryState.RUNNING)
    for queue, version in running.values_list("queue_id", "version_id"):
        found[queue].add(version)
    return found  # type: ignore[return-value]  # None is taken out


def _quizzes(found: dict[int, _Told], at_it: list[Enrolment]) -> None:
    if not at_it:
        return
    served = _served(at_it)
    known = {
        "queue__in": set(served),
        "annotator__in": {one.annotator_id for one in at_it},
        "version__in": set().union(*served.values()),
    }
    columns = ("queue_id", "annotator_id", "version_id")
    attempts = list(QuizAttempt.objects.filter(**known).values_list(*columns, "state"))
    excused = set(QuizLeave.objects.filter(**known, excused=True).values_list(*columns))
    for one in at_it:
        keys = {(one.queue_id, one.annotator_id, version) for version in served[one.queue_id]}
        states = [state for *key, state in attempts if tuple(key) in keys]
        found[one.pk].has_passed = QuizState.PASSED in states or bool(keys & excused)
        found[one.pk].n_failed = states.count(QuizState.FAILED)
