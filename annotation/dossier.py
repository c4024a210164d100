"""Everything that is recorded about one annotator: what a manager sees of her, she sees too, and can take with her.

Read in a fixed number of queries. Figures rest on her newest `JUDGED_ANSWERS` answers; below `JUDGED_MINIMUM` judged ones a
figure is not said. Which answers were known beforehand is never told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import OuterRef, Q, Subquery

from annotation import appraising, flagging, keeping
from annotation.agreement import people
from annotation.models import LateAnswer, Recheck
from specs import task_types, versions
from specs.models import Clause, Event, Suspension
from workforce.models import (
    Annotator,
    AnnotatorSkill,
    CohortMembership,
    Consequence,
    DayAway,
    Enrolment,
    Finding,
    Lease,
    OnboardingStep,
    Sitting,
)

PEERS, OF_A_PEER = 20, 50
"""How many others, and how many answers of each, what is usual is read from."""
EVENTS, CONFUSIONS, LATE = 100, 8, 20
_COUNTS = """
    SELECT q.id, (SELECT count(*) FROM workforce_assignment s WHERE s.annotator_id = %(who)s AND s.queue_id = q.id
                    AND s.state = 'submitted'),
           (SELECT count(*) FROM workforce_skip k WHERE k.annotator_id = %(who)s AND k.queue_id = q.id),
           (SELECT count(*) FROM annotation_lateanswer l JOIN workforce_assignment s ON s.id = l.assignment_id
            WHERE l.annotator_id = %(who)s AND s.queue_id = q.id)
    FROM workforce_queue q WHERE q.id = ANY(%(queues)s)
"""
_PEERS = """
    SELECT DISTINCT o.annotator_id FROM workforce_enrolment e
    JOIN workforce_enrolment o ON o.queue_id = e.queue_id AND o.annotator_id <> e.annotator_id AND o.active
    WHERE e.annotator_id = %s AND e.active ORDER BY 1 LIMIT %s
"""


@dataclass(frozen=True)
class Pace:
    """Seconds from claim to answer: the middle one and the quarters, and the middle one of the others."""

    n: int
    middle: float | None = None
    low: float | None = None
    high: float | None = None
    usual: float | None = None


@dataclass(frozen=True)
class OfClause:
    """Agreement under one clause; `flagged` says that the clause is under suspicion, not she."""

    key: str
    share: appraising.Share
    flagged: bool


@dataclass(frozen=True)
class Confused:
    """She said `own` where the others said `most`: how often, and its share of her differing answers to that question."""

    question: str
    own: str
    most: str
    n: int
    share: float


@dataclass(frozen=True)
class InQueue:
    enrolment: Enrolment
    n_answers: int
    n_skipped: int
    n_late: int


@dataclass(frozen=True)
class TooLate:
    """An answer that was kept and not counted: `said` in words, as (question, answer)."""

    item: str
    queue: str
    received_at: datetime
    said: list[tuple[str, str]]


@dataclass(frozen=True)
class Figures:
    """What her answers say, each with n and interval or too few to say."""

    agreement: appraising.Share
    shrunk: float | None
    usual_agreement: float
    gold: appraising.Share
    self_agreement: appraising.Share
    pace: Pace
    drift: appraising.Drift
    clauses: list[OfClause]
    confusions: list[Confused]
    n_answers: int

    def blocks(self, size: int = 50) -> list[dict[str, Any]]:
        """The stream of the drift chart as a table: errors per block of answers, with the highest S in it."""
        rows, path = self.drift.rows, self.drift.chart.path
        wrong = [one.right is False if self.drift.stream == "gold" else one.agrees is False for one in rows]
        lead = len(rows) - len(path)
        return [
            {
                "first": start + 1,
                "last": min(start + size, len(rows)),
                "from": rows[start].at,
                "n_wrong": sum(wrong[start : start + size]),
                "share": sum(wrong[start : start + size]) / len(wrong[start : start + size]),
                "highest": max(path[max(0, start - lead) : max(0, start + size - lead)], default=None),
                "alarms": [place + 1 for place in self.drift.chart.alarms if start <= place < start + size],
            }
            for start in range(0, len(rows), size)
        ]


def figures(annotator: Annotator) -> Figures:
    minimum = settings.JUDGED_MINIMUM
    rows = appraising.answers(annotators=[annotator.pk], last=settings.JUDGED_ANSWERS)
    with connection.cursor() as cursor:
        cursor.execute(_PEERS, [annotator.pk, PEERS])
        others = appraising.answers(annotators=[row[0] for row in cursor.fetchall()], last=OF_A_PEER)
    found = appraising.agreement(rows, minimum=minimum)
    usual = appraising.pooled([*others, *rows])
    return Figures(
        agreement=found,
        shrunk=None if found.value is None else people.shrunk(found.n_right, found.n, usual),
        usual_agreement=usual,
        gold=appraising.gold(rows, minimum=minimum),
        self_agreement=appraising.self_agreement(rows, minimum=minimum),
        pace=_pace(rows, others, minimum),
        drift=appraising.drift_of(rows),
        clauses=_by_clause(rows, minimum),
        confusions=_confusions(rows, minimum),
        n_answers=len({one.annotation_id for one in rows}),
    )


def _pace(rows: Sequence[appraising.Judged], others: Sequence[appraising.Judged], minimum: int) -> Pace:
    own, usual = seconds(rows), seconds(others)
    if len(own) < max(minimum, 2):
        return Pace(len(own))
    low, middle, high = quantiles(own, n=4)
    return Pace(len(own), middle, low, high, median(usual) if len(usual) >= minimum else None)


def seconds(rows: Sequence[appraising.Judged]) -> list[float]:
    """From claim to answer, once per answer; imported answers have none."""
    found = {one.annotation_id: one.seconds for one in rows if one.seconds is not None}
    return [each for each in found.values() if each > 0]


def _by_clause(rows: Sequence[appraising.Judged], minimum: int) -> list[OfClause]:
    under: dict[int, list[appraising.Judged]] = {}
    for one in rows:
        for clause in one.clauses:
            under.setdefault(clause, []).append(one)
    flags = set().union(*flagging.flagged(specs={(one.spec_id, one.meaning) for one in rows}).values())
    keys = dict(Clause.objects.filter(pk__in=under).values_list("pk", "key"))
    found = [
        # Here the figure is about the clause, so nothing is set aside: the flag is said beside it.
        OfClause(
            keys[clause], appraising.agreement(judged, minimum=minimum, all_of_them=True), clause in flags
        )
        for clause, judged in under.items()
    ]
    return sorted(found, key=lambda one: (one.share.value is None, one.share.value or 0, -one.share.n))


def _confusions(rows: Sequence[appraising.Judged], minimum: int) -> list[Confused]:
    """What she takes for what, beside the others; nothing below the minimum of compared answers to a question."""
    compared = [one for one in rows if one.agrees is not None and not one.set_aside]
    n_compared = Counter((one.version_id, one.question) for one in compared)
    apart = Counter(
        (one.version_id, one.question, one.said, one.most)
        for one in compared
        if not one.agrees and n_compared[one.version_id, one.question] >= minimum
    )
    whole = Counter[tuple[int, str]]()
    for (version, question, _own, _most), n in apart.items():
        whole[version, question] += n
    return [
        Confused(
            versions.read(version).question(question)["title"],
            _title(version, question, own),
            _title(version, question, most),
            n,
            n / whole[version, question],
        )
        for (version, question, own, most), n in apart.most_common(CONFUSIONS)
    ]


def _title(version: int, question: str, key: str) -> str:
    """What a value is called, from the text that equal values share."""
    asked = versions.read(version).question(question)
    try:
        return str(task_types.get(asked["kind"]).describe(asked, _value(key)))
    except (KeyError, TypeError, ValueError):
        return key


def _value(key: str) -> Any:
    """A text is its own key, everything else its JSON (`rules.key_of`)."""
    try:
        found = json.loads(key)
    except ValueError:
        return key
    return key if isinstance(found, str | int | float | bool) or found is None else found


def queues(annotator: Annotator) -> list[InQueue]:
    """The queues she is or was enrolled in, with what she did there."""
    rows = list(
        Enrolment.objects.filter(annotator=annotator)
        .select_related("queue")
        .order_by("-active", "queue__name")
    )
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"who": annotator.pk, "queues": [row.queue_id for row in rows]})
        counts = {queue: numbers for queue, *numbers in cursor.fetchall()}
    return [InQueue(row, *counts[row.queue_id]) for row in rows]


def late(annotator: Annotator) -> list[TooLate]:
    """Her newest answers whose lease was lost and which no free slot took, under the version that they were written under."""
    lease = Lease.objects.filter(assignment=OuterRef("assignment"), token=OuterRef("token"))
    rows = (
        LateAnswer.objects.filter(annotator=annotator)
        .annotate(under=Subquery(lease.values("version")[:1]))
        .select_related("assignment__task__item", "assignment__queue")
        .order_by("-pk")[:LATE]
    )
    return [
        TooLate(
            row.assignment.task.item.key,
            row.assignment.queue.name,
            row.received_at,
            keeping.in_words(
                versions.read(row.under), values=row.values, payload=row.assignment.task.item.payload
            ),
        )
        for row in rows
    ]


def standing(annotator: Annotator) -> dict[str, Any]:
    """Rows about her: skills held and once held, cohorts, days away, suspensions with appeals, findings and what followed, second
    looks, steps on paths, tests.
    """
    suspensions = list(
        Suspension.objects.filter(member=annotator.member_id or 0)
        .select_related("by__user")
        .prefetch_related("ends", "appeals__decided_by__user", "appeals__texts")
        .order_by("-pk")
    )
    return {
        "skills": list(
            AnnotatorSkill.objects.filter(annotator=annotator)
            .select_related("skill", "version", "clause", "granted_by__user", "revoked_by__user")
            .order_by("-pk")
        ),
        "cohorts": list(
            CohortMembership.objects.filter(annotator=annotator).select_related("cohort").order_by("-pk")
        ),
        "away": list(DayAway.objects.filter(annotator=annotator).order_by("-first")),
        "suspensions": suspensions,
        "findings": list(
            Finding.objects.filter(annotator=annotator)
            .select_related("rule", "held_back")
            .order_by("-pk")[:EVENTS]
        ),
        "steps": list(
            OnboardingStep.objects.filter(annotator=annotator)
            .select_related("queue", "by__user")
            .order_by("-pk")[:EVENTS]
        ),
        "sittings": list(
            Sitting.objects.filter(annotator=annotator).select_related("queue").order_by("-pk")[:EVENTS]
        ),
        "consequences": list(
            Consequence.objects.filter(annotator=annotator)
            .select_related("finding__rule", "decided_by__user", "ended_by__user")
            .order_by("-pk")
        ),
        "rechecks": list(
            Recheck.objects.filter(annotator=annotator).select_related("by__user").order_by("-pk")
        ),
    }


def events(annotator: Annotator) -> list[Event]:
    """The newest decisions about her, from the ledger."""
    about = Q(subject="annotator", subject_id=annotator.pk)
    if annotator.member_id:
        about |= Q(subject="member", subject_id=annotator.member_id)
    return list(
        Event.objects.filter(about, project=annotator.project_id)
        .select_related("by__user")
        .order_by("-pk")[:EVENTS]
    )
