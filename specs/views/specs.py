"""Specs and their versions: the list, one spec, the reader, the comparison."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from specs import clauses as clause_shape
from specs import diff, drafting, publishing, versions
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms.specs import SpecForm
from specs.models import Spec, SpecVersion, VersionState
from specs.refusals import Invalid


def spec_of(request: MemberRequest, key: str) -> Spec:
    return get_or_404(Spec, project=request.project, key=key)


def version_of(request: MemberRequest, spec: Spec, number: str) -> SpecVersion:
    """The version of that number, or the draft under the number `draft`."""
    rows = SpecVersion.objects.select_related("spec", "based_on")
    if number == "draft":
        return get_or_404(rows, project=request.project, spec=spec, state=VersionState.DRAFT)
    parts = number.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise Http404
    return get_or_404(
        rows,
        project=request.project,
        spec=spec,
        major=int(parts[0]),
        minor=int(parts[1]),
        patch=int(parts[2]),
    )


def crumbs(request: MemberRequest, spec: Spec | None = None) -> list[tuple[str, str]]:
    found = [(_("Specs"), f"/p/{request.project.key}/specs/")]
    return [*found, (spec.title, f"/p/{request.project.key}/specs/{spec.key}/")] if spec else found


@require_GET
@page(allows("spec.read"))
def project(request: MemberRequest) -> HttpResponse:
    """The project's door: the first room that the member may enter."""
    for permission, name in (("queue.read", "workforce:queues"), ("spec.read", "specs:specs")):
        if permission in request.permissions:
            try:
                return redirect(reverse(name, kwargs={"project": request.project.key}))
            except NoReverseMatch:
                continue
    return redirect("/")


@require_GET
@page(allows("spec.read"))
def specs(request: MemberRequest) -> HttpResponse:
    rows = list(Spec.objects.filter(project=request.project).order_by("title"))
    newest: dict[int, SpecVersion] = {}
    drafts: set[int] = set()
    for version in SpecVersion.objects.filter(spec__in=rows).order_by("major", "minor", "patch"):
        if version.state == VersionState.DRAFT:
            drafts.add(version.spec_id)
        else:
            newest[version.spec_id] = version
    entries = [(spec, newest.get(spec.pk), spec.pk in drafts) for spec in rows]
    return render(request, "specs/specs.html", {"entries": entries})


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def create(request: MemberRequest) -> HttpResponse:
    form = SpecForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            spec = drafting.create_spec(project=request.project, by=request.member, **form.cleaned_data)
            drafting.open_draft(spec=spec, by=request.member)
        except Invalid as refusal:
            form.add_error("key", refusal.message)
        else:
            messages.success(request, _("Write its questions first, then its clauses."))
            return redirect("specs:draft", project=request.project.key, spec=spec.key)
    return render(
        request,
        "specs/spec_form.html",
        {"form": form, "crumbs": crumbs(request)},
        status=422 if form.errors else 200,
    )


@require_GET
@page(allows("spec.read"))
def spec(request: MemberRequest, spec: str) -> HttpResponse:
    found = spec_of(request, spec)
    published = list(
        SpecVersion.objects.published()
        .filter(spec=found)
        .select_related("published_by__user", "based_on")
        .newest_first()
    )
    draft = SpecVersion.objects.draft().filter(spec=found).select_related("based_on").first()
    return render(
        request,
        "specs/spec.html",
        {"spec": found, "versions": published, "draft": draft, "crumbs": crumbs(request)},
    )


@require_GET
@page(allows("spec.read"))
def read(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """A version as a document, with what changed since the one before."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    if version.state == VersionState.DRAFT:
        return redirect("specs:draft", project=request.project.key, spec=found.key)
    whole = versions.read(version.pk)
    changed = {}
    if version.based_on:
        difference = publishing.compare(version.based_on, version)
        changed = {change.key: change.kind for change in difference.clauses}
    words = {"added": _("new"), "reworded": _("reworded"), "moved": _("moved")}
    entries = [(clause, words.get(changed.get(clause.key, ""), "")) for clause in whole.clauses]
    return render(
        request,
        "specs/read.html",
        {
            "spec": found,
            "version": version,
            "whole": whole,
            "entries": entries,
            "crumbs": crumbs(request, found),
        },
    )


@require_GET
@page(allows("spec.read"))
def compare(request: MemberRequest, spec: str, old: str, new: str) -> HttpResponse:
    """Two versions side by side, clause by clause, word by word."""
    found = spec_of(request, spec)
    before, after = version_of(request, found, old), version_of(request, found, new)
    difference = publishing.compare(before, after)
    return render(
        request,
        "specs/compare.html",
        {
            "spec": found,
            "before": before,
            "after": after,
            "difference": difference,
            "changes": [(change, blocks(change)) for change in difference.clauses],
            "crumbs": crumbs(request, found),
        },
    )


def blocks(change: diff.ClauseChange) -> list[tuple[str, list[Any]]]:
    """For display: each kind of block with the runs of words that lead from the old text to the new."""
    found: list[tuple[str, list[Any]]] = []
    for kind, title in [("title", _("Title")), *clause_shape.BLOCK_TYPES.items()]:
        before, after = _text(change.old, kind), _text(change.new, kind)
        if before != after:
            found.append((str(title), list(diff.words(before, after))))
    return found


def _text(clause: Any, kind: str) -> str:
    if clause is None:
        return ""
    if kind == "title":
        return str(clause["title"])
    parts = []
    for block in clause["blocks"]:
        if block["type"] == kind:
            parts.append(
                "\n".join(str(block[name]) for name in ("text", "item", "value", "why") if block.get(name))
            )
    return "\n\n".join(parts)
