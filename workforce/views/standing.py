"""Suspensions as the suspended person sees hers, and appeals as they are decided."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import SIGNED_IN, MemberRequest, allows, get_or_404, page
from specs.models import Appeal, AppealState, Suspension
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import suspending
from workforce.models import Annotator


@require_http_methods(["GET", "POST"])
@page(SIGNED_IN)
def suspended(request: Any, suspension: int) -> HttpResponse:
    """One's own suspension: why, by whom, until when; and the appeal. The only page of the project that is still open."""
    rows = Suspension.objects.select_related("member__project", "by__user")
    found = rows.filter(pk=suspension, member__user=request.user).first()
    if found is None:
        raise Http404
    refusal = None
    if request.method == "POST":
        try:
            suspending.appeal(suspension=found, text=request.POST.get("text", ""), by=found.member)
        except Invalid as error:
            refusal = error
        else:
            messages.success(request, _("Your appeal is with us. Another person decides it."))
            return redirect("workforce:suspended", suspension=found.pk)
    context = {
        "waiting": found.appeals.filter(state=AppealState.OPEN).exists(),
        "suspension": found,
        "end": found.ends.first(),
        "appeals": found.appeals.order_by("pk").prefetch_related("texts"),
        "refusal": refusal,
    }
    return render(request, "workforce/suspended.html", context, status=422 if refusal else 200)


@require_GET
@page(allows("people.manage"))
def appeals(request: MemberRequest) -> HttpResponse:
    """Appeals that await a decision first, then the decided ones."""
    rows = (
        Appeal.objects.filter(project=request.project)
        .select_related("suspension__member__user", "suspension__by__user", "decided_by__user")
        .prefetch_related("texts")
    )
    waiting = list(rows.filter(state=AppealState.OPEN).order_by("pk"))
    decided, further = newest_first(request, rows.exclude(state=AppealState.OPEN))
    members = [appeal.suspension.member_id for appeal in [*waiting, *decided]]
    names = dict(Annotator.objects.filter(member__in=members).values_list("member_id", "pseudonym"))
    context = {
        "waiting": [(appeal, names.get(appeal.suspension.member_id, "")) for appeal in waiting],
        "decided": [(appeal, names.get(appeal.suspension.member_id, "")) for appeal in decided],
        "next": further,
    }
    return render(request, "workforce/appeals.html", context)


@require_POST
@page(allows("people.manage"))
def decide(request: MemberRequest, appeal: int) -> HttpResponse:
    suspending.decide(
        appeal=get_or_404(Appeal, project=request.project, pk=appeal),
        grant=request.POST.get("to") == "grant",
        answer=request.POST.get("answer", ""),
        by=request.member,
    )
    messages.success(request, _("Decided; the person sees it with your reason."))
    return redirect("workforce:appeals", project=request.project.key)
