"""The editor's first page: a draft as an outline of sections and clauses, beside what it changes and what is unclear in it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
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


def outline(request: MemberRequest, spec: Spec, *, status: int = 200, **more: Any) -> HttpResponse:
    """The outline alone for htmx, else back to the draft."""
    if not request.headers.get("HX-Request"):
        return redirect("specs:draft", project=request.project.key, spec=spec.key)
    draft = draft_of(request, spec)
    titles = schema.titles(draft.questions)
    context = {"spec": spec, "draft": draft, "entries": outline_of(draft), "titles": titles, **more}
    return render(request, "specs/outline.html", context, status=status)


@require_GET
@page(allows("spec.edit"))
def draft(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    version = draft_of(request, found)
    content = contents.content(version)
    proposal = proposing.open_proposal(found)
    return render(
        request,
        "specs/draft.html",
        {
            "spec": found,
            "draft": version,
            "titles": schema.titles(version.questions),
            "crumbs": crumbs(request, found),
            "entries": outline_of(version),
            "problems": contents.problems(version),
            "findings": linting.lint(content),
            "difference": contents.compare(version.based_on, version) if version.based_on else None,
            "proposal": proposal,
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
    restructuring.rename_section(
        draft=draft_of(request, found),
        old=request.POST.get("old", ""),
        new=request.POST.get("new", ""),
        by=request.member,
    )
    return outline(request, found)
