"""Whose errors have risen, as alerts with their evidence; several at once say something about the data or the spec, not people.

An alert opens a look at somebody and blocks nobody. Answers under flagged clauses are set aside before (`appraising`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from annotation import appraising
from specs.models import Project, Spec
from workforce import alerting, leasing
from workforce.models import (
    Alert,
    AlertKind,
    AlertState,
    Annotator,
    AnnotatorKind,
    AnnotatorState,
    Assignment,
)

KINDS = (AlertKind.DRIFT, AlertKind.CHANGE)
NEWEST = 50
"""Answers after which the rate is told that she has now."""

Wrong = dict[tuple[str, str], dict[str, Any]]


def watch(*, project: Project, now: datetime | None = None) -> tuple[int, int]:
    """Raise an alert for everybody whose drift chart raised an alarm within `DRIFT_ALERT_DAYS`; close what is over.

    From `SAME_CLAUSE_ALARMS` people under one spec on, one alert about the spec stands in for theirs. Returns how many were
    raised and closed. Harmless to repeat.
    """
    wrong = look(project=project, now=now or leasing.database_now())
    raised = [
        alerting.raise_alert(project=project, kind=kind, subject=subject, facts=facts)
        for (kind, subject), facts in wrong.items()
    ]
    standing = Alert.objects.filter(project=project, kind__in=KINDS).exclude(state=AlertState.CLOSED)
    over = [alert for alert in standing.select_related("queue") if (alert.kind, alert.subject) not in wrong]
    closed = [alerting.close(alert=alert, by=None) for alert in over]
    return sum(one is not None for one in raised), sum(one is not None for one in closed)


def look(*, project: Project, now: datetime) -> Wrong:
    """What should stand as alerts now, with its evidence."""
    since = now - timedelta(days=settings.DRIFT_ALERT_DAYS)
    people = list(
        Annotator.objects.filter(
            project=project,
            kind=AnnotatorKind.PERSON,
            state=AnnotatorState.ACTIVE,
            pk__in=Assignment.objects.filter(project=project, submitted_at__gte=since).values("annotator"),
        ).values_list("pk", flat=True)
    )
    rows: dict[int, list[appraising.Judged]] = {}
    for one in appraising.answers(annotators=people, last=settings.JUDGED_ANSWERS):
        rows.setdefault(one.annotator_id, []).append(one)
    by_spec: dict[int, dict[int, dict[str, Any]]] = {}
    judged: dict[int, set[int]] = {}
    for pk, answers in rows.items():
        for spec in {one.spec_id for one in answers}:
            drift = appraising.drift_of([one for one in answers if one.spec_id == spec])
            if drift.chart.baseline is not None:
                judged.setdefault(spec, set()).add(pk)
            if drift.alarm is not None and drift.alarm.at >= since:
                by_spec.setdefault(spec, {})[pk] = _facts(pk, drift)
    return _told(by_spec, judged)


def _facts(pk: int, drift: appraising.Drift) -> dict[str, Any]:
    """The evidence: the stream, the baseline, and the errors in the newest answers up to the alarm's."""
    end = drift.chart.alarms[-1] + 1
    part = drift.rows[max(0, end - NEWEST) : end]
    wrong = [one.right is False if drift.stream == "gold" else one.agrees is False for one in part]
    return {
        "annotator": pk,
        "stream": drift.stream,
        "baseline": round(drift.chart.baseline or 0.0, 4),
        "now": round(sum(wrong) / len(wrong), 4),
        "n": len(wrong),
        "at": drift.rows[end - 1].at.isoformat(),
    }


def _told(by_spec: dict[int, dict[int, dict[str, Any]]], judged: dict[int, set[int]]) -> Wrong:
    found: Wrong = {}
    keys = dict(Spec.objects.filter(pk__in=by_spec).values_list("pk", "key"))
    for spec, people in by_spec.items():
        if len(people) >= settings.SAME_CLAUSE_ALARMS:
            found[AlertKind.CHANGE, f"spec {spec}"] = {
                "spec": keys[spec],
                "annotators": len(people),
                "judged": len(judged[spec]),
            }
            continue
        for pk, facts in people.items():
            found[AlertKind.DRIFT, f"annotator {pk} spec {spec}"] = {**facts, "spec": keys[spec]}
    return found
