"""What awaits the reader, in all projects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation.models import Dispute, DisputeState
from specs.access import SIGNED_IN, page, permissions_of
from specs.models import Member, MemberState, Project, Suspension
from workforce.models import Alert, AlertState, Assignment, Enrolment, Purpose, QueueState, SlotState


@dataclass(frozen=True)
class Room:
    """One project as it looks from its member's inbox."""

    project: Project
    permissions: frozenset[str]
    queues: list[Any]
    n_disputes: int
    n_alerts: int


@require_GET
@page(SIGNED_IN)
def inbox(request: Any) -> HttpResponse:
    members = list(
        Member.objects.filter(user=request.user, state=MemberState.ACTIVE)
        .select_related("project")
        .order_by("project__name")
    )
    projects = [member.project_id for member in members]
    enrolments = list(
        Enrolment.objects.filter(
            annotator__member__in=members, active=True, queue__state__in=[QueueState.OPEN, QueueState.PAUSED]
        )
        .exclude(queue__purpose=Purpose.ADJUDICATION)
        .select_related("queue", "annotator")
        .order_by("-queue__priority", "queue__name")
    )
    waiting = _counts([entry.queue_id for entry in enrolments])
    disputes = dict(
        Dispute.objects.filter(project__in=projects, state=DisputeState.OPEN)
        .values_list("project_id")
        .annotate(n=Count("pk"))
    )
    alerts = dict(
        Alert.objects.filter(owner__in=members)
        .exclude(state=AlertState.CLOSED)
        .values_list("owner_id")
        .annotate(n=Count("pk"))
    )
    rooms = [
        Room(
            project=member.project,
            permissions=permissions_of(member),
            queues=[
                (entry.queue, waiting.get(entry.queue_id, 0))
                for entry in enrolments
                if entry.annotator.member_id == member.pk
            ],
            n_disputes=disputes.get(member.project_id, 0),
            n_alerts=alerts.get(member.pk, 0),
        )
        for member in members
    ]
    suspended = Suspension.objects.filter(member__user=request.user, ends__isnull=True)
    context = {"rooms": rooms, "suspended": suspended.select_related("member__project").order_by("pk")}
    return render(request, "annotation/inbox.html", context)


def _counts(queues: list[int]) -> dict[int, int]:
    rows = (
        Assignment.objects.filter(Q(state=SlotState.OPEN), queue__in=queues)
        .values_list("queue_id")
        .annotate(n=Count("pk"))
    )
    return dict(rows)
