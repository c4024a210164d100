"""Background jobs: what, how far, what went wrong, and a way to stop."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs import running
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Job, JobState
from specs.paging import newest_first


@require_GET
@page(allows("job.read"))
def jobs(request: MemberRequest) -> HttpResponse:
    rows = Job.objects.filter(project=request.project).select_related("requested_by__user")
    shown, further = newest_first(request, rows)
    return render(request, "specs/jobs.html", {"jobs": shown, "next": further})


@require_GET
@page(allows("job.read"))
def job(request: MemberRequest, job: int) -> HttpResponse:
    """One job; asked again by htmx, it answers 204 while nothing moved."""
    found = get_or_404(Job.objects.select_related("requested_by__user"), project=request.project, pk=job)
    mark = f"{found.state}:{found.n_done}:{found.note}"
    live = found.state in (JobState.QUEUED, JobState.RUNNING)
    state = {
        "job": found,
        "mark": mark,
        "may_stop": found.requested_by_id == request.member.pk or "queue.manage" in request.permissions,
        "facts": {name: value for name, value in found.result.items() if name not in ("remarks", "problems")},
    }
    if request.headers.get("HX-Request"):
        if request.GET.get("mark") == mark:
            return HttpResponse(status=204)
        return render(request, "specs/job_state.html", {**state, "live": live})
    return render(
        request,
        "specs/job.html",
        {
            **state,
            "live": live,
            "crumbs": [(_("Jobs"), f"/p/{request.project.key}/jobs/")],
        },
    )


@require_POST
@page(allows("job.read"))
def cancel(request: MemberRequest, job: int) -> HttpResponse:
    running.cancel(job=get_or_404(Job, project=request.project, pk=job), by=request.member)
    return redirect("specs:job", project=request.project.key, job=job)
