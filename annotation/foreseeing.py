"""From how much answers differ under each clause to how many a task under it will need.

(nothing) -> overlap plan: plan
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from annotation import measuring
from annotation.models import AgreementReport
from specs import ledger, versions
from workforce import expecting
from workforce.models import ClauseOverlap, OverlapPlan, Queue

_FRESH_ANSWERS = """
    SELECT EXISTS (
        SELECT 1 FROM annotation_annotation a JOIN specs_specversion v ON v.id = a.version_id
        WHERE v.spec_id = %(spec)s AND v.meaning = %(meaning)s
          AND (%(since)s::timestamptz IS NULL
               OR a.recorded_at > %(since)s AND %(since)s < statement_timestamp() - interval '1 hour'))
"""
_AGES = """
    SELECT vc.clause_id, vc.revision_id,
           extract(epoch FROM statement_timestamp() - min(w.published_at)) / 86400
    FROM specs_versionclause vc
    JOIN specs_versionclause other ON other.revision_id = vc.revision_id AND other.clause_id = vc.clause_id
    JOIN specs_specversion w ON w.id = other.version_id AND w.published_at IS NOT NULL AND w.state IN ('published', 'retired')
    WHERE vc.version_id = %(version)s GROUP BY 1, 2
"""


def plan(*, queue: Queue) -> bool:
    """Append a plan if the numbers changed; whether one was appended. Measures first when there are answers not measured yet."""
    assert queue.version_id is not None
    version = versions.read(queue.version_id)
    reports = _reports(queue, version.meaning)
    with connection.cursor() as cursor:
        cursor.execute(
            _FRESH_ANSWERS,
            {
                "spec": queue.spec_id,
                "meaning": version.meaning,
                "since": min((report.measured_at for report in reports), default=None),
            },
        )
        if cursor.fetchone()[0]:
            measuring.measure(spec=queue.spec, meaning=version.meaning, by=None)
            reports = _reports(queue, version.meaning)
        cursor.execute(_AGES, {"version": version.id})
        ages = {clause: (revision, float(days)) for clause, revision, days in cursor.fetchall()}
    rows = _rows(queue, version, reports, ages)
    overall = _overall(reports)
    expected = expecting.disagreement(
        seen=overall,
        n_items=max((report.numbers.get("items", 0) for report in reports), default=0),
        overall=overall,
        age_days=min((days for _, days in ages.values()), default=0.0),
    )
    return _append(queue, version.id, expected, rows)


def _reports(queue: Queue, meaning: int) -> list[AgreementReport]:
    return list(
        AgreementReport.objects.filter(spec=queue.spec, meaning=meaning, queue=None)
        .order_by("question", "-pk")
        .distinct("question")
    )


def _overall(reports: list[AgreementReport]) -> float | None:
    """The share of pairs of answers that differ, of the question where most do."""
    agreed = [report.numbers.get("percent_agreement") for report in reports]
    return max((1 - value for value in agreed if value is not None), default=None)


def _rows(
    queue: Queue, version: Any, reports: list[AgreementReport], ages: dict[int, Any]
) -> list[dict[str, Any]]:
    """A clause is expected to be as contested as on the question where it is most."""
    seen: dict[int, dict[str, Any]] = {}
    for report in reports:
        overall = _overall([report])
        for reading in report.clause_readings.all():
            revision, days = ages.get(reading.clause_id, (None, 0.0))
            if revision is None:
                continue
            own = reading.disagreement if reading.revision_id == revision else None
            n_items = reading.n_items if own is not None else 0
            expected = expecting.disagreement(seen=own, n_items=n_items, overall=overall, age_days=days)
            if reading.clause_id not in seen or expected > seen[reading.clause_id]["expected"]:
                seen[reading.clause_id] = {"expected": expected, "n_items": n_items, "age_days": days}
    for clause in version.clauses:
        _, days = ages.get(clause.id, (None, 0.0))
        seen.setdefault(
            clause.id,
            {
                "expected": expecting.disagreement(
                    seen=None, n_items=0, overall=_overall(reports), age_days=days
                ),
                "n_items": 0,
                "age_days": days,
            },
        )
    return [
        {"clause_id": clause, "wanted": _wanted(queue, row["expected"]), **row}
        for clause, row in sorted(seen.items())
    ]


def _wanted(queue: Queue, expected: float) -> int:
    return expecting.wanted(
        expected, target=float(queue.accuracy_target), minimum=queue.overlap, maximum=queue.max_overlap
    )


def _append(queue: Queue, version_id: int, expected: float, rows: list[dict[str, Any]]) -> bool:
    with transaction.atomic():
        locked = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        last = OverlapPlan.objects.filter(queue=locked, formula=expecting.FORMULA).order_by("-pk").first()
        wanted = _wanted(queue, expected)
        if last is not None and last.version_id == version_id and last.wanted == wanted:
            before = dict(last.clauses.values_list("clause_id", "wanted"))
            if before == {row["clause_id"]: row["wanted"] for row in rows}:
                return False
        event = ledger.record(
            project_id=queue.project_id,
            kind="queue.overlap-planned",
            by=None,
            subject=("queue", queue.pk),
            data={
                "formula": expecting.FORMULA,
                "wanted": wanted,
                "clauses": {str(row["clause_id"]): row["wanted"] for row in rows},
            },
        )
        made = OverlapPlan.objects.create(
            project_id=queue.project_id,
            queue=locked,
            version_id=version_id,
            formula=expecting.FORMULA,
            wanted=wanted,
            expected=expected,
            event_id=event,
        )
        ClauseOverlap.objects.bulk_create(
            ClauseOverlap(project_id=queue.project_id, plan=made, **row) for row in rows
        )
    return True
