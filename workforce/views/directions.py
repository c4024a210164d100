"""Where the rows of a load go: the rules of a queue, added and taken away."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid
from workforce import directing
from workforce.forms.directions import DirectionForm
from workforce.models import Direction
from workforce.views.queues import crumbs_of, queue_of


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def directions(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    form = DirectionForm(request.POST or None, queue=found)
    if request.method == "POST" and form.is_valid():
        try:
            directing.add(queue=found, by=request.member, **form.cleaned_data)
        except Invalid as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("workforce:directions", project=request.project.key, queue=found.key)
    return render(
        request,
        "workforce/directions.html",
        {
            "queue": found,
            "form": form,
            "rules": Direction.objects.filter(queue=found).select_related("target", "skill"),
            "crumbs": crumbs_of(request, found),
        },
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("queue.manage"))
def remove(request: MemberRequest, queue: str, direction: int) -> HttpResponse:
    found = queue_of(request, queue)
    directing.remove(
        rule=get_or_404(Direction, project=request.project, queue=found, pk=direction), by=request.member
    )
    return redirect("workforce:directions", project=request.project.key, queue=found.key)
