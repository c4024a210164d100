"""What the routes of this app share: one queue of the project, somebody who answers, a lease as its reply."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import Http404

from specs import versions
from specs.access import get_or_404
from specs.api.base import ApiView
from specs.models import Member, Spec, SpecVersion
from workforce import leasing, staffing, suggesting
from workforce.models import Annotator, Queue


class QueueView(ApiView):
    """Base of the routes below one queue."""

    def queue(self) -> Queue:
        return get_or_404(queue_rows(), project=self.project, key=self.kwargs["queue"])


def queue_rows() -> Any:
    return Queue.objects.select_related("spec", "version", "adjudication_queue", "owner", "project")


def version_of(spec: Spec, number: str) -> SpecVersion:
    """The published version of that number, or 404."""
    parts = number.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise Http404
    return get_or_404(
        SpecVersion.objects.published(),
        project=spec.project,
        spec=spec,
        major=int(parts[0]),
        minor=int(parts[1]),
        patch=int(parts[2]),
    )


class WorkView(ApiView):
    """Base of the routes of somebody who answers."""

    def annotator(self) -> Annotator:
        """The caller's annotator; made at first need. Its state may be old by now: transitions read it anew."""
        return _annotator_of(self.member.pk)


# A member keeps her annotator, and a queue its key, for good: neither is asked for twice by one process.
@lru_cache(maxsize=10_000)
def _annotator_of(member_id: int) -> Annotator:
    found = Annotator.objects.filter(member=member_id).first()
    return found or staffing.annotator_for(member=Member.objects.get(pk=member_id))


@lru_cache(maxsize=10_000)
def queue_id_of(project_id: int, key: str) -> int:
    """The id of the project's queue of that key. Raises `Http404`."""
    found = Queue.objects.filter(project_id=project_id, key=key).values_list("pk", flat=True).first()
    if found is None:
        raise Http404
    return found


def lease(served: leasing.Served) -> dict[str, Any]:
    """A lease as JSON, with what models said where its queue and her arm have it shown."""
    return {
        "assignment": served.assignment_id,
        "task": served.task_id,
        "token": str(served.token),
        "leased_at": served.leased_at.isoformat(),
        "lease_until": served.lease_until.isoformat(),
        "version": versions.read(served.version_id).number,
        "served_digest": served.served_digest,
        "item": served.item_key,
        "payload": served.payload,
        "sensitive": served.sensitive,
        "suggestions": [one.as_dict() for one in suggesting.serve(served)],
    }
