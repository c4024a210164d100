"""One clause of a draft: write, reorder, split, merge, withdraw. Autosaved; two editors never overwrite each other."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from specs import canonical, drafting, merging, restructuring, schema
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms import specs as forms
from specs.models import DraftClause, Spec, SpecVersion
from specs.refusals import Invalid, Refusal, Stale
from specs.views.drafts import draft_of, outline, outline_of
from specs.views.specs import crumbs, spec_of


def clause_of(request: MemberRequest, draft: SpecVersion, key: str) -> DraftClause:
    rows = DraftClause.objects.select_related("clause", "version", "edited_by__user")
    return get_or_404(rows, project=request.project, version=draft, clause__key=key)


def _words(row: DraftClause | None) -> dict[str, Any]:
    if row is None:
        return {"title": "", "section": "", "blocks": [], "governs": []}
    return {"title": row.title, "section": row.section, "blocks": row.blocks, "governs": row.governs}


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def clause(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Reword a clause. Kept as one types; a newer wording by somebody else is shown beside one's own, with a choice."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    if request.method == "GET":
        if request.GET.get("add", "").isdigit():
            return _one_more_block(request, int(request.GET["add"]))
        if request.GET.get("done"):
            return _shown(request, found, version, clause)
        return _form(request, found, version, row, _words(row), row.revision)
    words, revision = _posted(request), _number(request.POST.get("revision"))
    try:
        kept = drafting.reword_clause(clause=row, revision=revision, by=request.member, **words)
    except Stale as stale:
        return _conflict(request, found, version, row, words, stale)
    except Refusal as refusal:
        if request.POST.get("autosave"):
            return _state(request, row.revision, refusal=refusal)
        return _form(request, found, version, row, words, revision, refusal=refusal)
    if request.POST.get("autosave"):
        return _state(request, kept.revision)
    if request.POST.get("raise"):
        return _form(request, found, version, kept, _words(kept), kept.revision)
    if request.headers.get("HX-Request"):
        return _shown(request, found, version, clause)
    messages.success(request, _("The clause is kept."))
    return redirect(f"/p/{request.project.key}/specs/{found.key}/draft/#clause-{clause}")


def _posted(request: MemberRequest) -> dict[str, Any]:
    """What was written; or, after a conflict, what was chosen out of both texts."""
    if not request.POST.get("merge"):
        return forms.clause_of(request.POST)
    try:
        mine, theirs = (
            canonical.loads_strict(request.POST.get(name, "")) for name in ("merge.mine", "merge.theirs")
        )
    except canonical.NotCanonical as error:
        raise Invalid("The two texts did not arrive whole.") from error
    choices = {
        name.removeprefix("take."): str(value)
        for name, value in request.POST.items()
        if name.startswith("take.")
    }
    return merging.merged(mine, theirs, choices)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0


def _form(
    request: MemberRequest,
    spec: Spec,
    draft: SpecVersion,
    row: DraftClause | None,
    words: dict[str, Any],
    revision: int,
    *,
    refusal: Refusal | None = None,
    **more: Any,
) -> HttpResponse:
    governed = {entry["question"]: entry for entry in words["governs"]}
    swapped = bool(request.headers.get("HX-Request")) and row is not None
    context = {
        "spec": spec,
        "row": row,
        "key": row.clause.key if row else request.POST.get("key", ""),
        "words": words,
        "revision": revision,
        "refusal": refusal,
        "blocks": words["blocks"] or [{"type": "definition"}],
        "blanks": [{"type": "example"}, {"type": "counter_example"}],
        "types": forms.BLOCK_CHOICES,
        "sections": sorted({entry["section"] for entry in outline_of(draft) if entry["section"]}),
        "questions": [
            (question, governed.get(question["key"]), _pairs(question)) for question in draft.questions
        ],
        "crumbs": [
            *crumbs(request, spec),
            (_("Draft"), f"/p/{request.project.key}/specs/{spec.key}/draft/"),
        ],
        **more,
    }
    template = "specs/clause_edit.html" if swapped else "specs/clause_form.html"
    return render(request, template, context, status=refusal.status if refusal else 200)


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


def _one_more_block(request: MemberRequest, place: int) -> HttpResponse:
    context = {"n": min(place, 10_000), "block": {"type": "example"}, "types": forms.BLOCK_CHOICES}
    return render(request, "specs/clause_block_added.html", context)


def _state(request: MemberRequest, revision: int, *, refusal: Refusal | None = None) -> HttpResponse:
    """After an autosave: the revision that is kept now, and a word."""
    return render(request, "specs/clause_kept.html", {"revision": revision, "refusal": refusal})


def _shown(request: MemberRequest, spec: Spec, draft: SpecVersion, key: str) -> HttpResponse:
    """One clause of the outline as it is read."""
    entry = next((one for one in outline_of(draft) if one["row"].clause.key == key), None)
    if entry is None:
        return outline(request, spec)
    return render(
        request,
        "specs/draft_clause.html",
        {"spec": spec, "draft": draft, "entry": entry, "titles": schema.titles(draft.questions)},
    )


def _conflict(
    request: MemberRequest,
    spec: Spec,
    draft: SpecVersion,
    row: DraftClause,
    words: dict[str, Any],
    stale: Stale,
) -> HttpResponse:
    """409: both texts, and a choice for each place where they differ. Nothing is lost on either side."""
    theirs = {name: stale.details[name] for name in ("title", "section", "blocks", "governs")}
    context = {
        "spec": spec,
        "row": row,
        "stale": stale,
        "revision": stale.details["revision"],
        "mine": canonical.dumps(words).decode(),
        "theirs": canonical.dumps(theirs).decode(),
        "sides": merging.sides(words, theirs),
    }
    if request.headers.get("HX-Request"):
        return render(request, "specs/clause_conflict.html", context, status=409)
    return _form(
        request, spec, draft, row, words, stale.details["revision"], refusal=stale, **{**context, "row": row}
    )


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def add(request: MemberRequest, spec: str) -> HttpResponse:
    """A new clause."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    if request.method == "GET":
        if request.GET.get("add", "").isdigit():
            return _one_more_block(request, int(request.GET["add"]))
        words = {**_words(None), "section": request.GET.get("section", "")[:200]}
        return _form(request, found, version, None, words, 0)
    words = forms.clause_of(request.POST)
    key = request.POST.get("key", "").strip()
    try:
        drafting.add_clause(draft=version, key=key, by=request.member, **words)
    except Invalid as refusal:
        return _form(request, found, version, None, words, 0, refusal=refusal)
    messages.success(request, _("The clause is kept."))
    return redirect(f"/p/{request.project.key}/specs/{found.key}/draft/#clause-{key}")


@require_POST
@page(allows("spec.edit"))
def move(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    found = spec_of(request, spec)
    restructuring.step_clause(
        clause=clause_of(request, draft_of(request, found), clause),
        to="up" if request.POST.get("to") == "up" else "down",
        by=request.member,
    )
    if not request.headers.get("HX-Request"):
        return redirect(f"/p/{request.project.key}/specs/{found.key}/draft/#clause-{clause}")
    return outline(request, found, moved=clause)


@require_POST
@page(allows("spec.edit"))
def withdraw(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    found = spec_of(request, spec)
    drafting.withdraw_clause(clause=clause_of(request, draft_of(request, found), clause), by=request.member)
    if not request.headers.get("HX-Request"):
        messages.success(request, _("The clause is left out of this draft. Published versions keep it."))
    return outline(request, found)


@require_POST
@page(allows("spec.edit"))
def confirm(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """What came out of a document has been looked at, and stays as it is."""
    found = spec_of(request, spec)
    drafting.confirm_clause(clause=clause_of(request, draft_of(request, found), clause), by=request.member)
    return outline(request, found)


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def split(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Choose the blocks that make a clause of their own."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            made = restructuring.split_clause(
                clause=row,
                key=request.POST.get("key", "").strip(),
                title=request.POST.get("title", "").strip(),
                blocks=[int(place) for place in request.POST.getlist("block") if place.isdigit()],
                revision=_number(request.POST.get("revision")),
                by=request.member,
            )
        except (Invalid, Stale) as error:
            refusal = error
        else:
            messages.success(request, _("Two clauses now; the new one knows what it was split from."))
            return redirect(f"/p/{request.project.key}/specs/{found.key}/draft/#clause-{made.clause.key}")
    context = {
        "spec": found,
        "row": row,
        "refusal": refusal,
        "chosen": request.POST.getlist("block"),
        "crumbs": [
            *crumbs(request, found),
            (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
        ],
    }
    return render(request, "specs/clause_split.html", context, status=refusal.status if refusal else 200)


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def merge(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Take another clause into this one."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    if request.method == "POST":
        other = clause_of(request, version, request.POST.get("other", ""))
        restructuring.merge_clauses(into=row, other=other, by=request.member)
        messages.success(request, _("One clause now. Tidy its blocks: both texts are in it."))
        return redirect("specs:clause", project=request.project.key, spec=found.key, clause=clause)
    context = {
        "spec": found,
        "row": row,
        "others": [entry for entry in outline_of(version) if entry["row"].pk != row.pk],
        "crumbs": [
            *crumbs(request, found),
            (_("Draft"), f"/p/{request.project.key}/specs/{found.key}/draft/"),
        ],
    }
    return render(request, "specs/clause_merge.html", context)
