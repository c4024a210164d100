"""The review stages of a queue: what each takes, who reviews, and what waits there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Refusal
from workforce import review_stages
from workforce.forms.review_stages import ReviewStageForm
from workforce.models import ReviewStage
from workforce.views.queues import crumbs_of, queue_of


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def stages(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    form = ReviewStageForm(request.POST or None, queue=found)
    if request.method == "POST" and form.is_valid():
        try:
            review_stages.add(queue=found, terms=form.terms(), by=request.member)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(request, _("Added. Answers that are given from now on go through it."))
            return redirect("workforce:review-stages", project=request.project.key, queue=found.key)
    rows = ReviewStage.objects.filter(queue=found).select_related(
        "review_queue__required_skill", "rework_queue", "cohort"
    )
    return render(
        request,
        "workforce/review_stages.html",
        {
            "queue": found,
            "form": form,
            "stages": review_stages.waiting(stages=rows.order_by("position")),
            "crumbs": crumbs_of(request, found),
        },
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("queue.manage"))
def end(request: MemberRequest, queue: str, stage: int) -> HttpResponse:
    found = queue_of(request, queue)
    review_stages.end(
        stage=get_or_404(ReviewStage, project=request.project, queue=found, pk=stage), by=request.member
    )
    messages.success(request, _("Ended. What it took is reviewed all the same."))
    return redirect("workforce:review-stages", project=request.project.key, queue=found.key)
