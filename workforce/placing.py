"""Where somebody works: a queue and herself in it, in one statement. Nothing changes here."""

from __future__ import annotations

from specs import prepared
from specs.columns import Columns
from specs.models import Member, Spec
from workforce.models import Annotator, Queue

_QUEUE, _SPEC, _ANNOTATOR = Columns(Queue, "q"), Columns(Spec, "s"), Columns(Annotator, "a")
_PLACE = f"""
    SELECT e.stage, {_QUEUE.sql}, {_SPEC.sql}, {_ANNOTATOR.sql}
    FROM workforce_annotator a
    JOIN workforce_enrolment e ON e.annotator_id = a.id
    JOIN workforce_queue q ON q.id = e.queue_id
    JOIN specs_spec s ON s.id = q.spec_id
    WHERE a.member_id = %(member)s::bigint AND q.project_id = %(project)s::bigint AND q.key = %(key)s AND e.active
"""


def place(*, member: Member, key: str) -> tuple[Queue, Annotator] | None:
    """The queue of that key with its spec, and the member's annotator; None where she is not enrolled, or there is no queue.

    The queue's `stage` is where she stands on its path.
    """
    found = prepared.run(_PLACE, {"member": member.pk, "project": member.project_id, "key": key})
    if not found:
        return None
    stage, *row = found[0]
    queue = _QUEUE.instance(row[: len(_QUEUE)])
    queue.spec = _SPEC.instance(row[len(_QUEUE) : -len(_ANNOTATOR)])
    queue.stage = stage  # type: ignore[attr-defined]  # an annotation, as of a query
    annotator = _ANNOTATOR.instance(row[-len(_ANNOTATOR) :])
    queue.project = annotator.project = member.project
    annotator.member = member
    return queue, annotator
