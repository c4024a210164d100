"""People who lean on predictions that they are shown, as alerts while it lasts: more than those who do not see them, or more than
they themselves did before."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db import connection

from annotation import anchoring
from annotation.agreement.anchoring import Sums, difference
from specs.models import Project
from workforce import alerting
from workforce.models import Alert, AlertKind, AlertState, Predictions, Queue, QueueState

SHOWN, RISING = "shown", "rising"
"""What an alert is about: the arms part, or agreement with what is shown rises."""
# By model and version, so that a better model is no rise of the people's.
_IN_SIGHT = """
    SELECT model, model_version, question, item_id, place <= %(n)s, agrees FROM (
        SELECT p.model, p.model_version, g.question, t.item_id, a.values -> g.question = p.value AS agrees,
               row_number() OVER (PARTITION BY p.model, p.model_version, g.question ORDER BY a.id DESC) AS place
        FROM workforce_suggestion g
        JOIN workforce_prediction p ON p.id = g.prediction_id
        JOIN workforce_task t ON t.id = g.task_id AND t.purpose = 'work'
        JOIN workforce_assignment s ON s.task_id = g.task_id AND s.annotator_id = g.annotator_id
        JOIN annotation_annotation a ON a.assignment_id = s.id AND a.revision = 1 AND a.source = 'live'
        WHERE g.queue_id = %(queue)s AND g.arm = 'shown' AND a.values ? g.question
    ) said WHERE place <= 2 * %(n)s
"""


def watch(*, project: Project) -> tuple[int, int]:
    """Raise an alert where those who see a prediction say what it says more often than those who do not, or the newest
    `LEANING_ANSWERS` answers more often than as many before them: for certain, and by `ANCHORING_ALERT_PERCENT` points or more;
    close it where that is over.

    One of each per queue, for the model that leads most. Returns how many were raised and closed. Harmless to repeat.
    """
    queues = Queue.objects.filter(
        project=project, predictions__in=[Predictions.BEFORE, Predictions.EXPERIMENT]
    ).exclude(state=QueueState.CLOSED)
    wrong: dict[tuple[int | None, str], tuple[Queue, dict[str, Any]]] = {}
    for queue in queues.select_related("owner"):
        for subject, found in ((SHOWN, _led(queue)), (RISING, _rose(queue))):
            if found:
                wrong[queue.pk, subject] = (queue, found)
    raised = [
        alerting.raise_alert(
            project=project, kind=AlertKind.ANCHORING, queue=queue, subject=subject, facts=facts
        )
        for (_pk, subject), (queue, facts) in wrong.items()
    ]
    standing = Alert.objects.filter(project=project, kind=AlertKind.ANCHORING).exclude(
        state=AlertState.CLOSED
    )
    over = [
        alert for alert in standing.select_related("queue") if (alert.queue_id, alert.subject) not in wrong
    ]
    closed = [alerting.close(alert=alert, by=None) for alert in over]
    return sum(one is not None for one in raised), sum(one is not None for one in closed)


def _led(queue: Queue) -> dict[str, Any] | None:
    """The largest certain difference between the arms, None below the limit."""
    found = [
        {"model": row["model"], "question": row["question"], **row["against"]["model"]}
        for row in anchoring.report(queue=queue)
        if _counts(row["against"]["model"])
    ]
    names = ("model", "question", "difference", "low", "high", "n_shown", "n_hidden")
    return _largest(found, names)


def _rose(queue: Queue) -> dict[str, Any] | None:
    """The largest certain rise of agreement with what was shown, None below the limit; answers on one item count together."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_SIGHT, {"queue": queue.pk, "n": settings.LEANING_ANSWERS})
        rows = cursor.fetchall()
    series: dict[tuple[str, str, str], dict[int, list[int]]] = defaultdict(dict)
    for model, version, question, item, newer, agrees in rows:
        tally = series[model, version, question].setdefault(item, [0, 0, 0, 0])
        tally[0 if newer else 2] += 1
        tally[1 if newer else 3] += agrees
    found = []
    for (model, _version, question), items in series.items():
        sums = Sums.of([(tally[0], tally[1], tally[2], tally[3]) for tally in items.values()])
        one = difference(sums, minimum=settings.ANCHORING_MINIMUM).as_dict()
        if _counts(one):
            known = {"n_newer": one["n_shown"], "n_older": one["n_hidden"]}
            found.append({"model": model, "question": question, **one, **known})
    return _largest(found, ("model", "question", "difference", "low", "high", "n_newer", "n_older"))


def _counts(one: dict[str, Any]) -> bool:
    """Whether a difference is certain, and as large as the limit."""
    least = settings.ANCHORING_ALERT_PERCENT / 100
    return (one["low"] or 0) > 0 and (one["difference"] or 0) >= least


def _largest(found: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any] | None:
    if not found:
        return None
    top = max(found, key=lambda one: one["difference"])
    return {name: top[name] for name in names}
