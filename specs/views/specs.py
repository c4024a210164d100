"""Specs and their versions: the list, one spec, the reader, the comparison."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from specs import drafting
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms.specs import SpecForm
from specs.models import Spec, SpecVersion, VersionState
from specs.refusals import Invalid
from specs.versions import keys_of


def spec_of(request: MemberRequest, key: str) -> Spec:
    return get_or_404(Spec, project=request.project, key=key)


def version_of(request: MemberRequest, spec: Spec, number: str) -> SpecVersion:
    """The version of that number, a trial under `trial-<id>`, the draft under `draft` for who may speak of it."""
    if number == "draft" and "spec.discuss" not in request.permissions:
        raise Http404
    rows = SpecVersion.objects.select_related("spec__project", "based_on", "project")
    return get_or_404(rows, project=request.project, spec=spec, **keys_of(number))


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
    for version in SpecVersion.objects.filter(
        spec__in=rows, state__in=[VersionState.DRAFT, VersionState.PUBLISHED]
    ).order_by("major", "minor", "patch"):
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
