"""A version as a document: contents, search, what changed, precedents, questions and answers; printable, no script needed."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from annotation import appealing, asking, comparing
from annotation.models import Inquiry
from specs import contents, precedents, schema, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause, SpecVersion, VersionState
from specs.views.specs import crumbs, spec_of, version_of


@require_GET
@page(allows("spec.read"))
def read(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """The whole version; `?q=` keeps the clauses that say it, `#clause-<key>` leads to one."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    if version.state == VersionState.DRAFT:
        return redirect("specs:draft", project=request.project.key, spec=found.key)
    whole = versions.read(version.pk)
    marks = _marks(version)
    query = request.GET.get("q", "").strip()[:200]
    entries = [
        {"clause": clause, "mark": marks.get(clause.key, "")}
        for clause in whole.clauses
        if not query or query.casefold() in _said(clause)
    ]
    return render(
        request,
        "annotation/read.html",
        {
            "spec": found,
            "version": version,
            "whole": whole,
            "titles": schema.titles(whole.questions),
            "entries": _with_heard(request, entries, found.pk, version.pk),
            "query": query,
            "newest": SpecVersion.objects.published().filter(spec=found).newest_first().first(),
            "crumbs": crumbs(request, found),
        },
    )


def _marks(version: SpecVersion) -> dict[str, str]:
    """A word for each clause that this version changed."""
    if version.based_on is None:
        return {}
    words = {
        "added": _("new"),
        "reworded": _("reworded"),
        "moved": _("moved"),
        "split": _("split off"),
        "merged": _("merged"),
    }
    difference = contents.compare(version.based_on, version)
    return {change.key: words.get(change.kind, "") for change in difference.clauses}


def _said(clause: versions.ReadClause) -> str:
    parts = [clause.key, clause.title, clause.section]
    parts += [
        str(block.get(name, "")) for block in clause.blocks for name in ("text", "item", "value", "why")
    ]
    return "\n".join(parts).casefold()


def _with_heard(
    request: MemberRequest, entries: list[dict[str, Any]], spec_id: int, version_id: int
) -> list[dict[str, Any]]:
    """Each clause with its precedents, answered questions and counts: three queries, however many clauses."""
    beside = precedents.current(version_id)
    inquiries: dict[int, list[Inquiry]] = {}
    for inquiry in (
        asking.visible_to(request.member)
        .filter(clause__spec=spec_id, answered_at__isnull=False)
        .order_by("pk")
    ):
        inquiries.setdefault(inquiry.clause_id, []).append(inquiry)
    heard = asking.heard(spec_id=spec_id)
    return [
        {
            **entry,
            "precedents": beside.get(entry["clause"].key, []),
            "inquiries": inquiries.get(entry["clause"].id, []),
            "heard": heard.get(entry["clause"].id),
        }
        for entry in entries
    ]


@require_GET
@page(allows("spec.read"))
def history(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """One clause through all versions: each wording with the words that changed, and where it came from."""
    found = spec_of(request, spec)
    row = get_or_404(Clause, project=request.project, spec=found, key=clause)
    published = SpecVersion.objects.published().filter(spec=found).order_by("major", "minor", "patch")
    wordings: list[dict[str, Any]] = []
    last: Any = None
    asked: list[Any] = []
    for version in published:
        words = next((one for one in contents.content(version)["clauses"] if one["key"] == row.key), None)
        if words != last:
            wordings.append(
                {
                    "version": version,
                    "words": words,
                    "blocks": comparing.blocks(last, words, comparing.Names.of(asked, version.questions)),
                    "first": last is None,
                }
            )
        last, asked = words, version.questions
    lineage = row.ancestry.select_related("ancestor", "version")
    return render(
        request,
        "annotation/clause_history.html",
        {
            "reversals": appealing.reversals(project_id=request.project.pk, by="clause", clause=row),
            "spec": found,
            "clause": row,
            "wordings": list(reversed(wordings)),
            "lineage": lineage,
            "heard": asking.heard(spec_id=found.pk).get(row.pk),
            "crumbs": crumbs(request, found),
        },
    )
