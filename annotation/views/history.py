"""Labels made elsewhere, by page: another tool's export looked at, then brought in."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation import histories
from annotation.forms import HistoryForm
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Job, Spec
from specs.refusals import Invalid


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def history(request: MemberRequest, spec: str) -> HttpResponse:
    """An export: what it holds, or what came of it; a large one in a job."""
    found = get_or_404(Spec.objects.select_related("project"), project=request.project, key=spec)
    form = HistoryForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        how = histories.How(
            form=data["form"], control=data["control"], columns=data["columns"], sensitive=data["sensitive"]
        )
        try:
            if "look" in request.POST:
                with data["file"].open("rb") as source:
                    context["seen"] = histories.look(spec=found, source=source, how=how)[1]
            else:
                done = histories.receive(spec=found, chunks=data["file"].chunks(), how=how, by=request.member)
                if isinstance(done, Job):
                    return redirect("specs:job", project=request.project.key, job=done.pk)
                context["done"] = done
        except Invalid as refusal:
            form.add_error(None, refusal.message)
            context["problems"] = refusal.problems
    return render(
        request,
        "annotation/history.html",
        {
            "spec": found,
            "form": form,
            "crumbs": [(_("Agreement"), f"/p/{request.project.key}/agreement/?spec={found.key}")],
            **context,
        },
        status=422 if form.errors else 200,
    )
