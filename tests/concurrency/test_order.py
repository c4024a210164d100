"""A queue's order holds when many claim at once: together they take what comes first, and nothing behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.db import connections

from tests import cast
from workforce import leasing, reordering, staffing
from workforce.models import Annotator, Assignment, Task


def test_eight_who_claim_at_once_take_the_eight_that_come_first(committed_db: None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1, max_leases=9, order="random")
    stage.load(40)
    people = []
    for number in range(8):
        user = User.objects.create(username=f"o{number}")
        member = staffing.add_member(project=stage.project, user=user, roles=["annotator"], by=stage.ada)
        people.append(staffing.annotator_for(member=member))
        staffing.enrol(queue=stage.queue, annotator=people[-1], by=stage.ada)

    def claim(who: Annotator) -> int:
        try:
            served = leasing.claim(queue_id=stage.queue.pk, annotator=who, by=None)
            assert served is not None
            return served.task_id
        finally:
            connections.close_all()

    def order() -> list[int]:
        rows = Assignment.objects.filter(queue=stage.queue, state="open").order_by("rank")
        return list(rows.values_list("task_id", flat=True))

    with ThreadPoolExecutor(8) as pool:
        for turn in range(4):
            if turn == 2:  # in front of where all of them are
                urgent = list(
                    Task.objects.filter(pk__in=order()).order_by("-pk").values_list("pk", flat=True)[:5]
                )
                reordering.prioritise(queue=stage.queue, priority=9, tasks=urgent, by=stage.ada)
            expected = set(order()[:8])
            assert set(pool.map(claim, people)) == expected
