"""The editor's first page: a draft as an outline of sections and clauses, beside what it changes and what is unclear in it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs import contents, drafting, linting, proposing, restructuring, schema
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Comment, DraftClause, Spec, SpecVersion
from specs.numbering import numbers
from specs.views.specs import crumbs, spec_of


def draft_of(request: MemberRequest, spec: Spec) -> SpecVersion:
    return get_or_404(
        SpecVersion.objects.draft().select_related("based_on", "spec__project"),
        project=request.project,
        spec=spec,
    )


def outline_of(draft: SpecVersion) -> list[dict[str, Any]]:
    """The draft's clauses in order, each with its number and its comments. Two queries, however many clauses."""
    rows = list(
        DraftClause.objects.filter(version=draft).select_related("clause", "version").order_by("position")
    )
    said: dict[int | None, list[Comment]] = {}
    for comment in Comment.objects.filter(spec=draft.spec_id).select_related("by__user").order_by("pk"):
        said.setdefault(comment.clause_id, []).append(comment)
    return [
        {
            "row": row,
            "number": number,
            "section": row.section,
            "comments": said.get(row.clause_id, []),
            "n_open": sum(comment.resolved_at is None for comment in said.get(row.clause_id, [])),
        }
        for row, number in zip(rows, numbers([row.section for row in rows]), strict=True)
    ]


def outline(request: MemberRequest, spec: Spec, *, said: str = "", focus: str = "") -> HttpResponse:
    """The outline alone for htmx, with the focus at the clause *focus*; else back to the draft. Either says what changed."""
    if not request.headers.get("HX-Request"):
        if said:
            messages.success(request, said)
        address = reverse("specs:draft", kwargs={"project": request.project.key, "spec": spec.key})
        return redirect(f"{address}#clause-{focus}" if focus else address)
    draft = draft_of(request, spec)
    context = {
        "spec": spec,
        "draft": draft,
        "entries": outline_of(draft),
        "titles": schema.titles(draft.questions),
        "focus": focus,
    }
    response = render(request, "specs/outline.html", context)
    response["HX-Retarget"], response["HX-Reswap"] = "#outline", "outerHTML"
    return changed(response, said)


def changed(response: HttpResponse, said: str = "") -> HttpResponse:
    """The page is told that the draft changed, and says so: what stands beside the outline is read anew."""
    response["HX-Trigger"] = json.dumps({"drafted": True, **({"announce": said} if said else {})})
    return response


@require_GET
@page(allows("spec.edit"))
def draft(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    version = draft_of(request, found)
    state = {
        "spec": found,
        "draft": version,
        "problems": contents.problems(version),
        "findings": linting.lint(contents.content(version)),
        "difference": contents.compare(version.based_on, version) if version.based_on else None,
    }
    if request.headers.get("HX-Request") and request.GET.get("state"):
        return render(request, "specs/draft_state.html", state)
    return render(
        request,
        "specs/draft.html",
        {
            **state,
            "titles": schema.titles(version.questions),
            "crumbs": crumbs(request, found),
            "entries": outline_of(version),
            "proposal": proposing.open_proposal(found),
            "comments": Comment.objects.filter(spec=found, clause=None)
            .select_related("by__user")
            .order_by("pk"),
        },
    )


@require_POST
@page(allows("spec.edit"))
def open_draft(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    drafting.open_draft(spec=found, by=request.member)
    return redirect("specs:draft", project=request.project.key, spec=found.key)


@require_POST
@page(allows("spec.edit"))
def discard(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    drafting.discard_draft(draft=draft_of(request, found), by=request.member)
    messages.success(request, _("The draft is gone. Published versions are as they were."))
    return redirect("specs:spec", project=request.project.key, spec=found.key)


@require_POST
@page(allows("spec.edit"))
def rename_section(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    new = request.POST.get("new", "").strip()
    restructuring.rename_section(
        draft=draft_of(request, found), old=request.POST.get("old", ""), new=new, by=request.member
    )
    said = (
        _("The section is called %(title)s now.") % {"title": new} if new else _("The section is dissolved.")
    )
    return outline(request, found, said=said)
