"""From answers to agreement: measured by pure statistics, kept as dated reports.

    (nothing) -> report with its clause readings: measure

Which answers count stands in `answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation import answers, units, weighing
from annotation.agreement import ambiguity, coefficients, confusion, levels, parts, summary
from annotation.agreement.counts import Table, grouped
from annotation.agreement.estimate import Estimate
from annotation.models import AgreementReport, AnnotatorReading, ClauseReading
from specs import ledger, running, task_types, versions
from specs.models import Job, Member, Spec, SpecVersion
from specs.refusals import Invalid
from specs.versions import read as read_version
from workforce.models import Queue

Told = Callable[[str], None]
PARTS = 4
"""Into which measuring one question falls: reading, agreement, clauses, annotators."""
MOST_LABELS = 200
"""Distinct values up to which agreement is also told for each of them."""


@dataclass(frozen=True)
class LabelReading:
    """Agreement on one label: how often an answer with it meets another that says the same (positive agreement), with its 95 %
    interval over the `n_items` items that have it and two answers."""

    value: str
    title: str
    n_answers: int
    agreement: float | None
    low: float | None
    high: float | None
    n_items: int


@dataclass(frozen=True)
class Confusion:
    """Two labels given to the same item: their share of all differing pairs, and how much more often than by chance."""

    values: tuple[str, str]
    titles: tuple[str, str]
    share: float
    lift: float | None


@dataclass(frozen=True)
class ClauseEstimate:
    """Disagreement under one clause, and its verdict; `annotators` (primary keys) are those whom it names."""

    clause_id: int
    key: str
    position: int
    number: str
    title: str
    revision_id: int | None
    estimate: Estimate
    found: ambiguity.Clause
    annotators: list[int]

    def as_dict(self) -> dict[str, Any]:
        """What a report keeps of the verdict: not whom it names, since more people read reports than may judge people."""
        one = self.found
        return {
            "verdict": one.verdict,
            "excess": one.excess,
            "z": one.z,
            "flagged": one.flagged,
            "due_to_people": one.due_to_people,
            "due_to_clause": one.due_to_clause,
        }


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
    people: list[weighing.Person]
    meanings: list[int]
    """Measured together: `meaning`, and those declared to be one with it."""

    def as_dict(self) -> dict[str, Any]:
        return {**self.summary.as_dict(n_annotators=self.n_annotators), "meanings": self.meanings}


def compute(
    *,
    spec: Spec,
    queue: Queue | None = None,
    meaning: int | None = None,
    position: int | None = None,
    told: Told = lambda _note: None,
) -> list[Measurement]:
    """Measure every question of a spec under one meaning (the newest answered one), in one queue or in all of them.

    With *position*, only answers sealed into the ledger up to it count, so the same call gives the same numbers for ever.
    `told` is called before each part of the work, with its name, and may stop it by raising. Raises `Invalid` when there is no
    published version.
    """
    version = version_of(spec, meaning)
    return [
        _measure(answers.Scope(spec, version, question["key"], queue, position), told)
        for question in version.questions
    ]


def summarised(
    *, spec: Spec, version: versions.ReadVersion, position: int, meanings: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """Agreement by question on the answers sealed up to a position under these meanings: the same numbers for ever.

    Nothing that may change later goes in: no known answers, which come and go, and no newer version's questions.
    """
    found = {}
    for question in version.questions:
        scope = answers.Scope(spec, version, question["key"], position=position, pinned=tuple(meanings))
        given = answers.read(scope)
        whole, _values = units.of(question, given)
        measured = summary.summarise(
            whole, level=units.level_of(question), n_resamples=settings.BOOTSTRAP_RESAMPLES
        )
        found[question["key"]] = {
            **measured.as_dict(n_annotators=len(given.annotators)),
            "meanings": scope.meanings,
        }
    return found


def beside(*, queue: Queue, versions: Sequence[SpecVersion]) -> list[tuple[SpecVersion, list[Measurement]]]:
    """Versions side by side in one queue, each measured on the answers given under it alone."""
    return [
        (
            version,
            [
                _measure(answers.Scope(queue.spec, whole, question["key"], queue, None, version.pk))
                for question in whole.questions
            ],
        )
        for version in versions
        for whole in [read_version(version.pk)]
    ]


def version_of(spec: Spec, meaning: int | None) -> versions.ReadVersion:
    """The newest version of a meaning, by default of the newest one with an answer. Raises `Invalid` where there is none."""
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
        raise Invalid(_("The spec %(spec)s has no published version of that meaning.") % {"spec": spec.key})
    return versions.read(newest.pk)


def _measure(scope: answers.Scope, told: Told = lambda _note: None) -> Measurement:
    question = scope.asked
    told(_("%(question)s: reading answers") % {"question": scope.question})
    given = answers.read(scope)
    gold = answers.gold(scope, given)
    told(_("%(question)s: agreement") % {"question": scope.question})
    whole, values = units.of(question, given)
    measured = summary.summarise(
        whole,
        level=units.level_of(question),
        gold=_in_order(gold, given.values, values),
        n_resamples=settings.BOOTSTRAP_RESAMPLES,
    )
    labels, confusions = _by_label(question, given.table()) if _is_countable(whole) else ([], [])
    told(_("%(question)s: clauses") % {"question": scope.question})
    reading, estimates = _by_clause(scope, given)
    told(_("%(question)s: annotators") % {"question": scope.question})
    return Measurement(
        question=question["key"],
        title=question["title"],
        meaning=scope.version.meaning,
        summary=measured,
        n_annotators=len(given.annotators),
        labels=labels,
        confusions=confusions,
        clauses=estimates,
        people=weighing.people_of(given.first(), reading.effects.annotator, gold),
        meanings=scope.meanings,
    )


def _in_order(gold: answers.Codes | None, before: list[Any], after: list[Any]) -> answers.Codes | None:
    """Codes of known answers, from one order of the values to another."""
    if gold is None or before == after:
        return gold
    place = {value: k for k, value in enumerate(after)}
    codes = np.array([*(place[value] for value in before), -1], dtype=np.int64)
    return np.asarray(codes[gold])


def _is_countable(whole: levels.Units) -> bool:
    """Whether values are few enough to be counted one by one, as labels are."""
    return len(whole.values) <= MOST_LABELS and all(isinstance(value, str | float) for value in whole.values)


def _by_label(question: dict[str, Any], found: Table) -> tuple[list[LabelReading], list[Confusion]]:
    kind = task_types.get(question["kind"])
    rows, multiplicity = grouped(found.counts)
    matrix = coefficients.coincidence_matrix(rows, multiplicity)
    specific, raised = parts.of_labels(found.counts, minimum=1), confusion.lift(matrix)
    titles = [kind.describe(question, value) for value in found.values]
    labels = [
        LabelReading(
            str(value),
            titles[k],
            int(found.counts[:, k].sum()),
            specific[k].value,
            specific[k].low,
            specific[k].high,
            specific[k].n_items,
        )
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
    scope: answers.Scope, given: answers.Answers
) -> tuple[ambiguity.Reading, list[ClauseEstimate]]:
    """The fit, and every clause of the version, the worst first; those that nothing is known of last."""
    clauses = scope.version.clauses
    reading = ambiguity.judge(
        given.pairs(),
        answers.members(scope, given),
        n_clauses=len(clauses),
        n_annotators=len(given.annotators),
        minimum=ambiguity.Minimum(least_excess=settings.CLAUSE_FLAG_EXCESS_PERCENT / 100),
    )
    estimates = [
        ClauseEstimate(
            clause.id,
            clause.key,
            clause.position,
            clause.number,
            clause.title,
            clause.revision_id,
            _estimate(found, _number(reading.effects.clause[found.clause])),
            found,
            given.annotators[list(found.annotators)].tolist(),
        )
        for clause, found in zip(clauses, reading.clauses, strict=True)
    ]
    return reading, sorted(
        estimates, key=lambda one: (one.estimate.value is None, -(one.estimate.value or 0), one.position)
    )


def _estimate(found: ambiguity.Clause, value: float | None) -> Estimate:
    """The rate with its interval; below ten items the rate alone, with the reason."""
    if found.n_items == 0 or value is None:
        return Estimate(None, reason=_("no item with two answers falls under it, and nobody cited it"))
    reason = "" if found.low is not None else found.reason
    return Estimate(max(value, 0.0), found.low, found.high, found.n_items, found.n_answers, reason)


def _number(value: float) -> float | None:
    return None if not np.isfinite(value) else float(value)


def clauses_of(scope: answers.Scope) -> list[dict[str, Any]]:
    """Every clause with its verdict, the worst first: what `manage clauses --json` prints. Annotators are primary keys."""
    given = answers.read(scope)
    return [
        {
            "key": one.key,
            "number": one.number,
            "items": one.found.n_items,
            "answers": one.found.n_answers,
            **{name: _rounded(getattr(one.found, name)) for name in ("disagreement", "raw", "shrunk")},
            **{name: _rounded(number) for name, number in one.as_dict().items()},
            "annotators": one.annotators,
            "low": _rounded(one.found.low),
            "high": _rounded(one.found.high),
            "z_without": _rounded(one.found.z_without),
            "reason": one.found.reason,
        }
        for one in _by_clause(scope, given)[1]
    ]


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def measure(
    *,
    spec: Spec,
    queue: Queue | None = None,
    meaning: int | None = None,
    job: Job | None = None,
    by: Member | None,
    told: Told = lambda _note: None,
) -> list[AgreementReport]:
    """Measure and keep a dated report per question, with its readings per clause and per annotator."""
    measurements = compute(spec=spec, queue=queue, meaning=meaning, told=told)
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
                    "clauses": {clause.key: clause.as_dict() for clause in one.clauses},
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
            AnnotatorReading.objects.bulk_create(
                [
                    AnnotatorReading(
                        project_id=spec.project_id,
                        report=report,
                        annotator_id=person.annotator,
                        **{name: value for name, value in vars(person).items() if name != "annotator"},
                    )
                    for person in one.people
                ],
                batch_size=5000,
            )
            reports.append(report)
        if job is not None:
            running.finish(job, {"reports": [report.pk for report in reports]})
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
