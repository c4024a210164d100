"""The health of a spec's clauses as last measured: read from what is kept, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import (
    STANDING_ISSUES,
    AgreementReport,
    ClauseEvidence,
    ClauseIssue,
    ClauseReading,
    ReportEvidence,
)
from specs import versions
from specs.models import Spec, SpecVersion
from specs.versions import ReadClause, ReadVersion
from workforce.models import Queue

_Z95 = 1.959964


@dataclass(frozen=True)
class Effect:
    """A clause under one meaning: its newest reading there, and what a rewording did since the meaning before.

    `change` is the difference of the disagreements with its 95 % bounds, None where one of them has no interval or the words
    stayed as they were.
    """

    version: SpecVersion
    reading: ClauseReading
    reworded: bool
    change: tuple[float, float, float] | None

    @property
    def works(self) -> bool:
        """Whether people differ less than before for certain."""
        return self.change is not None and self.change[2] < 0

    @property
    def harms(self) -> bool:
        return self.change is not None and self.change[1] > 0


@dataclass(frozen=True)
class Row:
    """One clause of the version that was measured."""

    clause: ReadClause
    found: ClauseEvidence
    issue: ClauseIssue | None
    before: Effect | None

    @property
    def numbers(self) -> dict[str, Any]:
        return dict(self.found.numbers)

    @property
    def heard(self) -> list[str]:
        """What was heard about it, and what its disagreement took; nothing is said of what is nought."""
        one = self.found.numbers
        said = [
            (
                one["n_none_fits"],
                ngettext("%(n)d× “no clause fits”", "%(n)d× “no clause fits”", one["n_none_fits"]),
            ),
            (one["n_asked"], ngettext("%(n)d question", "%(n)d questions", one["n_asked"])),
            (one["n_precedents"], ngettext("%(n)d precedent", "%(n)d precedents", one["n_precedents"])),
            (one["n_disputes"], ngettext("%(n)d dispute", "%(n)d disputes", one["n_disputes"])),
        ]
        found = [words % {"n": n} for n, words in said if n]
        if one["seconds"]:
            found.append(f"{one['seconds'] / 3600:.1f}\N{NO-BREAK SPACE}h")
        if one["money"]:
            found.append(f"{one['money']:,.2f}\N{NO-BREAK SPACE}{self.found.clause.project.currency}")
        return found

    @property
    def z(self) -> str:
        """How many standard errors above the others, and the same without whoever matters most."""
        found = [self.found.numbers[name] for name in ("z", "z_without")]
        return " · ".join(
            words % {"z": ">\N{NO-BREAK SPACE}99" if abs(value) > 99 else f"{value:.1f}"}
            for words, value in zip(("z %(z)s", _("without whoever matters most %(z)s")), found, strict=True)
            if value is not None
        )

    @property
    def over(self) -> tuple[float, float, float] | None:
        """By how much it differs more often than the median of the others, with bounds; `excess` is drawn from it."""
        one, middle = self.found.numbers, self.found.numbers["others"]
        if one["low"] is None or middle is None:
            return None
        return one["disagreement"] - middle, one["low"] - middle, one["high"] - middle


@dataclass(frozen=True)
class Health:
    report: AgreementReport
    version: ReadVersion
    evidence: ReportEvidence | None
    rows: list[Row]

    @property
    def n_ambiguous(self) -> int:
        return sum(row.found.verdict == "ambiguous" for row in self.rows)

    @property
    def judged(self) -> bool:
        """Whether any clause has a verdict; without one the rows are a ranked list of evidence."""
        return any(row.found.verdict not in ("too_few", "rarely_used") for row in self.rows)

    @property
    def opposed(self) -> list[dict[str, Any]]:
        """Groups of people whose readings are opposite."""
        found = self.evidence.numbers["across"] if self.evidence else []
        return [one for one in found if one["opposite"]]


def newest(*, spec: Spec, question: str = "", queue: Queue | None = None) -> list[AgreementReport]:
    """The newest report of each question, or of one; the newest meaning that was measured."""
    rows = AgreementReport.objects.filter(spec=spec, queue=queue, meaning__gt=0)
    if question:
        rows = rows.filter(question=question)
    return list(
        rows.order_by("question", "-pk").distinct("question").select_related("spec__project", "queue")
    )


def of(report: AgreementReport) -> Health:
    """The report with its clauses, by where to look first; without rows while its evidence is gathered."""
    version = version_of(report)
    evidence = ReportEvidence.objects.filter(report=report).first()
    if evidence is None:
        return Health(report, version, None, [])
    clauses = {clause.id: clause for clause in version.clauses}
    issues = {
        issue.clause_id: issue
        for issue in ClauseIssue.objects.filter(clause__in=clauses, state__in=STANDING_ISSUES).order_by("pk")
    }
    courses = effects(spec=report.spec, question=report.question, queue=report.queue, clauses=clauses)
    rows = [
        Row(
            clauses[found.clause_id],
            found,
            issues.get(found.clause_id),
            _last_change(courses.get(found.clause_id, []), report.meaning),
        )
        for found in ClauseEvidence.objects.filter(evidence=evidence)
        .select_related("beside", "clause__project")
        .order_by("place")
        if found.clause_id in clauses
    ]
    return Health(report, version, evidence, rows)


def version_of(report: AgreementReport) -> ReadVersion:
    newest = (
        SpecVersion.objects.frozen().filter(spec=report.spec_id, meaning=report.meaning).newest_first()[0]
    )
    return versions.read(newest.pk)


def _last_change(course: list[Effect], meaning: int) -> Effect | None:
    """The effect under the measured meaning, where it can be said."""
    return next((one for one in course if one.version.meaning == meaning and one.change), None)


def effects(
    *, spec: Spec, question: str, queue: Queue | None = None, clauses: Iterable[int]
) -> dict[int, list[Effect]]:
    """Each clause through the meanings that were measured, oldest first: three queries, however many clauses.

    Reports of several meanings together are left out: what was held to be one says nothing of what came between.
    """
    alone = AgreementReport.objects.filter(numbers__meanings__1__isnull=True)
    reports = {
        report.pk: report
        for report in alone.filter(spec=spec, question=question, queue=queue, meaning__gt=0)
        .order_by("meaning", "-pk")
        .distinct("meaning")
    }
    first: dict[int, SpecVersion] = {}
    for version in SpecVersion.objects.frozen().filter(spec=spec, meaning__gt=0).order_by("pk"):
        first.setdefault(version.meaning or 0, version)
    readings = ClauseReading.objects.filter(report__in=reports, clause__in=list(clauses)).select_related(
        "revision"
    )
    by_clause: dict[int, list[tuple[int, ClauseReading]]] = {}
    for reading in readings:
        by_clause.setdefault(reading.clause_id, []).append((reports[reading.report_id].meaning, reading))
    found: dict[int, list[Effect]] = {}
    for clause, course in by_clause.items():
        before: ClauseReading | None = None
        for meaning, reading in sorted(course, key=lambda one: one[0]):
            if meaning not in first:
                continue
            reworded = before is not None and before.revision_id != reading.revision_id
            change = difference(before, reading) if before is not None and reworded else None
            found.setdefault(clause, []).append(Effect(first[meaning], reading, reworded, change))
            before = reading
    return found


def difference(before: ClauseReading, after: ClauseReading) -> tuple[float, float, float] | None:
    """`after - before` with 95 % bounds from both standard errors; None without both intervals.

    Answers under different meanings are given by and large on different items, so the errors add as independent ones.
    """
    errors = [_error(one) for one in (before, after)]
    if None in errors or before.disagreement is None or after.disagreement is None:
        return None
    half = _Z95 * sum(error**2 for error in errors if error is not None) ** 0.5
    change = after.disagreement - before.disagreement
    return change, change - half, change + half


def _error(one: ClauseReading) -> float | None:
    """The standard error behind an interval, from the side that 0 or 1 did not cut off."""
    if one.low is None or one.high is None or one.disagreement is None:
        return None
    return max(one.high - one.disagreement, one.disagreement - one.low) / _Z95
