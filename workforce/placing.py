"""Where somebody works: a queue and herself in it, in one statement. Nothing changes here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404

from specs import access, prepared
from specs.access import MEMBER, PROJECT
from specs.columns import Columns
from specs.models import Member, Spec
from workforce.models import Annotator, Queue

_QUEUE, _SPEC, _ANNOTATOR = Columns(Queue, "q"), Columns(Spec, "s"), Columns(Annotator, "a")
_WHERE = f"e.stage, {_QUEUE.sql}, {_SPEC.sql}, {_ANNOTATOR.sql}"
_FROM = """workforce_annotator a
    JOIN workforce_enrolment e ON e.annotator_id = a.id
    JOIN workforce_queue q ON q.id = e.queue_id
    JOIN specs_spec s ON s.id = q.spec_id"""
_PLACE = f"""
    SELECT {_WHERE} FROM {_FROM}
    WHERE a.member_id = %(member)s::bigint AND q.project_id = %(project)s::bigint AND q.key = %(key)s AND e.active
"""
_ENTER = f"""
    SELECT {MEMBER.sql}, {PROJECT.sql}, {_WHERE}
    FROM specs_member m JOIN specs_project p ON p.id = m.project_id
    LEFT JOIN ({_FROM}) ON a.member_id = m.id AND q.project_id = p.id AND q.key = %(key)s AND e.active
    WHERE {access.ENTERS}
"""


def place(*, member: Member, key: str) -> tuple[Queue, Annotator] | None:
    """The queue of that key with its spec, and the member's annotator; None where she is not enrolled, or there is no queue.

    The queue's `stage` is where she stands on its path.
    """
    found = prepared.run(_PLACE, {"member": member.pk, "project": member.project_id, "key": key})
    return _placed(member, found[0]) if found else None


def enter(request: Any, user: Any, named: dict[str, Any]) -> None:
    """Bind the request as every page does (`access.enter`), and to the `place` in the `queue` that its address names, or None."""
    found = prepared.run(_ENTER, {"project": named.pop("project"), "user": user.pk, "key": named["queue"]})
    if not found:
        raise Http404
    entered, placed = found[0][: len(MEMBER) + len(PROJECT)], found[0][len(MEMBER) + len(PROJECT) :]
    access.bind(request, user, entered)
    request.place = _placed(request.member, placed) if placed[0] is not None else None


def place_of(request: Any, key: str) -> tuple[Queue, Annotator] | None:
    """The caller's `place` there, looked up where `enter` did not."""
    return request.place if hasattr(request, "place") else place(member=request.member, key=key)


def _placed(member: Member, row: Sequence[Any]) -> tuple[Queue, Annotator]:
    stage, *rest = row
    queue = _QUEUE.instance(rest[: len(_QUEUE)])
    queue.spec = _SPEC.instance(rest[len(_QUEUE) : -len(_ANNOTATOR)])
    queue.stage = stage  # type: ignore[attr-defined]  # an annotation, as of a query
    annotator = _ANNOTATOR.instance(rest[-len(_ANNOTATOR) :])
    queue.project = annotator.project = member.project
    annotator.member = member
    return queue, annotator
