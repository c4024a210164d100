"""One clause of a draft, in place in its outline: add, reword, move, confirm, withdraw. Autosaved; two editors never overwrite
each other. Each form is a page of its own without script."""

from __future__ import annotations

import zlib
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from specs import canonical, drafting, merging, restructuring, schema
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms import specs as forms
from specs.models import DraftClause, Spec, SpecVersion
from specs.refusals import Invalid, Refusal, Stale, WrongState
from specs.views.drafts import changed, draft_of, outline, outline_of
from specs.views.specs import crumbs, spec_of


def clause_of(request: MemberRequest, draft: SpecVersion, key: str) -> DraftClause:
    """The clause of the draft, or a 404; a page that still shows it is told that somebody withdrew it."""
    rows = DraftClause.objects.select_related("clause", "version", "edited_by__user")
    try:
        return get_or_404(rows, project=request.project, version=draft, clause__key=key)
    except Http404:
        if request.headers.get("HX-Request"):
            raise WrongState(_("This clause is not in the draft any more: somebody withdrew it.")) from None
        raise


def words_of(row: DraftClause | None) -> dict[str, Any]:
    if row is None:
        return {"title": "", "section": "", "blocks": [], "governs": []}
    return {"title": row.title, "section": row.section, "blocks": row.blocks, "governs": row.governs}


def number_of(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0


def in_slot(response: HttpResponse) -> HttpResponse:
    """A refusal, shown in the slot of the outline that the form stands in."""
    response["HX-Retarget"], response["HX-Reswap"] = "closest .slot", "innerHTML"
    return response


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def clause(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Reword a clause. Kept as one types; a newer wording by somebody else is shown beside one's own, with a choice."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    if request.method == "GET":
        if request.GET.get("add", "").isdigit():
            return _one_more_block(request, int(request.GET["add"]), str(row.pk))
        if request.GET.get("done"):
            return shown(request, found, version, clause)
        return _form(request, found, version, row, words_of(row), row.revision)
    words, revision = _posted(request), number_of(request.POST.get("revision"))
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
        raised = number_of(request.POST.get("raise")) - 1
        return _form(request, found, version, kept, words_of(kept), kept.revision, focus_block=raised)
    if request.headers.get("HX-Request") and not request.POST.get("merge"):
        return changed(shown(request, found, version, clause), _("The clause is kept."))
    return outline(request, found, said=_("The clause is kept."), focus=clause)


def _posted(request: MemberRequest) -> dict[str, Any]:
    """What was written; or, after a conflict, what was chosen out of both texts."""
    if not request.POST.get("merge"):
        return forms.clause_of(request.POST)
    try:
        mine, theirs = (
            canonical.loads_strict(request.POST.get(name, "")) for name in ("merge.mine", "merge.theirs")
        )
    except canonical.NotCanonical as error:
        raise Invalid(_("The two texts did not arrive whole.")) from error
    choices = {
        name.removeprefix("take."): str(value)
        for name, value in request.POST.items()
        if name.startswith("take.")
    }
    return merging.merged(mine, theirs, choices)


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
    in_place = bool(request.headers.get("HX-Request"))
    context = {
        "spec": spec,
        "row": row,
        "focus_block": None,
        "uid": row.pk if row else _uid(words["section"]),
        "in_place": in_place,
        "key": row.clause.key if row else request.POST.get("key", ""),
        "words": words,
        "revision": revision,
        "refusal": refusal,
        "titles": schema.titles(draft.questions),
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
    template = "specs/clause_edit.html" if in_place else "specs/clause_form.html"
    response = render(request, template, context, status=refusal.status if refusal else 200)
    return in_slot(response) if refusal else response


def _uid(section: str) -> str:
    """Names the fields of a new clause's form: several may be open in one outline."""
    return f"new{zlib.crc32(section.encode())}"


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


def _one_more_block(request: MemberRequest, place: int, uid: str) -> HttpResponse:
    context = {
        "n": min(place, 10_000),
        "uid": uid,
        "action": request.path,
        "block": {"type": "example"},
        "types": forms.BLOCK_CHOICES,
    }
    return render(request, "specs/clause_block_added.html", context)


def _state(request: MemberRequest, revision: int, *, refusal: Refusal | None = None) -> HttpResponse:
    """After an autosave: the revision that is kept now, and a word."""
    return render(request, "specs/clause_kept.html", {"revision": revision, "refusal": refusal})


def shown(
    request: MemberRequest, spec: Spec, draft: SpecVersion, key: str, *, refusal: Refusal | None = None
) -> HttpResponse:
    """One clause of the outline as it is read, with the focus on it."""
    entry = next((one for one in outline_of(draft) if one["row"].clause.key == key), None)
    if entry is None:
        return outline(request, spec)
    return render(
        request,
        "specs/draft_clause.html",
        {
            "spec": spec,
            "draft": draft,
            "entry": entry,
            "titles": schema.titles(draft.questions),
            "focus": key,
            "refusal": refusal,
        },
        status=refusal.status if refusal else 200,
    )


def _conflict(
    request: MemberRequest,
    spec: Spec,
    draft: SpecVersion,
    row: DraftClause,
    words: dict[str, Any],
    stale: Stale | drafting.KeyTaken,
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
        "titles": schema.titles(draft.questions),
    }
    if request.headers.get("HX-Request"):
        return in_slot(render(request, "specs/clause_conflict.html", context, status=409))
    return _form(
        request, spec, draft, row, words, stale.details["revision"], refusal=stale, **{**context, "row": row}
    )


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def add(request: MemberRequest, spec: str) -> HttpResponse:
    """A new clause, in a section or with one of its own. Under a key that is taken: both texts, and how to join them."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    section = request.GET.get("section", "")[:200]
    if request.method == "GET":
        if request.GET.get("add", "").isdigit():
            return _one_more_block(request, int(request.GET["add"]), request.GET.get("uid", "new")[:20])
        if request.GET.get("done"):
            context = {"spec": found, "section": section, "focus_new": True}
            return render(request, "specs/clause_new.html", context)
        words = {**words_of(None), "section": section}
        return _form(request, found, version, None, words, 0, new_section="new-section" in request.GET)
    words = forms.clause_of(request.POST)
    key = request.POST.get("key", "").strip()
    try:
        drafting.add_clause(draft=version, key=key, by=request.member, **words)
    except drafting.KeyTaken as taken:
        if request.POST.get("join"):
            row = clause_of(request, version, key)
            return _conflict(request, found, version, row, {**words, "section": row.section}, taken)
        return _form(request, found, version, None, words, 0, refusal=taken, there=taken.details)
    except Refusal as refusal:
        return _form(request, found, version, None, words, 0, refusal=refusal)
    said = _("Added: %(title)s.") % {"title": words["title"] or key}
    return outline(request, found, said=said, focus=key)


@require_POST
@page(allows("spec.edit"))
def move(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    found = spec_of(request, spec)
    version = draft_of(request, found)
    restructuring.step_clause(
        clause=clause_of(request, version, clause),
        to="up" if request.POST.get("to") == "up" else "down",
        by=request.member,
    )
    return outline(request, found, said=_("Moved."), focus=f"{clause} {request.POST.get('to')}")


@require_POST
@page(allows("spec.edit"))
def withdraw(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Leave a clause out. Words that somebody wrote meanwhile are shown first, not withdrawn unread."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row, seen = clause_of(request, version, clause), request.POST.get("revision")
    try:
        drafting.withdraw_clause(clause=row, revision=number_of(seen) if seen else None, by=request.member)
    except Stale as stale:
        if request.headers.get("HX-Request"):
            return in_slot(shown(request, found, version, clause, refusal=stale))
        raise
    return outline(
        request, found, said=_("The clause is left out of this draft. Published versions keep it.")
    )


@require_POST
@page(allows("spec.edit"))
def confirm(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """What came out of a document has been looked at, and stays as it is."""
    found = spec_of(request, spec)
    drafting.confirm_clause(clause=clause_of(request, draft_of(request, found), clause), by=request.member)
    return outline(request, found, said=_("The clause is kept."), focus=clause)
