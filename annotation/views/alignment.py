"""Alignment sessions: the cases of an issue read blindly by several people, talked about, and decided into the draft."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import aligning, presenting, rules
from annotation.models import AlignmentSession, ClauseIssue, SessionState
from annotation.views.health import spec_of
from specs.access import MemberRequest, allows, get_or_404, page, require
from specs.models import Member, MemberState
from specs.refusals import Refusal
from specs.views.specs import crumbs


@require_POST
@page(allows("spec.discuss"))
def convene(request: MemberRequest, spec: str, issue: int) -> HttpResponse:
    """Ask the ticked people to a session on an issue."""
    found = spec_of(request, spec)
    row = get_or_404(
        ClauseIssue.objects.select_related("clause"), project=request.project, clause__spec=found, pk=issue
    )
    wanted = [number for number in request.POST.getlist("member") if number.isdigit()]
    members = Member.objects.filter(project=request.project, state=MemberState.ACTIVE, pk__in=wanted)
    try:
        made = aligning.convene(issue=row, members=list(members), by=request.member)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
        return redirect("annotation:issue", project=request.project.key, spec=spec, issue=issue)
    return redirect("annotation:alignment", project=request.project.key, spec=spec, session=made.pk)


@require_GET
@page(allows("spec.read"))
def alignment(request: MemberRequest, spec: str, session: int) -> HttpResponse:
    """A session as it stands: one's own votes, then everybody's, then the decision record."""
    return _render(request, spec, _session(request, spec, session))


@require_POST
@page(allows("spec.read"))
def step(request: MemberRequest, spec: str, session: int, step: str) -> HttpResponse:
    """Vote on the cases, reveal, say something, decide, or call it off."""
    row = _session(request, spec, session)
    if step not in _STEPS:
        raise Http404
    try:
        _STEPS[step](row, request)
    except Refusal as refusal:
        return _render(request, spec, row, refusal)
    return redirect("annotation:alignment", project=request.project.key, spec=spec, session=session)


def _vote(row: AlignmentSession, request: HttpRequest) -> None:
    member: Member = request.member  # type: ignore[attr-defined]
    for case in row.issue.cases.all():
        if reading := request.POST.get(f"reading-{case.pk}"):
            note = request.POST.get(f"note-{case.pk}", "")
            aligning.vote(session=row, case=case, reading=reading, note=note, by=member)


def _decide(row: AlignmentSession, request: HttpRequest) -> None:
    post = request.POST
    require(request.member, "spec.edit")  # type: ignore[attr-defined]
    outcomes = [
        aligning.Outcome(
            case.pk,
            post[f"reading-{case.pk}"],
            post.get(f"use-{case.pk}", ""),
            post.get(f"why-{case.pk}", ""),
        )
        for case in row.issue.cases.order_by("pk")
        if post.get(f"reading-{case.pk}")
    ]
    aligning.decide(
        session=row,
        asked=post.get("asked", ""),
        decision=post.get("decision", ""),
        rule=post.get("rule", ""),
        outcomes=outcomes,
        by=request.member,  # type: ignore[attr-defined]
    )


_STEPS: dict[str, Any] = {
    "vote": _vote,
    "reveal": lambda row, request: aligning.reveal(session=row, by=request.member),
    "say": lambda row, request: aligning.remark(
        session=row, text=request.POST.get("text", ""), by=request.member
    ),
    "decide": _decide,
    "call-off": lambda row, request: aligning.call_off(session=row, by=request.member),
}


def _session(request: MemberRequest, spec: str, number: int) -> AlignmentSession:
    """A session that the reader was asked to, or may see because she sees disputes."""
    rows = AlignmentSession.objects.select_related("issue__clause__spec", "convened_by__user", "draft")
    found = get_or_404(rows, project=request.project, issue__clause__spec__key=spec, pk=number)
    if "dispute.read" not in request.permissions and not found.seats.filter(member=request.member).exists():
        raise Http404
    return found


def _render(
    request: MemberRequest, spec: str, row: AlignmentSession, refusal: Refusal | None = None
) -> HttpResponse:
    found = spec_of(request, spec)
    version = aligning.version_of(row.issue)
    question = version.question(row.question)
    clause = next((one for one in version.clauses if one.id == row.issue.clause_id), None)
    blind = row.state == SessionState.VOTING
    votes = row.votes.select_related("member__user").order_by("member")
    tally, decided = aligning.tally(row), {one["case"]: one for one in row.outcomes}
    cases = []
    for case in row.issue.cases.select_related("task__item").order_by("pk"):
        item = case.task.item
        mine = next(
            (one for one in votes if one.case_id == case.pk and one.member_id == request.member.pk), None
        )
        counts = tally.get(case.pk) or Counter[str]()
        cases.append(
            {
                "case": case,
                "item": item,
                "fields": presenting.fields(item.payload, declared=request.project.item_fields),
                "readings": [
                    {
                        "one": one,
                        "n": counts.get(one.key, 0),
                        "first": counts and counts.get(one.key) == max(counts.values()),
                    }
                    for one in aligning.readings(case, version, question)
                ],
                "mine": rules.key_of(mine.value) if mine else "",
                "note": mine.note if mine else "",
                "notes": [] if blind else [one for one in votes if one.case_id == case.pk and one.note],
                "split": len(counts) > 1,
                "decided": decided.get(case.pk),
            }
        )
    voted = {one.member_id for one in votes}
    return render(
        request,
        "annotation/alignment.html",
        {
            "spec": found,
            "session": row,
            "question": question,
            "clause": clause,
            "definition": "\n\n".join(b["text"] for b in clause.blocks if b["type"] == "definition")
            if clause
            else "",
            "cases": cases,
            "seats": [
                (seat.member, seat.member_id in voted)
                for seat in row.seats.select_related("member__user").order_by("pk")
            ],
            "seated": row.seats.filter(member=request.member).exists(),
            "remarks": row.remarks.select_related("member__user").order_by("pk")[:500],
            "refusal": refusal,
            "given": request.POST if refusal else {},
            "crumbs": [
                *crumbs(request, found),
                (_("Clause issues"), f"/p/{request.project.key}/specs/{found.key}/issues/"),
            ],
        },
        status=refusal.status if refusal else 200,
    )
