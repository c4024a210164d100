"""Questions about clauses: asked by annotators, answered by the owners of the spec, shown beside the clause."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import asking
from annotation.models import Inquiry
from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.views.specs import spec_of, version_of
from workforce.models import Assignment


@require_GET
@page(allows("spec.read"))
def inquiries(request: MemberRequest) -> HttpResponse:
    """The open ones, newest first; `?all=1` shows the answered ones as well."""
    rows = asking.visible_to(request.member).select_related(
        "clause__spec", "version__spec", "asked_by", "answered_by__user", "task__item"
    )
    if not request.GET.get("all"):
        rows = rows.filter(answered_at__isnull=True)
    shown, further = newest_first(request, rows)
    return render(
        request,
        "annotation/inquiries.html",
        {"inquiries": shown, "next": further, "all": bool(request.GET.get("all"))},
    )


@require_POST
@page(allows("spec.read"))
def ask(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """Ask about a clause, from the reader or from a task that one holds."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    row = get_or_404(found.clauses.all(), project=request.project, key=request.POST.get("clause", ""))
    held = _held(request)
    asking.ask(
        version=version,
        clause=row,
        text=request.POST.get("text", ""),
        public=request.POST.get("private") != "1",
        queue=held.queue if held else None,
        task_id=held.task_id if held else None,
        by=request.member,
    )
    said = _("Asked. The answer will stand beside the clause.")
    if request.headers.get("HX-Request"):
        return render(request, "annotation/asked.html", {"said": said})
    messages.success(request, said)
    if held:
        return redirect("annotation:label", project=request.project.key, queue=held.queue.key)
    return redirect(f"/p/{request.project.key}/specs/{found.key}/{version.number}/#clause-{row.key}")


def _held(request: MemberRequest) -> Assignment | None:
    """The task somebody asks from, if she holds it."""
    number = request.POST.get("assignment", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return (
        Assignment.objects.filter(
            project=request.project, pk=int(number), annotator__member=request.member, state="leased"
        )
        .select_related("queue")
        .first()
    )


@require_POST
@page(allows("spec.answer"))
def answer(request: MemberRequest, inquiry: int) -> HttpResponse:
    row = get_or_404(Inquiry, project=request.project, pk=inquiry)
    asking.answer(inquiry=row, text=request.POST.get("text", ""), by=request.member)
    messages.success(request, _("Answered; it stands beside the clause now."))
    return redirect("annotation:inquiries", project=request.project.key)
