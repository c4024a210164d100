"""Pilots: try a draft on a sample, read what it shows beside the version in force, and what the gate makes of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import piloting, releasing
from annotation.forms import PilotForm
from annotation.models import Asks, Pilot
from specs import contents
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Spec, SpecVersion
from specs.refusals import Invalid
from specs.views.specs import crumbs, spec_of
from workforce.models import Annotator, AnnotatorState


@require_http_methods(["GET", "POST"])
@page(allows("spec.propose"))
def pilots(request: MemberRequest, spec: str) -> HttpResponse:
    """The pilots of a spec, and the form that starts one of its draft."""
    found = spec_of(request, spec)
    draft = (
        SpecVersion.objects.draft().filter(spec=found).select_related("spec", "based_on", "project").first()
    )
    annotators = Annotator.objects.filter(
        project=request.project, state=AnnotatorState.ACTIVE, member__isnull=False
    ).order_by("pseudonym")
    form = PilotForm(request.POST or None, annotators=annotators)
    refusal = None
    if request.method == "POST" and draft is not None and form.is_valid():
        data = form.cleaned_data
        try:
            pilot = piloting.start(
                draft=draft,
                sample=data["sample"],
                asks=data["asks"],
                n_items=data["n_items"],
                overlap=data["overlap"],
                annotators=list(data["annotators"]),
                owner=request.member,
                by=request.member,
            )
        except Invalid as error:
            refusal = error
        else:
            messages.success(request, _("The pilot runs. Its annotators find it in their inbox."))
            return redirect("annotation:pilot", project=request.project.key, spec=found.key, pilot=pilot.pk)
    return render(
        request,
        "annotation/pilots.html",
        {
            "spec": found,
            "draft": draft,
            "form": form,
            "refusal": refusal,
            "pilots": Pilot.objects.filter(spec=found).select_related("trial", "queue").order_by("-pk")[:100],
            "crumbs": crumbs(request, found),
        },
        status=422 if form.errors or refusal else 200,
    )


def _pilot(request: MemberRequest, spec: Spec, number: int) -> Pilot:
    rows = Pilot.objects.select_related("trial__based_on", "queue", "spec__project")
    return get_or_404(rows, project=request.project, spec=spec, pk=number)


@require_GET
@page(allows("spec.read"))
def pilot(request: MemberRequest, spec: str, pilot: int) -> HttpResponse:
    found = spec_of(request, spec)
    row = _pilot(request, found, pilot)
    draft = (
        SpecVersion.objects.draft().filter(spec=found).select_related("spec", "based_on", "project").first()
    )
    current = draft is not None and piloting.is_of(row, draft)
    read_by_gate = current and row.asks == Asks.QUESTIONS
    return render(
        request,
        "annotation/pilot.html",
        {
            "spec": found,
            "pilot": row,
            "reading": piloting.read(row),
            "current": current,
            "gate": releasing.gate_of(draft)
            if read_by_gate and draft and not contents.problems(draft)
            else None,
            "crumbs": [
                *crumbs(request, found),
                (_("Pilots"), f"/p/{request.project.key}/specs/{found.key}/pilots/"),
            ],
        },
    )


@require_POST
@page(allows("spec.propose"))
def move(request: MemberRequest, spec: str, pilot: int) -> HttpResponse:
    """End a pilot, or let it go on."""
    found = spec_of(request, spec)
    row = _pilot(request, found, pilot)
    if request.POST.get("to") == "resume":
        piloting.resume(pilot=row, by=request.member)
    else:
        piloting.end(pilot=row, by=request.member)
    return redirect("annotation:pilot", project=request.project.key, spec=found.key, pilot=row.pk)
