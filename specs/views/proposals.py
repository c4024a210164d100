"""A draft on its way to publication: propose, approve or ask for changes, and what people say about it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from specs import contents, proposing
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms.specs import PublishForm
from specs.models import ChangeClass, Clause, Comment, Proposal, Spec
from specs.refusals import Invalid, WrongState
from specs.views.drafts import draft_of
from specs.views.specs import crumbs, spec_of


def _open(request: MemberRequest, spec: Spec) -> Proposal:
    proposal = proposing.open_proposal(spec)
    if proposal is None:
        raise Http404
    return proposal


@require_http_methods(["GET", "POST"])
@page(allows("spec.discuss"))
def proposal(request: MemberRequest, spec: str) -> HttpResponse:
    """The open proposal with its verdicts and comments; or the form that makes one."""
    found = spec_of(request, spec)
    draft = draft_of(request, found)
    opened = proposing.open_proposal(found)
    form = PublishForm(request.POST or None)
    refusal = None
    if request.method == "POST":
        if "spec.propose" not in request.permissions:
            raise Http404
        if opened is None and form.is_valid():
            data = form.cleaned_data
            try:
                proposing.propose(
                    draft=draft,
                    notes=data["notes"],
                    rationale=data["rationale"],
                    claimed=ChangeClass(data["claimed"]) if data["claimed"] else None,
                    by=request.member,
                )
            except (Invalid, WrongState) as error:
                refusal = error
            else:
                messages.success(request, _("Proposed. Whoever may approve sees it on this page."))
                return redirect("specs:proposal", project=request.project.key, spec=found.key)
    digest = contents.digest_of(draft)
    verdicts = proposing.verdicts(opened) if opened else []
    comments = Comment.objects.filter(spec=found).select_related("by__user", "clause").order_by("-pk")
    return render(
        request,
        "specs/proposal.html",
        {
            "spec": found,
            "draft": draft,
            "proposal": opened,
            "verdicts": [(verdict, verdict.digest == digest) for verdict in verdicts],
            "n_approvals": proposing.n_approvals(verdicts, digest=digest),
            "form": form,
            "refusal": refusal,
            "difference": contents.compare(draft.based_on, draft) if draft.based_on else None,
            "comments": comments[:200],
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=422 if form.errors or refusal else 200,
    )


@require_POST
@page(allows("spec.approve"))
def verdict(request: MemberRequest, spec: str) -> HttpResponse:
    """Approve, or ask for changes."""
    found = spec_of(request, spec)
    opened, note = _open(request, found), request.POST.get("note", "")
    if request.POST.get("verdict") == "approved":
        proposing.approve(proposal=opened, note=note, by=request.member)
        messages.success(request, _("Approved, as the draft stands now."))
    else:
        proposing.decline(proposal=opened, note=note, by=request.member)
    return redirect("specs:proposal", project=request.project.key, spec=found.key)


@require_POST
@page(allows("spec.propose"))
def withdraw(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    proposing.withdraw(proposal=_open(request, found), by=request.member)
    return redirect("specs:proposal", project=request.project.key, spec=found.key)


@require_POST
@page(allows("spec.discuss"))
def comment(request: MemberRequest, spec: str) -> HttpResponse:
    """Say something about the draft, or about one clause of it."""
    found = spec_of(request, spec)
    key = request.POST.get("clause", "")
    clause = get_or_404(Clause, project=request.project, spec=found, key=key) if key else None
    proposing.comment(spec=found, clause=clause, text=request.POST.get("text", ""), by=request.member)
    return _comments(request, found, clause)


@require_POST
@page(allows("spec.discuss"))
def resolve(request: MemberRequest, spec: str, comment: int) -> HttpResponse:
    """Mark a comment as dealt with, or open it again."""
    found = spec_of(request, spec)
    row = get_or_404(
        Comment.objects.select_related("clause"), project=request.project, spec=found, pk=comment
    )
    if row.resolved_at is None:
        proposing.resolve_comment(comment=row, by=request.member)
    else:
        proposing.reopen_comment(comment=row, by=request.member)
    return _comments(request, found, row.clause)


def _comments(request: MemberRequest, spec: Spec, clause: Clause | None) -> HttpResponse:
    """The comments on one clause for htmx, else the page they stand on."""
    if not request.headers.get("HX-Request"):
        if "spec.edit" in request.permissions:
            return redirect(
                f"/p/{request.project.key}/specs/{spec.key}/draft/#clause-{clause.key if clause else ''}"
            )
        return redirect("specs:proposal", project=request.project.key, spec=spec.key)
    rows = Comment.objects.filter(spec=spec, clause=clause).select_related("by__user").order_by("pk")
    return render(
        request,
        "specs/comments.html",
        {
            "spec": spec,
            "clause_key": clause.key if clause else "",
            "comments": rows,
            "n_open": sum(row.resolved_at is None for row in rows),
            "opened": True,
        },
    )
