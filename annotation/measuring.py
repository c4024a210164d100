"""From rows to agreement: counts made in SQL, measured by pure statistics, kept as dated reports.

    (nothing) -> report with its clause readings: measure

Versions of one meaning are measured together, versions of different meaning never. Models and bots are no part of human
agreement. Counted are the first revisions in force of answers from people, made here or elsewhere; of a task that stops by
itself only as many as it wanted before anybody had answered, because it is the contested ones that get more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from annotation.agreement import aggregate, coefficients, summary
from annotation.agreement import clauses as by_clause
from annotation.agreement.counts import Table, grouped, table
from annotation.agreement.estimate import Estimate
from annotation.models import AgreementReport, ClauseReading
from specs import ledger, task_types, versions
from specs.models import Job, Member, Spec, SpecVersion
from specs.refusals import Invalid
from specs.versions import read as read_version
from workforce.models import Queue

_SCOPE = """
    FROM annotation_annotation a
    JOIN specs_specversion v ON v.id = a.version_id
    JOIN workforce_annotator p ON p.id = a.annotator_id
    JOIN workforce_task t ON t.id = a.task_id AND t.purpose = 'work'
    WHERE v.spec_id = %(spec)s AND v.meaning = %(meaning)s AND p.kind IN ('person', 'imported')
      AND (%(queue)s::bigint IS NULL OR a.queue_id = %(queue)s)
      AND (%(version)s::bigint IS NULL OR a.version_id = %(version)s)
      AND a.values ? %(question)s
      AND (t.overlap_basis NOT IN ('dynamic', 'fair') OR a.ordinal <= t.planned)
      AND (%(position)s::bigint IS NULL OR EXISTS (
          SELECT 1 FROM specs_ledgerentry e WHERE e.event_id = a.event_id AND e.position <= %(position)s))
      AND NOT EXISTS (
          SELECT 1 FROM annotation_annotation l WHERE l.assignment_id = a.assignment_id AND l.revision > a.revision
            AND (%(position)s::bigint IS NULL OR EXISTS (
                SELECT 1 FROM specs_ledgerentry e WHERE e.event_id = l.event_id AND e.position <= %(position)s)))
"""
_COUNTS = f"SELECT t.item_id, a.values ->> %(question)s, count(*) {_SCOPE} GROUP BY 1, 2 ORDER BY 1, 2"
_PEOPLE = f"SELECT count(DISTINCT a.annotator_id) {_SCOPE}"
_MEMBERSHIP = f"""
    WITH scope AS (SELECT a.id, t.item_id {_SCOPE}),
    answers AS (SELECT item_id, count(*) AS n FROM scope GROUP BY 1)
    SELECT c.clause_id, s.item_id, count(*)::float / max(n.n)
    FROM scope s JOIN annotation_citation c ON c.annotation_id = s.id AND c.question = %(question)s
    JOIN answers n ON n.item_id = s.item_id
    WHERE c.clause_id IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT ic.clause_id, n.item_id, 1.0 FROM answers n JOIN workforce_itemclause ic ON ic.item_id = n.item_id
"""
_GOLD = """
    SELECT item_id, value #>> '{}' FROM workforce_knownanswer
    WHERE spec_id = %(spec)s AND question = %(question)s AND (state = 'in-use' OR until_meaning > %(meaning)s)
      AND meaning <= %(meaning)s ORDER BY id
"""


@dataclass(frozen=True)
class LabelReading:
    """Agreement on one label: how often an answer with it meets another that says the same (positive agreement)."""

    value: str
    title: str
    n_answers: int
    agreement: float | None


@dataclass(frozen=True)
class Confusion:
    """Two labels given to the same item: their share of all differing pairs, and how much more often than by chance."""

    values: tuple[str, str]
    titles: tuple[str, str]
    share: float
    lift: float | None


@dataclass(frozen=True)
class ClauseEstimate:
    clause_id: int
    key: str
    position: int
    number: str
    title: str
    revision_id: int | None
    estimate: Estimate


@dataclass(frozen=True)
class Measurement:
    """One question, measured."""

    question: str
    title: str
    meaning: int
    summary: summary.Summary
    n_annotators: int
    labels: list[LabelReading]
    confusions: list[Confusion]
    clauses: list[ClauseEstimate]

    def as_dict(self) -> dict[str, Any]:
        return self.summary.as_dict(n_annotators=self.n_annotators)


def compute(
    *, spec: Spec, queue: Queue | None = None, meaning: int | None = None, position: int | None = None
) -> list[Measurement]:
    """Measure every question of a spec under one meaning (the newest answered one), in one queue or in all of them.

    With *position*, only answers sealed into the ledger up to it count, so the same call gives the same numbers for ever.
    Raises `Invalid` when there is no published version.
    """
    version = _version(spec, meaning)
    return [_measure(spec, queue, version, question, position) for question in version.questions]


def beside(*, queue: Queue, versions: Sequence[SpecVersion]) -> list[tuple[SpecVersion, list[Measurement]]]:
    """Versions side by side in one queue, each measured on the answers given under it alone."""
    return [
        (
            version,
            [
                _measure(queue.spec, queue, whole, question, None, only=version.pk)
                for question in whole.questions
            ],
        )
        for version in versions
        for whole in [read_version(version.pk)]
    ]


def _version(spec: Spec, meaning: int | None) -> versions.ReadVersion:
    frozen = SpecVersion.objects.frozen().filter(spec=spec)
    if meaning is None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT max(v.meaning) FROM specs_specversion v WHERE v.spec_id = %s AND v.meaning > 0 AND EXISTS "
                "(SELECT 1 FROM annotation_annotation a WHERE a.version_id = v.id)",
                [spec.pk],
            )
            row = cursor.fetchone()
        meaning = row[0] if row else None
    of_meaning = frozen.published() if meaning is None else frozen.filter(meaning=meaning)
    newest = of_meaning.newest_first().first()
    if newest is None:
        raise Invalid(f"The spec {spec.key} has no published version of that meaning.")
    return versions.read(newest.pk)


def _measure(
    spec: Spec,
    queue: Queue | None,
    version: versions.ReadVersion,
    question: dict[str, Any],
    position: int | None,
    only: int | None = None,
) -> Measurement:
    known = {
        "version": only,
        "spec": spec.pk,
        "queue": queue.pk if queue else None,
        "meaning": version.meaning,
        "question": question["key"],
        "position": position,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, known)
        found = table(cursor.fetchall(), values=[label["value"] for label in question["labels"]])
        cursor.execute(_PEOPLE, known)
        n_people = cursor.fetchone()[0]
        cursor.execute(_GOLD, known)
        gold = dict(cursor.fetchall())
        cursor.execute(_MEMBERSHIP, known)
        membership = cursor.fetchall()
    measured = summary.summarise(
        found.counts,
        level="nominal",
        gold=_gold_columns(found, gold),
        n_resamples=settings.BOOTSTRAP_RESAMPLES,
    )
    labels, confusions = _by_label(question, found)
    return Measurement(
        question=question["key"],
        title=question["title"],
        meaning=version.meaning,
        summary=measured,
        n_annotators=n_people,
        labels=labels,
        confusions=confusions,
        clauses=_by_clause(version, question["key"], found, membership),
    )


def _gold_columns(found: Table, gold: dict[int, str]) -> NDArray[np.int64] | None:
    if not any(item in gold for item in found.items):
        return None
    columns = {value: index for index, value in enumerate(found.values)}
    return np.array([columns.get(gold.get(item, ""), -1) for item in found.items], dtype=np.int64)  # type: ignore[call-overload]


def _by_label(question: dict[str, Any], found: Table) -> tuple[list[LabelReading], list[Confusion]]:
    kind = task_types.get(question["kind"])
    rows, multiplicity = grouped(found.counts)
    matrix = coefficients.coincidence_matrix(rows, multiplicity)
    specific, raised = aggregate.specific_agreement(matrix), aggregate.lift(matrix)
    titles = [kind.describe(question, value) for value in found.values]
    labels = [
        LabelReading(str(value), titles[k], int(found.counts[:, k].sum()), _number(specific[k]))
        for k, value in enumerate(found.values)
    ]
    apart = float(matrix.sum() - np.trace(matrix))
    confusions = [
        Confusion(
            (str(found.values[c]), str(found.values[k])),
            (titles[c], titles[k]),
            2 * float(matrix[c, k]) / apart,
            _number(raised[c, k]),
        )
        for c in range(len(titles))
        for k in range(c + 1, len(titles))
        if apart and matrix[c, k] > 0
    ]
    return labels, sorted(confusions, key=lambda confusion: -confusion.share)


def _by_clause(
    version: versions.ReadVersion, question: str, found: Table, membership: Sequence[tuple[int, int, float]]
) -> list[ClauseEstimate]:
    rows = {item: row for row, item in enumerate(found.items)}
    weights: dict[int, NDArray[np.float64]] = {}
    for clause_id, item_id, share in membership:
        if item_id in rows:
            column = weights.setdefault(clause_id, np.zeros(len(rows)))
            column[rows[item_id]] = max(column[rows[item_id]], share)
    estimates = []
    for clause in version.clauses:
        if clause.id in weights:
            estimate = by_clause.disagreement(
                found.counts, weights[clause.id], n_resamples=settings.BOOTSTRAP_RESAMPLES
            )
        else:
            estimate = Estimate(None, reason="no item is known to fall under it, and nobody cited it")
        estimates.append(
            ClauseEstimate(
                clause.id,
                clause.key,
                clause.position,
                clause.number,
                clause.title,
                clause.revision_id,
                estimate,
            )
        )
    return sorted(
        estimates, key=lambda one: (one.estimate.value is None, -(one.estimate.value or 0), one.position)
    )


def _number(value: float) -> float | None:
    return None if not np.isfinite(value) else float(value)


def measure(
    *,
    spec: Spec,
    queue: Queue | None = None,
    meaning: int | None = None,
    job: Job | None = None,
    by: Member | None,
) -> list[AgreementReport]:
    """Measure and keep a dated report per question, with its clause readings."""
    measurements = compute(spec=spec, queue=queue, meaning=meaning)
    reports = []
    with transaction.atomic():
        for one in measurements:
            event = ledger.record(
                project_id=spec.project_id,
                kind="agreement.measured",
                by=by,
                subject=("spec", spec.pk),
                data={"question": one.question, "meaning": one.meaning, "answers": one.summary.n_answers},
            )
            report = AgreementReport.objects.create(
                project_id=spec.project_id,
                spec=spec,
                queue=queue,
                meaning=one.meaning,
                question=one.question,
                job=job,
                numbers={
                    **one.as_dict(),
                    "title": one.title,
                    "labels": [vars(label) for label in one.labels],
                    "confusions": [vars(confusion) for confusion in one.confusions],
                },
                event_id=event,
            )
            ClauseReading.objects.bulk_create(
                ClauseReading(
                    project_id=spec.project_id,
                    report=report,
                    clause_id=reading.clause_id,
                    revision_id=reading.revision_id,
                    n_items=reading.estimate.n_items,
                    n_answers=reading.estimate.n_answers,
                    disagreement=reading.estimate.value,
                    low=reading.estimate.low,
                    high=reading.estimate.high,
                    reason=reading.estimate.reason,
                )
                for reading in one.clauses
            )
            reports.append(report)
    return reports


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """What `manage agreement --json` prints: the first question's numbers, and the same for every question."""
    first = measurements[0].as_dict()
    return {**first, "questions": {one.question: one.as_dict() for one in measurements}}


def newest_reports(*, spec: Spec, queue: Queue | None = None) -> list[AgreementReport]:
    """The newest report of each question, in no more than one query."""
    rows = (
        AgreementReport.objects.filter(spec=spec, queue=queue)
        .order_by("question", "-pk")
        .distinct("question")
    )
    return list(rows)


def n_measured(*, spec: Spec, meaning: int) -> int:
    """How many answers the newest report over all queues rests on; 0 without a report."""
    report = AgreementReport.objects.filter(spec=spec, meaning=meaning, queue=None).order_by("-pk").first()
    return int(report.numbers.get("annotations", 0)) if report else 0


def newest_readings(*, spec: Spec, meaning: int) -> dict[str, Estimate]:
    """Disagreement by clause key from the newest report over all queues under one meaning; empty without a report."""
    report = AgreementReport.objects.filter(spec=spec, meaning=meaning, queue=None).order_by("-pk").first()
    if report is None:
        return {}
    return {
        reading.clause.key: Estimate(
            reading.disagreement,
            reading.low,
            reading.high,
            reading.n_items,
            reading.n_answers,
            reading.reason,
        )
        for reading in report.clause_readings.select_related("clause")
    }
