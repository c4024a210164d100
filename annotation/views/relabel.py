"""What a published change of meaning touches, and the person who decides what is asked again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import carrying, mapping, pricing, relabelling
from annotation.forms import ConfirmForm
from annotation.models import Carry, PlanState, RelabelPlan, RelabelTask
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Spec, SpecVersion
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal

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
    """One plan: what it touches, what each choice takes, how its sample stands, what was carried."""
    return _render(request, _plan(request, plan))


def _plan(request: MemberRequest, number: int) -> RelabelPlan:
    return get_or_404(
        RelabelPlan.objects.select_related(*_WITH, "queue__project"), project=request.project, pk=number
    )


def _render(request: MemberRequest, found: RelabelPlan, refusal: Refusal | None = None) -> HttpResponse:
    shown, further = newest_first(
        request, RelabelTask.objects.filter(plan=found).select_related("task__item", "clause", "again")
    )
    proposed = found.state == PlanState.PROPOSED
    labels = mapping.rows(found, mapping.proposed(found) if proposed else found.mapping)
    return render(
        request,
        "annotation/relabel_plan.html",
        {
            "plan": found,
            "tasks": shown,
            "next": further,
            "by_clause": relabelling.by_clause(found),
            "options": pricing.options(found, tolerated=settings.RELABEL_FLIPS_PERCENT / 100)
            if proposed
            else (),
            "tolerated": settings.RELABEL_FLIPS_PERCENT,
            "sample": carrying.read(found),
            "asked": relabelling.asked(found),
            "labels": labels,
            "n_gone": sum(row.n for row in labels if row.asked),
            "added": _added(found),
            "late": RelabelTask.objects.filter(plan=found, late=True).count(),
            "late_again": RelabelTask.objects.filter(plan=found, late=True, again__isnull=False).count(),
            "carry": Carry.objects.filter(plan=found).first(),
            "refusal": refusal,
            "crumbs": [(_("Relabelling"), f"/p/{request.project.key}/relabel/")],
        },
        status=refusal.status if refusal else 200,
    )


def _added(found: RelabelPlan) -> list[tuple[Any, int, bool]]:
    """The questions that the version adds, on how many labels that stand they are not answered, and whether they are asked."""
    if found.state == PlanState.PROPOSED:
        return [(one, len(mapping.unanswered(found, [one["key"]])), True) for one in mapping.added(found)]
    return [(one, 0, one["key"] not in found.left_empty) for one in mapping.added(found)]


@require_POST
@page(allows("spec.publish"))
def confirm(request: MemberRequest, plan: int) -> HttpResponse:
    """Ask the chosen tasks again; the others wait for their sample, or are carried at once."""
    found = _plan(request, plan)
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _render(
            request, found, Invalid(_("A choice is missing, or the share is no number from 1 to 99."))
        )
    try:
        labels = _labels(request, found)
        new = {one["key"] for one in mapping.added(found)}
        relabelling.confirm(
            plan=found,
            labels=labels,
            left_empty=sorted(new - set(request.POST.getlist("asks"))),
            by=request.member,
            **form.cleaned(),
        )
    except Refusal as refusal:
        return _render(request, found, refusal)
    return redirect("annotation:relabel-plan", project=request.project.key, plan=found.pk)


def _labels(request: MemberRequest, found: RelabelPlan) -> dict[str, dict[str, list[str]]]:
    """What the form says of the labels that change."""
    said: dict[str, dict[str, list[str]]] = {}
    for row in mapping.rows(found, mapping.proposed(found)):
        said.setdefault(row.question, {})[row.value] = request.POST.getlist(f"to.{row.question}.{row.value}")
    return said


@require_POST
@page(allows("spec.publish"))
def decide(request: MemberRequest, plan: int) -> HttpResponse:
    """End the sample before it ends by itself."""
    found = _plan(request, plan)
    try:
        carrying.decide(
            plan=found,
            ask=request.POST.get("then") == "ask",
            reason=request.POST.get("reason", ""),
            by=request.member,
        )
    except Refusal as refusal:
        return _render(request, found, refusal)
    return redirect("annotation:relabel-plan", project=request.project.key, plan=found.pk)
