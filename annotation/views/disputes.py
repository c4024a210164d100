"""The list of disputes: open ones in the order in which they should be decided, ended ones newest first."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import adjudicating, choosing, shadowing
from annotation.models import Dispute, DisputeState, Ruling
from specs.access import MemberRequest, allows, page
from specs.models import Clause
from specs.paging import newest_first
from workforce.models import Assignment, Queue, SlotState

ENDED = (DisputeState.DECIDED, DisputeState.RETURNED, DisputeState.PROBED, DisputeState.SECONDED)


@require_GET
@page(allows("dispute.read"))
def disputes(request: MemberRequest) -> HttpResponse:
    """Open disputes, worst first or as asked; decided ones newest first."""
    rows = shadowing.visible_to(request.member, Dispute.objects.filter(project=request.project))
    rows = rows.select_related("task__item", "task__queue")
    asked = choosing.Asked.of(request.project, request.GET)
    decided = request.GET.get("state") == "decided"
    if decided:
        shown, further = newest_first(request, rows.filter(state__in=ENDED))
        rulings = _rulings(request, shown)
        entries: list[tuple[Dispute, Ruling | None]] = [
            (dispute, rulings.get(dispute.pk)) for dispute in shown
        ]
    else:
        open_ones = choosing.open_of(
            member=request.member,
            project=request.project,
            asked=asked,
            limit=settings.PAGE_SIZE + 1,
            after=request.GET.get("after", ""),
        )
        shown = open_ones[: settings.PAGE_SIZE]
        entries = [(dispute, None) for dispute in shown]
        further = _further(request, asked.mark(shown[-1])) if len(open_ones) > len(shown) else ""
    return render(
        request,
        "annotation/disputes.html",
        {
            "entries": entries,
            "decided": decided,
            "kept": set() if decided else _kept_for(request, [dispute for dispute, _ in entries]),
            "next": further,
            "n_open": choosing.n_open(
                member=request.member, project=request.project, most=settings.COUNTED_DISPUTES
            ),
            "most": settings.COUNTED_DISPUTES,
            "asked": request.GET,
            "query": choosing.query(request.GET),
            **({} if decided else _choices(request)),
        },
    )


def _kept_for(request: MemberRequest, shown: list[Dispute]) -> set[int]:
    """The work that was passed on to her by name, and that nobody else can take yet."""
    works = [dispute.work_id for dispute in shown]
    slots = Assignment.objects.filter(
        task__in=works, annotator__member=request.member, state=SlotState.RESERVED
    )
    return set(slots.values_list("task", flat=True))


def _rulings(request: MemberRequest, shown: list[Dispute]) -> dict[int, Ruling]:
    """The newest ruling on each, without those that a second lead is not to see yet."""
    open_seconds = Dispute.objects.filter(of__in=shown, state=DisputeState.SECOND).values("of")
    rows = Ruling.objects.filter(dispute__in=shown).select_related("clause").order_by("pk")
    hidden = rows.filter(dispute__in=open_seconds).exclude(by=request.member)
    return {one.dispute_id: one for one in adjudicating.with_later(rows.exclude(pk__in=hidden.values("pk")))}


def _further(request: MemberRequest, mark: str) -> str:
    query = request.GET.copy()
    query["after"] = mark
    return f"?{query.urlencode()}"


def _choices(request: MemberRequest) -> dict[str, Any]:
    """What the list can be narrowed to."""
    project = request.project
    return {
        "queues": Queue.objects.filter(project=project, adjudication_queue__isnull=False).order_by("name")[
            :200
        ],
        "clauses": Clause.objects.filter(project=project).order_by("key")[:500],
        "pairs": choosing.pairs(project=project, limit=50),
    }
