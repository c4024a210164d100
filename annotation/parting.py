"""Groups of people who read in opposite ways: in the newest evidence of a question, as an alert while it lasts."""

from __future__ import annotations

from typing import Any

from annotation.models import ReportEvidence
from specs.models import Project
from workforce import alerting
from workforce.models import Alert, AlertKind, AlertState


def watch(*, project: Project) -> tuple[int, int]:
    """Raise an alert where kappa between two groups lies below 0 for certain; close it where it no longer does.

    One per spec and question, over all queues, for the most opposed two. Returns how many were raised and closed. Harmless to
    repeat.
    """
    wrong = _opposite(project)
    raised = [
        alerting.raise_alert(
            project=project, kind=AlertKind.OPPOSITE, subject=subject, urgent=True, facts=facts
        )
        for subject, facts in wrong.items()
    ]
    standing = Alert.objects.filter(project=project, kind=AlertKind.OPPOSITE).exclude(state=AlertState.CLOSED)
    over = [alert for alert in standing.select_related("queue") if alert.subject not in wrong]
    closed = [alerting.close(alert=alert, by=None) for alert in over]
    return sum(one is not None for one in raised), sum(one is not None for one in closed)


def _opposite(project: Project) -> dict[str, dict[str, Any]]:
    newest = (
        ReportEvidence.objects.filter(project=project, report__queue=None, report__meaning__gt=0)
        .select_related("report__spec")
        .order_by("report__spec", "report__question", "-report")
        .distinct("report__spec", "report__question")
    )
    found: dict[str, dict[str, Any]] = {}
    for evidence in newest:
        report = evidence.report
        for one in evidence.numbers["across"]:
            if one["opposite"]:
                facts = {"spec": report.spec.key, "question": report.question}
                facts |= {name: one[name] for name in ("kappa", "low", "high", "n_items")}
                found.setdefault(f"spec {report.spec_id} {report.question}"[:64], facts)
    return found
