"""The editor: a draft clause by clause, its questions, and its publication."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs import drafting, publishing, task_types
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms import specs as forms
from specs.models import ChangeClass, DraftClause, Spec, SpecVersion
from specs.refusals import Invalid, Refusal, Stale
from specs.views.specs import crumbs, spec_of


def _draft(request: MemberRequest, spec: Spec) -> SpecVersion:
    return get_or_404(
        SpecVersion.objects.draft().select_related("based_on", "spec"), project=request.project, spec=spec
    )


def _clause(request: MemberRequest, draft: SpecVersion, key: str) -> DraftClause:
    rows = DraftClause.objects.select_related("clause", "version")
    return get_or_404(rows, project=request.project, version=draft, clause__key=key)


def _editor(request: MemberRequest, spec: Spec, **more: Any) -> HttpResponse:
    draft = _draft(request, spec)
    return render(
        request,
        "specs/draft.html",
        {
            "spec": spec,
            "draft": draft,
            "crumbs": crumbs(request, spec),
            "clauses": DraftClause.objects.filter(version=draft)
            .select_related("clause")
            .order_by("position"),
            "problems": publishing.problems(draft),
            "difference": publishing.compare(draft.based_on, draft) if draft.based_on else None,
            **more,
        },
        status=422 if more else 200,
    )


@require_GET
@page(allows("spec.edit"))
def draft(request: MemberRequest, spec: str) -> HttpResponse:
    return _editor(request, spec_of(request, spec))


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
    drafting.discard_draft(draft=_draft(request, found), by=request.member)
    messages.success(request, _("The draft is gone. Published versions are as they were."))
    return redirect("specs:spec", project=request.project.key, spec=found.key)


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def questions(request: MemberRequest, spec: str) -> HttpResponse:
    """What is asked; a newer edit by somebody else is shown beside one's own, and nothing is lost."""
    found = spec_of(request, spec)
    version = _draft(request, found)
    shown, revision, theirs = version.questions, version.revision, None
    refusal: Refusal | None = None
    if request.method == "POST":
        shown = forms.questions_of(request.POST)
        seen = request.POST.get("revision", "")
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        try:
            drafting.set_questions(draft=version, questions=shown, revision=revision, by=request.member)
        except Stale as stale:
            refusal, theirs, revision = stale, stale.details["questions"], stale.details["revision"]
        except Invalid as invalid:
            refusal = invalid
        else:
            messages.success(request, _("The questions are kept."))
            return redirect("specs:draft", project=request.project.key, spec=found.key)
    blank_labels: list[dict[str, str]] = [{}] * forms.BLANK_LABELS
    rows = [{**question, "labels": [*question.get("labels", []), *blank_labels]} for question in shown]
    rows.append({"kind": "choice", "required": True, "labels": [{}] * 4})
    return render(
        request,
        "specs/questions.html",
        {
            "spec": found,
            "rows": rows,
            "revision": revision,
            "refusal": refusal,
            "theirs": theirs,
            "kinds": [(kind, task_types.get(kind).name) for kind in task_types.kinds()],
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=(refusal.status if refusal else 200),
    )


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def clause(request: MemberRequest, spec: str, clause: str = "") -> HttpResponse:
    """Add a clause, or reword one; a newer wording by somebody else is shown beside one's own."""
    found = spec_of(request, spec)
    version = _draft(request, found)
    row = _clause(request, version, clause) if clause else None
    words: dict[str, Any] = (
        {"title": row.title, "section": row.section, "blocks": row.blocks, "governs": row.governs}
        if row
        else {"title": "", "section": "", "blocks": [], "governs": []}
    )
    key, revision, theirs = clause, row.revision if row else 0, None
    refusal: Refusal | None = None
    if request.method == "POST":
        words = forms.clause_of(request.POST)
        key = clause or request.POST.get("key", "").strip()
        seen = request.POST.get("revision", "")
        revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        try:
            if row is None:
                drafting.add_clause(draft=version, key=key, by=request.member, **words)
            else:
                drafting.reword_clause(clause=row, revision=revision, by=request.member, **words)
        except Stale as stale:
            refusal, theirs, revision = stale, stale.details, stale.details["revision"]
        except Invalid as invalid:
            refusal = invalid
        else:
            messages.success(request, _("The clause is kept."))
            return redirect("specs:draft", project=request.project.key, spec=found.key)
    governed = {entry["question"]: entry for entry in words["governs"]}
    return render(
        request,
        "specs/clause_form.html",
        {
            "spec": found,
            "row": row,
            "key": key,
            "words": words,
            "revision": revision,
            "refusal": refusal,
            "theirs": theirs,
            "blocks": forms.block_rows(words["blocks"]),
            "types": forms.BLOCK_CHOICES,
            "questions": [
                (question, governed.get(question["key"]), _pairs(question)) for question in version.questions
            ],
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=(refusal.status if refusal else 200),
    )


def _pairs(question: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of labels that a clause can tell apart: `("a|b", "A / B")`, for questions with few labels."""
    labels = question.get("labels") or []
    if len(labels) > 6:
        return []
    return [
        (
            "|".join(sorted((a["value"], b["value"]))),
            f"{a.get('title') or a['value']} / {b.get('title') or b['value']}",
        )
        for place, a in enumerate(labels)
        for b in labels[place + 1 :]
    ]


@require_POST
@page(allows("spec.edit"))
def move(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    found = spec_of(request, spec)
    row = _clause(request, _draft(request, found), clause)
    drafting.move_clause(
        clause=row, to=row.position + (-1 if request.POST.get("to") == "up" else 1), by=request.member
    )
    return redirect(f"/p/{request.project.key}/specs/{found.key}/draft/#clause-{clause}")


@require_POST
@page(allows("spec.edit"))
def withdraw(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    found = spec_of(request, spec)
    drafting.withdraw_clause(clause=_clause(request, _draft(request, found), clause), by=request.member)
    messages.success(request, _("The clause is left out of this draft. Published versions keep it."))
    return redirect("specs:draft", project=request.project.key, spec=found.key)


@require_http_methods(["GET", "POST"])
@page(allows("spec.publish"))
def publish(request: MemberRequest, spec: str) -> HttpResponse:
    """What stands in the way, what changed and its class; then the publication."""
    found = spec_of(request, spec)
    version = _draft(request, found)
    form = forms.PublishForm(request.POST or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            published = publishing.publish(
                draft=version,
                claimed=ChangeClass(data["claimed"]) if data["claimed"] else None,
                notes=data["notes"],
                rationale=data["rationale"],
                by=request.member,
            )
        except Invalid as invalid:
            refusal = invalid
        else:
            messages.success(request, _("%(number)s is published.") % {"number": published.number})
            return redirect("specs:spec", project=request.project.key, spec=found.key)
    return render(
        request,
        "specs/publish.html",
        {
            "spec": found,
            "draft": version,
            "form": form,
            "refusal": refusal,
            "problems": publishing.problems(version),
            "difference": publishing.compare(version.based_on, version) if version.based_on else None,
            "crumbs": [
                *crumbs(request, found),
                (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
            ],
        },
        status=422 if form.errors or refusal else 200,
    )
