"""Items that nobody labels end with a lead, not in a loop.

    leased -> open, and open -> disputed when the task came back too often, or nobody is left for it: skip
    open -> disputed: end_exhausted

A task is exhausted when its slots came back as often as its queue allows, or when somebody skipped it and everybody enrolled
has answered or skipped it. A skip ends it in the same transaction; leases that run out are looked at by the beat.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation import settling
from annotation.models import DisputeReason
from specs import versions
from specs.models import Member, SpecVersion, VersionState
from specs.refusals import WrongState
from workforce import skipping
from workforce.models import Annotator, Skip

_EXHAUSTED = """
    SELECT t.id, t.project_id, t.item_id, t.meaning, q.spec_id, q.adjudication_queue_id,
           ARRAY(SELECT s.annotator_id FROM workforce_assignment s WHERE s.task_id = t.id AND s.state = 'submitted')
    FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
    WHERE {which} AND t.state = 'open' AND q.purpose NOT IN ('adjudication', 'pilot', 'review', 'rework')
      AND NOT EXISTS (SELECT 1 FROM workforce_assignment s
                      WHERE s.task_id = t.id AND s.state IN ('leased', 'held', 'reserved'))
      AND EXISTS (SELECT 1 FROM workforce_assignment s WHERE s.task_id = t.id AND s.state = 'open')
      AND ((SELECT sum(s.n_returns) FROM workforce_assignment s WHERE s.task_id = t.id) >= q.max_returns
           OR EXISTS (SELECT 1 FROM workforce_skip k WHERE k.task_id = t.id)
              AND NOT EXISTS (
                  SELECT 1 FROM workforce_enrolment e JOIN workforce_annotator a ON a.id = e.annotator_id
                  WHERE e.queue_id = q.id AND e.active AND a.state IN ('active', 'paused')
                    AND NOT EXISTS (SELECT 1 FROM workforce_barred b
                                    WHERE b.task_id = t.id AND b.annotator_id = e.annotator_id)
                    AND NOT EXISTS (SELECT 1 FROM workforce_assignment s
                                    WHERE s.task_id = t.id AND s.annotator_id = e.annotator_id)))
    ORDER BY t.id LIMIT %(limit)s FOR NO KEY UPDATE OF t SKIP LOCKED
"""
_ONE = "t.id = %(task)s"
_CAME_BACK = """t.id IN (SELECT s.task_id FROM workforce_assignment s
                         WHERE s.state = 'open' AND s.returned AND s.n_returns > 0)"""


def skip(
    *,
    assignment_id: int,
    annotator: Annotator,
    token: object,
    reason: str,
    note: str = "",
    by: Member | None,
) -> Skip:
    """Skip a task (`skipping.skip`), and end it when it has been skipped and returned often enough."""
    with transaction.atomic():
        skipped = skipping.skip(
            assignment_id=assignment_id,
            annotator=annotator,
            token=token,
            reason=reason,
            note=note,
            by=by,
        )
        _end(_ONE, {"task": skipped.task_id, "limit": 1})
    return skipped


def end_exhausted(*, limit: int = 200) -> int:
    """Hand exhausted tasks of all queues to their leads; returns how many. Harmless to repeat, in parallel as well."""
    with transaction.atomic():
        return _end(_CAME_BACK, {"limit": limit})


def _end(which: str, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_EXHAUSTED.format(which=which), parameters)
        rows = cursor.fetchall()
    for task, project, item, meaning, spec, adjudication, answered_by in rows:
        settling.open_dispute(
            task_id=task,
            project_id=project,
            questions=settling.asked(versions.read(newest(spec_id=spec, meaning=meaning))),
            reason=DisputeReason.RETURNED,
            disagreement=0.0,
            item_id=item,
            meaning=meaning,
            adjudication_queue_id=adjudication,
            answered_by=answered_by,
            by=None,
        )
    return len(rows)


def newest(*, spec_id: int, meaning: int) -> int:
    """The newest frozen version of a meaning: the one that stands beside a task without answers."""
    found = (
        SpecVersion.objects.filter(spec_id=spec_id, meaning=meaning)
        .exclude(state__in=[VersionState.DRAFT, VersionState.FORMING])
        .order_by("-major", "-minor", "-patch")
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        raise WrongState(_("No version of this meaning is published."))
    return found
