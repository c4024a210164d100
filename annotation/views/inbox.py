"""What awaits the reader, in all projects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import appealing, inviting, talking
from annotation.models import AlignmentSeat, Dispute, DisputeState, Mention, Review, ReviewState
from specs.access import SIGNED_IN, MemberRequest, allows, get_or_404, page, permissions_of
from specs.models import Member, MemberState, Project, Suspension
from workforce import noticing
from workforce.models import (
    Alert,
    AlertState,
    Assignment,
    Enrolment,
    Notice,
    Purpose,
    Queue,
    QueueState,
    SlotState,
)

NOTICES = 20
"""Unread notices that an inbox shows in one project; the next ones follow when these are read."""
MENTIONS = 50
"""Unread messages that name the reader, of all projects, that an inbox shows."""

SESSIONS = 50
"""Alignment sessions that wait for the reader, of all projects, that an inbox shows."""


@dataclass(frozen=True)
class Room:
    """One project as it looks from its member's inbox."""

    project: Project
    permissions: frozenset[str]
    queues: list[Any]
    n_disputes: int
    n_alerts: int
    n_appeals: int
    notices: list[noticing.Told]
    mentions: list[Mention]
    sessions: list[AlignmentSeat]
    returned: list[tuple[Queue, int]]
    """The rework queues in which answers wait for her, with how many."""


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
        .exclude(queue__purpose__in=[Purpose.ADJUDICATION, Purpose.REWORK])
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
    told, returned, named = _told(members), _returned(members), list(talking.unread(members)[:MENTIONS])
    sessions = list(inviting.waiting(members)[:SESSIONS])
    rooms = [
        Room(
            project=member.project,
            permissions=permissions_of(member),
            queues=[
                (entry.queue, waiting.get(entry.queue_id, 0), entry.stage, entry.held)
                for entry in enrolments
                if entry.annotator.member_id == member.pk
            ],
            n_disputes=disputes.get(member.project_id, 0),
            n_alerts=alerts.get(member.pk, 0),
            n_appeals=appealing.to_decide(member).count()
            if "dispute.decide" in permissions_of(member)
            else 0,
            notices=told.get(member.pk, [])[:NOTICES],
            mentions=[one for one in named if one.member_id == member.pk],
            sessions=[one for one in sessions if one.member_id == member.pk],
            returned=returned.get(member.pk, []),
        )
        for member in members
    ]
    suspended = Suspension.objects.filter(member__user=request.user, ends__isnull=True)
    context = {"rooms": rooms, "suspended": suspended.select_related("member__project").order_by("pk")}
    return render(request, "annotation/inbox.html", context)


def _returned(members: list[Member]) -> dict[int, list[tuple[Queue, int]]]:
    """What reviewers returned to each membership and she has not given anew, by rework queue."""
    rows = (
        Review.objects.filter(annotator__member__in=members, state=ReviewState.RETURNED)
        .values_list("annotator__member", "stage__rework_queue")
        .annotate(n=Count("pk"))
        .order_by("stage__rework_queue")
    )
    counted = list(rows)
    queues = Queue.objects.in_bulk({queue for _, queue, _ in counted})
    found: dict[int, list[tuple[Queue, int]]] = {}
    for member, queue, n in counted:
        found.setdefault(member, []).append((queues[queue], n))
    return found


def _told(members: list[Member]) -> dict[int, list[noticing.Told]]:
    """What each membership has not read yet of what was found about her, oldest first."""
    rows = (
        Notice.objects.filter(annotator__member__in=members, read_at__isnull=True)
        .select_related("annotator", "finding__rule__queue", "consequence")
        .order_by("pk")
    )
    found: dict[int, list[noticing.Told]] = {}
    for one in noticing.in_words(rows[: NOTICES * max(len(members), 1)]):
        found.setdefault(one.notice.annotator.member_id or 0, []).append(one)
    return found


@require_POST
@page(allows("work.label"))
def notice_read(request: MemberRequest, notice: int) -> HttpResponse:
    """I have read it; only one's own."""
    found = get_or_404(Notice, project=request.project, pk=notice, annotator__member=request.member)
    noticing.acknowledge(notice=found, by=request.member)
    messages.success(request, _("Noted that you have read it. It stays in what is recorded about you."))
    return redirect("annotation:inbox")


def _counts(queues: list[int]) -> dict[int, int]:
    rows = (
        Assignment.objects.filter(Q(state=SlotState.OPEN), queue__in=queues)
        .values_list("queue_id")
        .annotate(n=Count("pk"))
    )
    return dict(rows)
