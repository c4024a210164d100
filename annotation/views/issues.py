"""Clause issues: opened from a verdict with its cases, followed to the version that resolves them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import evidence, health, investigating
from annotation.models import ClauseEvidence, ClauseIssue
from annotation.views.health import health_of, spec_of
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause, SpecVersion
from specs.refusals import Refusal
from specs.views.specs import crumbs


@require_GET
@page(allows("dispute.read"))
def issues(request: MemberRequest, spec: str) -> HttpResponse:
    """The issues of a spec, open ones first."""
    found = spec_of(request, spec)
    rows = ClauseIssue.objects.filter(clause__spec=found).select_related(
        "clause", "owner__user", "closed_by_version"
    )
    return render(
        request,
        "annotation/issues.html",
        {"spec": found, "issues": rows.order_by("-state", "-pk")[:200], "crumbs": crumbs(request, found)},
    )


@require_POST
@page(allows("spec.discuss"))
def open_one(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Open an issue on a clause, with what the newest report has kept of it as its case pack."""
    found = spec_of(request, spec)
    row = get_or_404(Clause, project=request.project, spec=found, key=clause)
    whole = health_of(request, found)
    kept = (
        ClauseEvidence.objects.filter(evidence=whole.evidence, clause=row).first()
        if whole and whole.evidence
        else None
    )
    try:
        issue = investigating.open_issue(clause=row, evidence=kept, by=request.member)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
        return redirect("annotation:evidence", project=request.project.key, spec=spec, clause=clause)
    return redirect("annotation:issue", project=request.project.key, spec=spec, issue=issue.pk)


@require_GET
@page(allows("dispute.read"))
def issue(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """One issue with its cases: both readings of each, and what to do with the clause."""
    return _render(request, spec, issue)


def _render(request: MemberRequest, spec: str, number: int, refusal: Refusal | None = None) -> HttpResponse:
    found = spec_of(request, spec)
    row = _issue(request, spec, number)
    cases = list(row.cases.select_related("task").order_by("control", "pk"))
    reports = health.newest(spec=found)
    shown = []
    if reports:
        items = [case.task.item_id for case in cases]
        control = {case.task.item_id for case in cases if case.control}
        shown = [
            (case, case.item.pk in control)
            for case in evidence.cases(
                items=items,
                report=reports[0],
                version=health.version_of(reports[0]),
                named="member.read" in request.permissions,
                shown=len(items),
            )
        ]
    return render(
        request,
        "annotation/issue.html",
        {
            "spec": found,
            "issue": row,
            "cases": shown,
            "refusal": refusal,
            "draft": SpecVersion.objects.draft().filter(spec=found).exists(),
            "versions": SpecVersion.objects.published()
            .filter(spec=found, published_at__gte=row.opened_at)
            .newest_first()[:20],
            "crumbs": [
                *crumbs(request, found),
                (_("Clause issues"), f"/p/{request.project.key}/specs/{found.key}/issues/"),
            ],
        },
        status=refusal.status if refusal else 200,
    )


def _issue(request: MemberRequest, spec: str, number: int) -> ClauseIssue:
    rows = ClauseIssue.objects.select_related("clause", "owner__user", "closed_by_version")
    return get_or_404(rows, project=request.project, clause__spec__key=spec, pk=number)


@require_POST
@page(allows("spec.discuss"))
def close(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """Close an issue by a version, or with a reason."""
    row = _issue(request, spec, issue)
    wanted = request.POST.get("version", "")
    version = (
        get_or_404(SpecVersion, project=request.project, spec=row.clause.spec_id, pk=wanted)
        if wanted
        else None
    )
    try:
        investigating.close(
            issue=row, version=version, reason=request.POST.get("reason", ""), by=request.member
        )
    except Refusal as refusal:
        return _render(request, spec, issue, refusal)
    messages.success(request, _("The issue is closed."))
    return redirect("annotation:issue", project=request.project.key, spec=spec, issue=issue)
