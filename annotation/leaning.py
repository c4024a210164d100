"""People who lean on predictions that they are shown: the arms of a queue's experiment, as an alert while they part."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from annotation import anchoring
from specs.models import Project
from workforce import alerting
from workforce.models import Alert, AlertKind, AlertState, Predictions, Queue, QueueState


def watch(*, project: Project) -> tuple[int, int]:
    """Raise an alert where those who see a prediction say what it says more often than those who do not, for certain and by
    `ANCHORING_ALERT_PERCENT` points or more; close it where they no longer do.

    One per queue, for the model that leads most. Returns how many were raised and closed. Harmless to repeat.
    """
    queues = Queue.objects.filter(
        project=project, predictions__in=[Predictions.BEFORE, Predictions.EXPERIMENT]
    ).exclude(state=QueueState.CLOSED)
    wrong = {queue.pk: (queue, facts) for queue in queues.select_related("owner") if (facts := _led(queue))}
    raised = [
        alerting.raise_alert(
            project=project, kind=AlertKind.ANCHORING, queue=queue, subject="shown", facts=facts
        )
        for queue, facts in wrong.values()
    ]
    standing = Alert.objects.filter(project=project, kind=AlertKind.ANCHORING).exclude(
        state=AlertState.CLOSED
    )
    over = [alert for alert in standing.select_related("queue") if alert.queue_id not in wrong]
    closed = [alerting.close(alert=alert, by=None) for alert in over]
    return sum(one is not None for one in raised), sum(one is not None for one in closed)


def _led(queue: Queue) -> dict[str, Any] | None:
    """The largest certain difference between the arms, None below the limit."""
    least = settings.ANCHORING_ALERT_PERCENT / 100
    found = [
        {"model": row["model"], "question": row["question"], **row["against"]["model"]}
        for row in anchoring.report(queue=queue)
        if (row["against"]["model"]["low"] or 0) > 0 and (row["against"]["model"]["difference"] or 0) >= least
    ]
    if not found:
        return None
    top = max(found, key=lambda one: one["difference"])
    names = ("model", "question", "difference", "low", "high", "n_shown", "n_hidden")
    return {name: top[name] for name in names}
