"""Clause issues: opened from a verdict with its cases, followed to the version that resolves them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import aligning, appealing, evidence, health, investigating
from annotation.models import (
    OPEN_SESSIONS,
    STANDING_ISSUES,
    AgreementReport,
    ClauseEvidence,
    ClauseIssue,
    IssueState,
)
from annotation.views.health import health_of, spec_of
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause, Member, MemberState, SpecVersion
from specs.paging import newest_first
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
    standing = list(rows.filter(state__in=STANDING_ISSUES).order_by("due_at", "pk"))
    closed, further = newest_first(request, rows.filter(state=IssueState.CLOSED))
    incidents = investigating.incidents(spec=found)
    return render(
        request,
        "annotation/issues.html",
        {
            "spec": found,
            "issues": [
                (one, incidents[one.clause_id], _overdue(one))
                for one in (*([] if "before" in request.GET else standing), *closed)
            ],
            "next": further,
            "crumbs": crumbs(request, found),
        },
    )


def _overdue(issue: ClauseIssue) -> bool:
    return issue.state in STANDING_ISSUES and issue.due_at is not None and issue.due_at < timezone.now()


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
    why = {case.task.item_id: case.get_why_display() for case in cases if case.why and not case.control}
    people = Member.objects.filter(project=request.project, state=MemberState.ACTIVE).select_related("user")
    report = next(iter(health.newest(spec=found)), None) or _unmeasured(row)
    items = [case.task.item_id for case in cases]
    control = {case.task.item_id for case in cases if case.control}
    shown = [
        (case, case.item.pk in control, why.get(case.item.pk, ""))
        for case in evidence.cases(
            items=items,
            report=report,
            version=health.version_of(report),
            named="member.read" in request.permissions,
            shown=len(items),
        )
    ]
    return render(
        request,
        "annotation/issue.html",
        {
            "reversals": appealing.reversals(project_id=request.project.pk, by="clause", clause=row.clause),
            "spec": found,
            "issue": row,
            "cases": shown,
            "refusal": refusal,
            "overdue": _overdue(row),
            "incidents": investigating.incidents(spec=found).get(row.clause_id),
            "sessions": row.sessions.order_by("-pk")[:20],
            "session_open": row.sessions.filter(state__in=OPEN_SESSIONS).exists(),
            "people": people.order_by("user__username")[: settings.SESSION_SEATS * 10],
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


def _unmeasured(issue: ClauseIssue) -> AgreementReport:
    """What cases are read by before anything was measured: the newest version and the question that the clause governs."""
    version = aligning.version_of(issue)
    question = aligning.question_of(issue, version)["key"]
    return AgreementReport(spec=issue.clause.spec, meaning=version.meaning, question=question)


def _issue(request: MemberRequest, spec: str, number: int) -> ClauseIssue:
    rows = ClauseIssue.objects.select_related("clause__spec", "owner__user", "closed_by_version", "follows")
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


@require_POST
@page(allows("spec.discuss"))
def hand_over(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """Name who answers for it, and the day it is due."""
    row = _issue(request, spec, issue)
    owner, due = request.POST.get("owner", ""), parse_date(request.POST.get("due") or "")
    member = get_or_404(Member, project=request.project, pk=owner) if owner else None
    due_at = timezone.make_aware(datetime.combine(due, time.max)) if due else None
    return _then(
        request,
        spec,
        row,
        lambda: investigating.hand_over(issue=row, owner=member, due_at=due_at, by=request.member),
    )


@require_POST
@page(allows("spec.discuss"))
def park(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """Lay it aside, or take it up again."""
    row = _issue(request, spec, issue)
    parked = request.POST.get("then") == "park"
    return _then(request, spec, row, lambda: investigating.park(issue=row, parked=parked, by=request.member))


@require_POST
@page(allows("spec.discuss"))
def gather(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """Add the cases that came since."""
    row = _issue(request, spec, issue)
    return _then(request, spec, row, lambda: investigating.gather(issue=row))


def _then(request: MemberRequest, spec: str, row: ClauseIssue, step: Callable[[], object]) -> HttpResponse:
    try:
        step()
    except Refusal as refusal:
        return _render(request, spec, row.pk, refusal)
    return redirect("annotation:issue", project=request.project.key, spec=spec, issue=row.pk)
