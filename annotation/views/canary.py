"""Which version a queue works under: move the pointer, try another one on a part first, compare the two side by side."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotation import measuring
from annotation.forms import CanaryForm
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import SpecVersion, VersionState
from specs.refusals import Invalid, WrongState
from workforce import canarying
from workforce.models import Canary, Cohort, InProgress
from workforce.views.queues import queue_of


@require_http_methods(["GET", "POST"])
@page(allows("spec.roll-back"))
def versions(request: MemberRequest, queue: str) -> HttpResponse:
    """The version in force, the canary that runs, and both in figures."""
    found = queue_of(request, queue)
    published = SpecVersion.objects.filter(spec=found.spec, state=VersionState.PUBLISHED).newest_first()
    form = CanaryForm(
        request.POST or None,
        versions=published.exclude(pk=found.version_id or 0),
        cohorts=Cohort.objects.filter(project=request.project).order_by("name"),
    )
    refusal: Invalid | WrongState | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            canarying.start(
                queue=found,
                version=data["version"],
                share=data["percent"] / 100,
                cohort=data["cohort"],
                by=request.member,
            )
        except (Invalid, WrongState) as error:
            refusal = error
        else:
            return redirect("annotation:queue-versions", project=request.project.key, queue=found.key)
    canary = canarying.running(found)
    return render(
        request,
        "annotation/queue_versions.html",
        {
            "queue": found,
            "versions": published,
            "form": form,
            "refusal": refusal,
            "canary": canary,
            "choices": InProgress.choices,
            "beside": measuring.beside(queue=found, versions=[canary.before, canary.version])
            if canary
            else [],
            "past": Canary.objects.filter(queue=found)
            .exclude(state="running")
            .select_related("version", "cohort")
            .order_by("-pk")[:20],
            "crumbs": [
                (_("Queues"), f"/p/{request.project.key}/queues/"),
                (found.name, f"/p/{request.project.key}/queues/{found.key}/"),
            ],
        },
        status=422 if form.errors or refusal else 200,
    )


@require_POST
@page(allows("spec.roll-back"))
def end(request: MemberRequest, queue: str, canary: int) -> HttpResponse:
    """To all, or back."""
    found = queue_of(request, queue)
    row = get_or_404(Canary, project=request.project, queue=found, pk=canary)
    if request.POST.get("to") == "all":
        in_progress = request.POST.get("in_progress", InProgress.FINISH)
        canarying.adopt(canary=row, in_progress=in_progress, by=request.member)
        messages.success(request, _("The version is in force for the whole queue."))
    else:
        canarying.withdraw(canary=row, by=request.member)
        messages.success(request, _("Taken back: the version in force serves all tasks again."))
    return redirect("annotation:queue-versions", project=request.project.key, queue=found.key)
