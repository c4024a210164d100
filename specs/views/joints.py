"""The joints of a draft, in place in its outline: a clause is split, another one is taken in. Pages of their own without script.

Each form says what its author saw. If somebody reworded that meanwhile, nothing is done: she is shown both texts, and what she
chose and typed is kept (409).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from specs import canonical, merging, restructuring, schema
from specs.access import MemberRequest, allows, page
from specs.clauses import BLOCK_TYPES
from specs.models import DraftClause, Spec
from specs.refusals import Invalid, Refusal, Stale
from specs.views.clauses import clause_of, in_slot, number_of, words_of
from specs.views.drafts import draft_of, outline, outline_of
from specs.views.specs import crumbs, spec_of


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def split(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Choose the blocks that make a clause of their own."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    if request.method == "GET":
        return _form(request, "split", found, row, {})
    chosen = [int(place) for place in request.POST.getlist("block") if place.isdigit()]
    key, title = (request.POST.get(name, "").strip() for name in ("key", "title"))
    typed: dict[str, Any] = {"chosen": chosen, "key": key, "title": title}
    try:
        made = restructuring.split_clause(
            clause=row,
            key=key,
            title=title,
            blocks=chosen,
            revision=number_of(request.POST.get("revision")),
            by=request.member,
        )
    except Stale as stale:
        row, seen = clause_of(request, version, clause), _seen(request, "seen")
        picked = [seen["blocks"][place - 1] for place in chosen if 0 < place <= len(seen["blocks"])]
        typed["chosen"] = [place for place, block in enumerate(row.blocks, 1) if block in picked]
        sides = [(row, merging.sides(seen, words_of(row)))]
        return _form(request, "split", found, row, typed, refusal=stale, changes=sides)
    except Refusal as refusal:
        return _form(request, "split", found, row, typed, refusal=refusal)
    said = _("Two clauses now; %(title)s knows what it was split from.") % {"title": made.title or key}
    return outline(request, found, said=said, focus=made.clause.key)


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def merge(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """Take another clause into this one. Both are shown as they stand before they become one."""
    found = spec_of(request, spec)
    version = draft_of(request, found)
    row = clause_of(request, version, clause)
    entries = outline_of(version)
    others = [entry for entry in entries if entry["row"].pk != row.pk]
    context: dict[str, Any] = {"others": others}
    if request.method == "GET":
        if key := request.GET.get("other", ""):
            context["other"] = clause_of(request, version, key)
        elif others:
            context["other"] = others[min(row.position, len(entries) - 1) - 1]["row"]
        context["preview"] = bool(key)
        return _form(request, "merge", found, row, context)
    context["other"] = other = clause_of(request, version, request.POST.get("other", ""))
    try:
        restructuring.merge_clauses(
            into=row,
            other=other,
            revision=number_of(request.POST.get("revision")),
            other_revision=number_of(request.POST.get("other_revision")),
            by=request.member,
        )
    except Stale as stale:
        row, context["other"] = (
            clause_of(request, version, clause),
            clause_of(request, version, other.clause.key),
        )
        seen = ((row, _seen(request, "seen")), (context["other"], _seen(request, "other_seen")))
        sides = [
            (now, found_sides)
            for now, before in seen
            if (found_sides := merging.sides(before, words_of(now)))
        ]
        return _form(request, "merge", found, row, context, refusal=stale, changes=sides)
    except Refusal as refusal:
        return _form(request, "merge", found, row, context, refusal=refusal)
    said = _("One clause now. Tidy its blocks: both texts are in it.")
    if not request.headers.get("HX-Request"):
        return redirect("specs:clause", project=request.project.key, spec=found.key, clause=clause)
    return outline(request, found, said=said, focus=clause)


def _form(
    request: MemberRequest,
    what: str,
    spec: Spec,
    row: DraftClause,
    context: dict[str, Any],
    *,
    refusal: Refusal | None = None,
    changes: list[tuple[DraftClause, list[merging.Side]]] | None = None,
) -> HttpResponse:
    """The form in its slot of the outline for htmx, else a page of its own; a refusal stands in it."""
    in_place = bool(request.headers.get("HX-Request"))
    context = {
        "spec": spec,
        "row": row,
        "seen": canonical.dumps(words_of(row)).decode(),
        "refusal": refusal,
        "changes": changes,
        "in_place": in_place,
        "titles": schema.titles(row.version.questions),
        "blocks": [(_(BLOCK_TYPES[block["type"]]), block) for block in row.blocks],
        "crumbs": [*crumbs(request, spec), (_("Draft"), f"/p/{request.project.key}/specs/{spec.key}/draft/")],
        **context,
    }
    if other := context.get("other"):
        context["other_seen"] = canonical.dumps(words_of(other)).decode()
    template = f"specs/clause_{what}{'_form' if in_place else ''}.html"
    if in_place and context.get("preview"):
        template = "specs/clause_merge_preview.html"
    response = render(request, template, context, status=refusal.status if refusal else 200)
    return in_slot(response) if refusal else response


def _seen(request: MemberRequest, name: str) -> dict[str, Any]:
    """The clause as it stood when the form was shown; comes back with it, to be set beside what stands there now."""
    try:
        seen = canonical.loads_strict(request.POST.get(name, ""))
    except canonical.NotCanonical as error:
        raise Invalid(_("What you saw did not arrive whole.")) from error
    if not isinstance(seen, dict) or not all(
        isinstance(block, dict) and "type" in block for block in seen.setdefault("blocks", [])
    ):
        raise Invalid(_("What you saw did not arrive whole."))
    return seen
