"""What is done to many items at once: proposed from a list, looked at, done, taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import bulk_kinds, changing_many, finding
from annotation.models import BulkChange, BulkState, Tag
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import JobState
from specs.paging import newest_first
from specs.refusals import Refusal
from workforce.models import Annotator, Queue

STEPS = {"begin": changing_many.begin, "undo": changing_many.undo, "dismiss": changing_many.dismiss}


@require_GET
@page(allows("item.read"))
def changes(request: MemberRequest) -> HttpResponse:
    """What was done to many items, newest first."""
    rows = BulkChange.objects.filter(project=request.project).select_related("by__user")
    shown, further = newest_first(request, rows)
    return render(
        request,
        "annotation/bulk_changes.html",
        {"changes": shown, "next": further, "crumbs": _crumbs(request)},
    )


@require_POST
@page(allows("item.read"))
def propose(request: MemberRequest) -> HttpResponse:
    """Fix which items are meant: those that are ticked, or all that the list's question finds."""
    query = request.POST.get("query", "")
    try:
        every = request.POST.get("which") == "all"
        change = changing_many.propose(
            kind=request.POST.get("kind", ""),
            given=request.POST.dict(),
            items=() if every else _ticked(request.POST),
            asked=finding.Asked.of(QueryDict(query)) if every else None,
            by=request.member,
        )
    except Refusal as refusal:
        messages.warning(request, refusal.message)
        there = reverse("annotation:items", kwargs={"project": request.project.key})
        return redirect(f"{there}?{QueryDict(query).urlencode()}")
    return redirect("annotation:bulk-change", project=request.project.key, change=change.pk)


def _ticked(form: QueryDict) -> list[int]:
    return [int(one) for one in form.getlist("item") if one.isascii() and one.isdigit() and len(one) < 19]


@require_GET
@page(allows("item.read"))
def change(request: MemberRequest, change: int) -> HttpResponse:
    """What would be done, how far it is, what became of it."""
    found = _change(request, change)
    kind = bulk_kinds.KINDS[found.kind]
    ended = found.job is None or found.job.state not in (JobState.QUEUED, JobState.RUNNING)
    moving = found.state in (BulkState.RUNNING, BulkState.UNDOING)
    context: dict[str, Any] = {
        "change": found,
        "kind": kind,
        "given": _in_words(found),
        "preview": changing_many.preview(found) if found.state == BulkState.PROPOSED else None,
        "reasons": changing_many.reasons(found) if found.n_left else [],
        "may": kind.permission in request.permissions,
        "moving": moving and not ended,
        "stopped": moving and ended,
        "crumbs": [
            *_crumbs(request),
            (_("Changes"), reverse("annotation:bulk-changes", args=[request.project.key])),
        ],
    }
    return render(request, "annotation/bulk_change.html", context)


@require_POST
@page(allows("item.read"))
def step(request: MemberRequest, change: int, step: str) -> HttpResponse:
    """Do it, take it back, or leave everything as it is."""
    found = _change(request, change)
    if step not in STEPS:
        raise Http404
    try:
        STEPS[step](change=found, by=request.member)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    return redirect("annotation:bulk-change", project=request.project.key, change=found.pk)


def _change(request: MemberRequest, number: int) -> BulkChange:
    rows = BulkChange.objects.select_related("job", "by__user")
    return get_or_404(rows, project=request.project, pk=number)


def _crumbs(request: MemberRequest) -> list[tuple[str, str]]:
    return [(_("Items"), reverse("annotation:items", args=[request.project.key]))]


def _in_words(change: BulkChange) -> list[tuple[str, str]]:
    """With what it is done."""
    told, found = change.arguments, []
    if "queue" in told:
        found.append((_("Queue"), Queue.objects.get(pk=told["queue"]).name))
    if "priority" in told:
        found.append((_("Priority"), str(told["priority"])))
    if "annotator" in told:
        found.append((_("Annotator"), Annotator.objects.get(pk=told["annotator"]).pseudonym))
        found.append((_("Days"), str(told["days"])))
    if "tag" in told:
        found.append((_("Tag"), Tag.objects.get(pk=told["tag"]).key))
    return found
