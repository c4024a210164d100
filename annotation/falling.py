"""Agreement that falls: the newest report of a question beside the one before, as an alert while it lasts."""

from __future__ import annotations

from annotation.models import AgreementReport
from specs.models import Project
from workforce import alerting
from workforce.models import Alert, AlertKind, AlertState, Queue


def watch(*, project: Project) -> tuple[int, int]:
    """Raise an alert where alpha's newest interval lies wholly below the interval before it; close it where it no longer does.

    Returns how many were raised and closed. Harmless to repeat.
    """
    falling: dict[int | None, dict[str, object]] = {}
    seen: set[tuple[int, int, str, int | None]] = set()
    newest: dict[tuple[int, int, str, int | None], AgreementReport] = {}
    for report in AgreementReport.objects.filter(project=project).order_by("-pk")[:500]:
        key = (report.spec_id, report.meaning, report.question, report.queue_id)
        if key in seen:
            continue
        if key not in newest:
            newest[key] = report
            continue
        seen.add(key)
        now, before = _alpha(newest[key]), _alpha(report)
        if now and before and now["high"] < before["low"]:
            falling[report.queue_id] = {
                "question": report.question,
                "now": round(now["value"], 3),
                "before": round(before["value"], 3),
            }
    n_raised = 0
    for queue_id, facts in falling.items():
        queue = Queue.objects.select_related("owner").filter(pk=queue_id or 0).first()
        raised = alerting.raise_alert(project=project, kind=AlertKind.AGREEMENT, queue=queue, facts=facts)
        n_raised += raised is not None
    standing = Alert.objects.filter(project=project, kind=AlertKind.AGREEMENT).exclude(
        state=AlertState.CLOSED
    )
    over = [alert for alert in standing.select_related("queue") if alert.queue_id not in falling]
    return n_raised, sum(alerting.close(alert=alert, by=None) is not None for alert in over)


def _alpha(report: AgreementReport) -> dict[str, float] | None:
    """Alpha with its interval, None where it is not defined."""
    found = report.numbers.get("alpha")
    if not isinstance(found, dict) or any(found.get(name) is None for name in ("value", "low", "high")):
        return None
    return {name: float(found[name]) for name in ("value", "low", "high")}
