"""Which clauses of a spec are flagged now: what their disagreement says about the spec, before it says anything about people.

Read from the newest reports over all queues; nothing changes here.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from django.conf import settings

from annotation.models import AgreementReport, ClauseReading
from specs.models import Spec


def flagged_clauses(*, spec: Spec, meaning: int) -> set[int]:
    """The ids of the clauses whose disagreement is too high under one meaning, as last measured.

    A clause is flagged when the clause model calls it ambiguous (`agreement.ambiguity`), and, on at least `CLAUSE_FLAG_ITEMS`
    items, when the *lower* bound of its disagreement lies above the project's own limit (`gate_disagreement`): specs can be
    bad throughout. Where the model may not judge, with three annotators or in a report from before it, a lower bound above
    the median of the other clauses by `CLAUSE_FLAG_EXCESS_PERCENT` or more is enough. A clause whose excess is one
    annotator's is not flagged: that is a matter of training. Empty without a report.
    """
    return flagged(specs=[(spec.pk, meaning)]).get((spec.pk, meaning), set())


def flagged(*, specs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], set[int]]:
    """The same for several (spec id, meaning) at once, in two queries."""
    wanted = set(specs)
    reports = (
        AgreementReport.objects.filter(spec__in={spec for spec, _ in wanted}, queue__isnull=True)
        .select_related("spec__project")
        .order_by("spec", "meaning", "question", "-pk")
        .distinct("spec", "meaning", "question")
    )
    of = {report.pk: report for report in reports if (report.spec_id, report.meaning) in wanted}
    readings: dict[int, list[ClauseReading]] = {}
    for reading in ClauseReading.objects.filter(report__in=of, disagreement__isnull=False).select_related(
        "clause"
    ):
        readings.setdefault(reading.report_id, []).append(reading)
    found: dict[tuple[int, int], set[int]] = {key: set() for key in wanted}
    for pk, rows in readings.items():
        report = of[pk]
        found[report.spec_id, report.meaning] |= _flagged(rows, report)
    return found


def _flagged(readings: list[ClauseReading], report: AgreementReport) -> set[int]:
    found = set()
    limit, said = report.spec.project.gate_disagreement, report.numbers.get("clauses", {})
    excess = settings.CLAUSE_FLAG_EXCESS_PERCENT / 100
    for one in readings:
        verdict = said.get(one.clause.key, {}).get("verdict", "too_few")
        if verdict == "ambiguous":
            found.add(one.clause_id)
        if verdict == "annotator" or one.n_items < settings.CLAUSE_FLAG_ITEMS or one.low is None:
            continue
        others = [other.disagreement or 0.0 for other in readings if other.clause_id != one.clause_id]
        stands_out = verdict == "too_few" and others and one.low > median(others) + excess
        if one.low > limit or stands_out:
            found.add(one.clause_id)
    return found
