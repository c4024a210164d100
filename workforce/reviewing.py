"""Raised review: tasks given to an annotator under it want one more answer, for a share of them drawn by chance.

open task -> open task with one more slot: draw
"""

from __future__ import annotations

from django.db import connection

from workforce import routing

# The task is only taken if it is free: a claim holds its slot already, and waiting for the task would be the wrong way round.
_DRAW = """
    WITH free AS (
        SELECT t.id, t.project_id FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
        WHERE t.id = %(task)s AND t.state = 'open' AND t.overlap < 50 AND q.purpose IN ('labelling', 'relabelling')
        FOR NO KEY UPDATE OF t SKIP LOCKED
    )
    INSERT INTO workforce_reviewdraw (project_id, task_id, annotator_id, raised)
    SELECT project_id, id, %(annotator)s, random() < %(share)s FROM free
    ON CONFLICT (task_id, annotator_id) DO NOTHING RETURNING raised
"""


def draw(*, task_id: int, annotator_id: int, share: float) -> bool:
    """Whether the task wants one more answer now. Drawn once per task and annotator; call it in the claim's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_DRAW, {"task": task_id, "annotator": annotator_id, "share": share})
        row = cursor.fetchone()
    if row is None or not row[0]:
        return False
    routing.add_slot(task_id=task_id)
    return True
