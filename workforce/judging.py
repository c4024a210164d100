"""What probes showed: each answer to gold or a repeat is compared once, and read as shares with their intervals.

    (nothing) -> judged: judge
    judged -> judged of the corrected answer: judge_again; judged -> right: take_back, after an appeal

Answers are compared by the distance of their kind of question. Whoever reads them for a verdict
on a person names the flagged clauses: what falls under one says something about the spec, not about her.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from specs import ledger, task_types, versions
from specs.models import Clause, Member, Spec
from workforce.intervals import Share, share
from workforce.models import (
    Annotator,
    GoldState,
    ItemClause,
    Judgement,
    KnownAnswer,
    Probe,
    Queue,
    TaskPurpose,
)

ENOUGH = 10
"""Judged answers below which nothing is said about a person, where no queue says otherwise."""


def judge(
    *,
    probe: Probe,
    assignment_id: int,
    version_id: int,
    values: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> list[Judgement]:
    """Compare the answer to a probe: gold with what is known; with *before* a repeat (what she answered first) and a shadow
    (what the task ended with).

    A question that was not shown to her, because she answered the one it hangs on otherwise, is not judged. Call it inside
    the transaction of the answer.
    """
    version = versions.read(version_id)
    expected = (
        _repeated(probe, before or {})
        if probe.purpose in (TaskPurpose.REPEAT, TaskPurpose.SHADOW)
        else _known(probe, version)
    )
    found = []
    for question in version.questions:
        key = question["key"]
        if key not in expected or key not in values:
            continue
        known, wanted, clauses = expected[key]
        apart = _apart(question, wanted, values[key])
        found.append(
            Judgement(
                project_id=probe.project_id,
                probe=probe,
                assignment_id=assignment_id,
                annotator_id=probe.annotator_id,
                queue_id=probe.queue_id,
                version_id=version_id,
                known=known,
                purpose=probe.purpose,
                question=key,
                clauses=clauses,
                expected=wanted,
                value=values[key],
                distance=apart,
                right=apart == 0,
            )
        )
    event = ledger.record(
        project_id=probe.project_id,
        kind="probe.judged",
        by=None,
        subject=("assignment", assignment_id),
        data={
            "annotator": probe.annotator_id,
            "purpose": probe.purpose,
            "questions": len(found),
            "right": sum(one.right for one in found),
        },
    )
    for one in found:
        one.event_id = event
    return Judgement.objects.bulk_create(found)


def judge_again(*, assignment_id: int, version_id: int, values: Mapping[str, Any]) -> list[Judgement]:
    """Compare the corrected answer with what the first one was compared with. Call it inside the correction's transaction."""
    rows = list(Judgement.objects.select_for_update(no_key=True).filter(assignment=assignment_id))
    version = versions.read(version_id)
    rows = [row for row in rows if row.question in values]
    if not rows:
        return []
    for row in rows:
        question = version.question(row.question)
        apart = _apart(question, row.expected, values[row.question])
        row.value, row.distance, row.right = values[row.question], apart, apart == 0
    event = ledger.record(
        project_id=rows[0].project_id,
        kind="probe.judged",
        by=None,
        subject=("assignment", assignment_id),
        data={
            "annotator": rows[0].annotator_id,
            "purpose": rows[0].purpose,
            "questions": len(rows),
            "right": sum(row.right for row in rows),
        },
    )
    for row in rows:
        row.event_id = event
    Judgement.objects.bulk_update(rows, ["value", "distance", "right", "event_id"])
    return rows


def take_back(*, judgement: Judgement, by: Member) -> Judgement:
    """Count a mark as right: an appeal against it was granted. What was expected and what she said stay as they are.

    Call it inside the transaction that gives the reason.
    """
    locked = Judgement.objects.select_for_update(no_key=True).get(pk=judgement.pk)
    locked.event_id = ledger.record(
        project_id=locked.project_id,
        kind="probe.mark-taken-back",
        by=by,
        subject=("assignment", locked.assignment_id),
        data={"annotator": locked.annotator_id, "question": locked.question},
    )
    locked.distance, locked.right = 0.0, True
    locked.save(update_fields=["distance", "right", "event_id"])
    return locked


def _apart(question: Mapping[str, Any], wanted: Any, value: Any) -> float:
    """The distance of a value from what was wanted; none where the question lets the two pass as agreeing."""
    kind = task_types.get(question["kind"])
    return 0.0 if kind.agrees(question, wanted, value) else float(kind.distance(question, wanted, value))


_Expected = dict[str, tuple[KnownAnswer | None, Any, list[int]]]


def _known(probe: Probe, version: versions.ReadVersion) -> _Expected:
    rows = KnownAnswer.objects.filter(
        item=probe.item_id, spec=version.spec_id, state=GoldState.IN_USE, meaning__lte=version.meaning
    )
    return {known.question: (known, known.value, known.clauses) for known in rows}


def _repeated(probe: Probe, before: Mapping[str, Any]) -> _Expected:
    clauses = sorted(ItemClause.objects.filter(item=probe.item_id).values_list("clause_id", flat=True))
    return {question: (None, value, clauses) for question, value in before.items()}


def feedback(*, assignment_id: int, annotator: Annotator) -> list[dict[str, Any]]:
    """What was expected of her and why, once she answered gold where feedback is given at once, or in practice; else nothing.

    `{"mark", "question", "title", "given", "expected", "right", "explanation", "clauses"}` each, the values in words, `clauses`
    the keys of those that decide, `mark` the number of the judgement.
    """
    rows = Judgement.objects.filter(
        Q(purpose=TaskPurpose.GOLD, queue__gold_feedback="at-once") | Q(purpose=TaskPurpose.PRACTICE),
        assignment=assignment_id,
        annotator=annotator,
    ).select_related("known")
    found = []
    keys = dict(
        Clause.objects.filter(pk__in={pk for one in rows for pk in one.clauses}).values_list("pk", "key")
    )
    for one in rows.order_by("pk"):
        question = versions.read(one.version_id).question(one.question)
        describe = task_types.get(question["kind"]).describe
        found.append(
            {
                "mark": one.pk,
                "question": one.question,
                "title": question["title"],
                "given": describe(question, one.value),
                "expected": describe(question, one.expected),
                "right": one.right,
                "explanation": one.known.explanation if one.known else "",
                "clauses": [keys[pk] for pk in one.clauses if pk in keys],
            }
        )
    return found


def judged(
    *,
    purpose: str,
    annotator: Annotator | None = None,
    queue: Queue | None = None,
    spec: Spec | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    flagged: Collection[int] = (),
) -> QuerySet[Judgement]:
    """Judgements in a window, without those under a flagged clause."""
    rows = Judgement.objects.filter(purpose=purpose)
    if annotator is not None:
        rows = rows.filter(annotator=annotator)
    if queue is not None:
        rows = rows.filter(queue=queue)
    if spec is not None:
        rows = rows.filter(queue__spec=spec)
    if since is not None:
        rows = rows.filter(judged_at__gte=since)
    if until is not None:
        rows = rows.filter(judged_at__lt=until)
    return rows.exclude(clauses__overlap=list(flagged)) if flagged else rows


def gold_accuracy(
    *,
    annotator: Annotator,
    queue: Queue | None = None,
    spec: Spec | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    flagged: Collection[int] = (),
    enough_from: int = ENOUGH,
) -> Share:
    """How much of her gold she answered right, with a Wilson interval.

    Without a queue or a spec: everywhere in her project. The window is half open, `since <= judged_at < until`. Answers under
    *flagged* clauses (ids) are left out. Below *enough_from* it says `enough=False`: no verdict rests on it.
    """
    rows = judged(
        purpose=TaskPurpose.GOLD,
        annotator=annotator,
        queue=queue,
        spec=spec,
        since=since,
        until=until,
        flagged=flagged,
    )
    return _share(rows, enough_from)


def self_agreement(
    *,
    annotator: Annotator | None = None,
    queue: Queue | None = None,
    spec: Spec | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    flagged: Collection[int] = (),
    enough_from: int = ENOUGH,
) -> Share:
    """How often she said the same of an item the second time, as `gold_accuracy`; of everybody without an annotator."""
    rows = judged(
        purpose=TaskPurpose.REPEAT,
        annotator=annotator,
        queue=queue,
        spec=spec,
        since=since,
        until=until,
        flagged=flagged,
    )
    return _share(rows, enough_from)


def _share(rows: QuerySet[Judgement], enough_from: int) -> Share:
    counted = rows.aggregate(n=Count("pk"), right=Count("pk", filter=Q(right=True)))
    return share(counted["right"], counted["n"], enough_from=enough_from)


@dataclass(frozen=True)
class AnnotatorFigures:
    """One annotator's gold and repeats, of all she did or under one clause (`clause_id` is None for no clause)."""

    annotator_id: int
    clause_id: int | None
    gold: Share
    again: Share


_FIGURES = """
    SELECT j.annotator_id, {clause} AS clause_id,
           count(*) FILTER (WHERE j.purpose = 'gold'), count(*) FILTER (WHERE j.purpose = 'gold' AND j."right"),
           count(*) FILTER (WHERE j.purpose = 'repeat'), count(*) FILTER (WHERE j.purpose = 'repeat' AND j."right")
    FROM workforce_judgement j {unnest}
    WHERE j.project_id = %(project)s
      AND (%(queue)s::bigint IS NULL OR j.queue_id = %(queue)s)
      AND (%(annotators)s::bigint[] IS NULL OR j.annotator_id = ANY(%(annotators)s))
      AND (%(since)s::timestamptz IS NULL OR j.judged_at >= %(since)s)
      AND NOT (j.clauses && %(flagged)s::bigint[])
    GROUP BY 1, 2 ORDER BY 1, 2
"""


def figures(
    *,
    project_id: int,
    queue: Queue | None = None,
    annotators: Collection[int] | None = None,
    since: datetime | None = None,
    flagged: Collection[int] = (),
    by_clause: bool = False,
    enough_from: int = ENOUGH,
) -> list[AnnotatorFigures]:
    """Gold accuracy and self-agreement of many annotators in one query, of all they did or clause by clause."""
    query = _FIGURES.format(
        clause="c.id" if by_clause else "NULL::bigint",
        unnest="LEFT JOIN LATERAL unnest(j.clauses) AS c (id) ON true" if by_clause else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            {
                "project": project_id,
                "queue": queue.pk if queue else None,
                "annotators": None if annotators is None else list(annotators),
                "since": since,
                "flagged": list(flagged),
            },
        )
        return [
            AnnotatorFigures(
                annotator,
                clause,
                share(right, n, enough_from=enough_from),
                share(same, again, enough_from=enough_from),
            )
            for annotator, clause, n, right, again, same in cursor.fetchall()
        ]
