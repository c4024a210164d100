"""Cohorts: who belongs to which, for whoever manages queues."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid
from workforce import cohorts
from workforce.models import Annotator, AnnotatorState, Cohort, CohortMembership


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def index(request: MemberRequest) -> HttpResponse:
    """All cohorts with their annotators, and the form that makes one."""
    refusal = None
    if request.method == "POST":
        try:
            cohorts.create(
                project=request.project,
                key=request.POST.get("key", "").strip(),
                name=request.POST.get("name", ""),
                by=request.member,
            )
        except Invalid as error:
            refusal = error
        else:
            return redirect("workforce:cohorts", project=request.project.key)
    members: dict[int, list[Annotator]] = {}
    for row in (
        CohortMembership.objects.filter(project=request.project, until__isnull=True)
        .select_related("annotator")
        .order_by("annotator__pseudonym")
    ):
        members.setdefault(row.cohort_id, []).append(row.annotator)
    rows = Cohort.objects.filter(project=request.project).order_by("name")
    return render(
        request,
        "workforce/cohorts.html",
        {
            "cohorts": [(cohort, members.get(cohort.pk, [])) for cohort in rows],
            "annotators": Annotator.objects.filter(
                project=request.project, state=AnnotatorState.ACTIVE, member__isnull=False
            ).order_by("pseudonym"),
            "refusal": refusal,
        },
        status=422 if refusal else 200,
    )


@require_POST
@page(allows("queue.manage"))
def change(request: MemberRequest, cohort: str) -> HttpResponse:
    """Somebody joins or leaves."""
    found = get_or_404(Cohort, project=request.project, key=cohort)
    annotator = get_or_404(Annotator, project=request.project, pseudonym=request.POST.get("annotator", ""))
    if request.POST.get("to") == "leave":
        cohorts.leave(cohort=found, annotator=annotator, by=request.member)
    else:
        cohorts.join(cohort=found, annotator=annotator, by=request.member)
    messages.success(request, _("Kept."))
    return redirect("workforce:cohorts", project=request.project.key)
