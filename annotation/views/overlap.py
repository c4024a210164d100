"""How many answers the tasks of a queue want: what was learnt, what it comes to, what a change would do to tasks under way."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import auditing, jobs, learning, reoverlapping, simulating
from annotation.models import StopDecision, StopTarget, StopVerdict
from specs import running
from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid
from workforce import expecting, overlap_rules, overlapping, queues
from workforce.forms.queues import SettingsForm
from workforce.models import OverlapPlan, OverlapPolicy, Queue
from workforce.views.queues import crumbs_of, put_errors, queue_of


@require_GET
@page(allows("queue.manage"))
def overlap(request: MemberRequest, queue: str) -> HttpResponse:
    """The policy in force, what it rests on, and what applying it to the tasks under way would do."""
    found = queue_of(request, queue)
    return render(
        request,
        "annotation/overlap.html",
        {
            "queue": found,
            "crumbs": crumbs_of(request, found),
            "change": overlapping.preview(queue=found),
            "implied": simulating.preview(queue=found),
            **_learnt(found),
        },
    )


def _learnt(queue: Queue) -> dict[str, Any]:
    """What the policy rests on; nothing for a queue whose tasks all want the same."""
    if queue.overlap_policy == OverlapPolicy.DYNAMIC:
        counts = dict(
            StopDecision.objects.filter(queue=queue).values_list("verdict").annotate(n=Count("pk")).order_by()
        )
        return {
            "skills": learning.newest(queue=queue),
            "targets": StopTarget.objects.filter(queue=queue)
            .order_by("question", "-pk")
            .distinct("question"),
            "verdicts": [(verdict.label, counts.get(verdict.value, 0)) for verdict in StopVerdict],
            "audit": auditing.measured(queue=queue),
            "by_share": overlap_rules.not_dynamic(queue)[1],
        }
    if queue.overlap_policy == OverlapPolicy.EXPECTED:
        plan = (
            OverlapPlan.objects.filter(queue=queue, formula=expecting.FORMULA)
            .select_related("version")
            .order_by("-pk")
            .first()
        )
        return {
            "plan": plan,
            "plan_clauses": plan.clauses.select_related("clause").order_by("-expected", "pk") if plan else [],
        }
    return {}


@require_POST
@page(allows("queue.manage"))
def preview(request: MemberRequest, queue: str) -> HttpResponse:
    """What the settings in the form would imply: a piece of the page for htmx, the whole settings page without script."""
    found = queue_of(request, queue)
    form = SettingsForm(request.POST)
    context: dict[str, Any] = {}
    if form.is_valid():
        try:
            proposed = queues.proposed(queue=found, **form.settings())
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            context["implied"] = simulating.preview(queue=proposed)
    context["problems"] = [
        {"where": form.fields[name].label if name in form.fields else "", "message": message}
        for name, found_errors in form.errors.items()
        for message in found_errors
    ]
    if request.headers.get("HX-Request"):
        return render(request, "annotation/overlap_implied.html", context)
    return render(
        request,
        "workforce/queue_form.html",
        {
            "form": form,
            "title": _("Settings"),
            "queue": found,
            "crumbs": crumbs_of(request, found),
            **context,
        },
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("queue.manage"))
def apply(request: MemberRequest, queue: str) -> HttpResponse:
    """Apply the settings in force to the tasks under way, in a job."""
    job = reoverlapping.start(queue=queue_of(request, queue), by=request.member)
    return redirect("specs:job", project=request.project.key, job=job.pk)


@require_POST
@page(allows("queue.manage"))
def learn(request: MemberRequest, queue: str) -> HttpResponse:
    """Learn now what is otherwise learnt every five minutes."""
    found = queue_of(request, queue)
    running.start(project=request.project, kind=jobs.LEARN, arguments={"queue": found.pk}, by=request.member)
    messages.success(request, _("Skills, targets and numbers are being learnt from the answers."))
    return redirect("annotation:overlap", project=request.project.key, queue=found.key)
