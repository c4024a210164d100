"""What a published change of meaning touches, and the person who decides what is asked again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import relabelling
from annotation.models import Carry, RelabelPlan, RelabelTask
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Spec, SpecVersion
from specs.paging import newest_first

_WITH = ("queue", "relabel_queue", "from_version", "to_version", "to_version__spec")


@require_GET
@page(allows("spec.read"))
def plans(request: MemberRequest) -> HttpResponse:
    shown, further = newest_first(
        request, RelabelPlan.objects.filter(project=request.project).select_related(*_WITH)
    )
    newest = [
        version
        for spec in Spec.objects.filter(project=request.project)
        if (
            version := SpecVersion.objects.published()
            .filter(spec=spec)
            .newest_first()
            .select_related("spec")
            .first()
        )
        and (version.meaning or 0) > 1
    ]
    return render(request, "annotation/relabel.html", {"plans": shown, "next": further, "newest": newest})


@require_POST
@page(allows("spec.publish"))
def propose(request: MemberRequest) -> HttpResponse:
    """List what the newest meaning of a spec touches, in every queue of its own."""
    spec = get_or_404(Spec, project=request.project, key=request.POST.get("spec", ""))
    newest = SpecVersion.objects.published().filter(spec=spec).newest_first().first()
    first_of_meaning = (
        SpecVersion.objects.published().filter(spec=spec, meaning=newest.meaning, minor=0, patch=0).first()
        if newest
        else None
    )
    made = relabelling.propose_all(version=first_of_meaning, by=request.member) if first_of_meaning else []
    if not made:
        messages.info(request, _("No label has to be asked again."))
    return redirect("annotation:relabel", project=request.project.key)


@require_GET
@page(allows("spec.read"))
def plan(request: MemberRequest, plan: int) -> HttpResponse:
    found = get_or_404(RelabelPlan.objects.select_related(*_WITH), project=request.project, pk=plan)
    sample = (
        RelabelTask.objects.filter(plan=found)
        .select_related("task__item", "clause")
        .order_by("reach", "pk")[:50]
    )
    return render(
        request,
        "annotation/relabel_plan.html",
        {
            "plan": found,
            "sample": sample,
            "by_clause": relabelling.by_clause(found),
            "carry": Carry.objects.filter(plan=found).first(),
            "n_carried": found.n_tasks - found.n_direct,
            "crumbs": [(_("Relabelling"), f"/p/{request.project.key}/relabel/")],
        },
    )


@require_POST
@page(allows("spec.publish"))
def confirm(request: MemberRequest, plan: int) -> HttpResponse:
    found = get_or_404(RelabelPlan, project=request.project, pk=plan)
    carry = relabelling.confirm(
        plan=found,
        include_possible=bool(request.POST.get("include_possible")),
        reason=request.POST.get("reason", ""),
        by=request.member,
    )
    messages.success(
        request,
        _("%(n)d tasks are asked again, %(m)d labels are carried.")
        % {"n": len(carry.exceptions), "m": carry.n_carried},
    )
    return redirect("annotation:relabel-plan", project=request.project.key, plan=found.pk)
