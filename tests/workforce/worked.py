"""Work with times of the test's own choosing: leases and answers as the house would have written them then."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from tests import cast
from workforce.models import Annotator, Assignment, Lease, Queue


def work(
    stage: cast.Stage,
    who: Annotator,
    start: datetime,
    length: timedelta | None,
    *,
    queue: Queue | None = None,
    slot: Assignment | None = None,
    term: timedelta = timedelta(minutes=30),
    renewed: timedelta | None = None,
) -> Assignment:
    """*who* takes a slot at *start* and answers it after *length*; with None she never does, and it goes back.

    It is the next one of *queue*, or *slot*.
    """
    slot = slot or (
        Assignment.objects.filter(queue=queue or stage.queue, state="open")
        .exclude(task__assignments__annotator=who)
        .order_by("rank")
        .first()
    )
    assert slot is not None, "nothing left to take"
    token = uuid.uuid4()
    for renewal, at in enumerate([start, start + renewed] if renewed else [start]):
        Lease.objects.create(
            project=stage.project,
            assignment=slot,
            annotator=who,
            token=token,
            renewal=renewal,
            version=stage.version,
            leased_at=at,
            until=at + term,
        )
    if length is not None:
        rows = Assignment.objects.filter(pk=slot.pk)
        rows.update(
            state="leased",
            annotator=who,
            token=token,
            version=stage.version,
            leased_at=start,
            lease_until=start + term,
        )
        rows.update(state="submitted", submitted_at=start + length, lease_until=None)
        slot.refresh_from_db()
    return slot
