"""Alerts: what awaits somebody, what became of it; taking on, handing over, closing."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from workforce import alerting
from workforce.models import Alert, AlertState, Annotator
from workforce.views.queues import member_named, proposed_owners


@require_GET
@page(allows("queue.read"))
def alerts(request: MemberRequest) -> HttpResponse:
    """The alerts that are not over, or all of them with their log; newest first."""
    rows = Alert.objects.filter(project=request.project).select_related("queue", "owner__user")
    everything = request.GET.get("show") == "all"
    if not everything:
        rows = rows.exclude(state=AlertState.CLOSED)
    shown, further = newest_first(request, rows.prefetch_related("steps__by__user", "steps__to__user"))
    return render(
        request,
        "workforce/alerts.html",
        {
            "alerts": shown,
            "people": _people(request, shown),
            "next": further,
            "everything": everything,
            "owners": proposed_owners(request),
        },
    )


def _people(request: MemberRequest, shown: list[Alert]) -> dict[int, str]:
    """Pseudonyms of those whom alerts are about, for who may see people."""
    if "member.read" not in request.permissions:
        return {}
    wanted = [alert.facts["annotator"] for alert in shown if "annotator" in alert.facts]
    return dict(
        Annotator.objects.filter(project=request.project, pk__in=wanted).values_list("pk", "pseudonym")
    )


@require_POST
@page(allows("queue.manage"))
def step(request: MemberRequest, alert: int, step: str) -> HttpResponse:
    """Take on, hand over or close one alert."""
    found = get_or_404(Alert.objects.select_related("queue"), project=request.project, pk=alert)
    note = request.POST.get("note", "")
    if step == "acknowledge":
        alerting.acknowledge(alert=found, note=note, by=request.member)
        messages.success(request, _("It is yours."))
    elif step == "close":
        alerting.close(alert=found, note=note, by=request.member)
        messages.success(request, _("It is over."))
    elif step == "hand-over":
        to = member_named(request, request.POST.get("member", ""))
        alerting.hand_over(alert=found, to=to, note=note, by=request.member)
        messages.success(request, _("%(owner)s owns it now.") % {"owner": to})
    else:
        raise Http404
    return redirect("workforce:alerts", project=request.project.key)
