"""How far what models said agrees with the labels that tasks ended with: a series per model and version, never part of people's.

Only tasks of the newest meaning that ended with a label are looked at, each item once.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from specs.models import Spec, SpecVersion
from workforce.intervals import wilson

_SERIES = """
    WITH ended AS (
        SELECT DISTINCT ON (t.item_id, r.question) t.item_id, r.question, r.value
        FROM annotation_resolution r
        JOIN workforce_task t ON t.id = r.task_id AND t.state = 'resolved'
        JOIN workforce_queue q ON q.id = t.queue_id AND q.spec_id = %(spec)s
        JOIN specs_specversion v ON v.id = r.version_id AND v.meaning = %(meaning)s
        WHERE r.value IS NOT NULL AND r.value <> 'null'::jsonb AND NOT EXISTS (
            SELECT 1 FROM annotation_resolution l
            WHERE l.task_id = r.task_id AND l.question = r.question AND l.revision > r.revision)
        ORDER BY t.item_id, r.question, r.id DESC
    )
    SELECT p.model, p.model_version, p.question, count(*), count(e.item_id),
           count(*) FILTER (WHERE e.value = p.value), avg(p.confidence) FILTER (WHERE e.item_id IS NOT NULL), max(p.predicted_at)
    FROM workforce_prediction p LEFT JOIN ended e ON e.item_id = p.item_id AND e.question = p.question
    WHERE p.spec_id = %(spec)s
    GROUP BY 1, 2, 3 ORDER BY 3, 1, max(p.predicted_at) DESC LIMIT 500
"""


def series(*, spec: Spec) -> list[dict[str, Any]]:
    """For each question, model and version: predictions, those on labelled items, how many are right, the share with its
    95 % interval (None where nothing can be said), and the mean confidence on the same items. One query.
    """
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    if newest is None:
        return []
    titles = {question["key"]: question["title"] for question in newest.questions}
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, {"spec": spec.pk, "meaning": newest.meaning})
        found = cursor.fetchall()
    rows = []
    for model, version, question, n, n_compared, n_right, confidence, at in found:
        bounds = wilson(n_right, n_compared) if n_compared else None
        rows.append(
            {
                "model": model,
                "model_version": version,
                "question": question,
                "title": titles.get(question, question),
                "n": n,
                "n_compared": n_compared,
                "n_right": n_right,
                "share": n_right / n_compared if n_compared else None,
                "low": bounds[0] if bounds else None,
                "high": bounds[1] if bounds else None,
                "confidence": confidence,
                "newest": at,
            }
        )
    return rows
