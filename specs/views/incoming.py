"""Specs in and out: one readable file, an existing guideline, a clone, pictures."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs import copying, incoming, pictures, store
from specs.access import MemberRequest, allows, get_or_404, page
from specs.forms.specs import CloneForm, DocumentForm
from specs.models import Picture
from specs.refusals import Invalid
from specs.views.drafts import draft_of
from specs.views.specs import crumbs, spec_of, version_of


@require_GET
@page(allows("spec.read"))
def export(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """The version as one Markdown file."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    reply = HttpResponse(copying.export(version), content_type="text/markdown; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="{found.key}-{version.number}.md"'
    return reply


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def import_document(request: MemberRequest, spec: str) -> HttpResponse:
    """A spec file takes the draft's place; a guideline becomes proposed clauses at its end, to be looked at one by one."""
    found = spec_of(request, spec)
    form = DocumentForm(request.POST or None, request.FILES or None)
    problems: list[dict[str, Any]] = []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            taken = incoming.take(
                project=request.project,
                data=upload.read(settings.MAX_DOCUMENT_BYTES + 1),
                name=upload.name,
                what=form.cleaned_data["what"],
                key=found.key,
                by=request.member,
            )
        except Invalid as refusal:
            form.add_error("file", refusal.message)
            problems = refusal.problems
        else:
            if taken.job is not None:
                return redirect("specs:job", project=request.project.key, job=taken.job.pk)
            _say(request, taken, form.cleaned_data["what"])
            return redirect("specs:draft", project=request.project.key, spec=found.key)
    return render(
        request,
        "specs/import.html",
        {"spec": found, "form": form, "problems": problems, "crumbs": crumbs(request, found)},
        status=422 if form.errors else 200,
    )


def _say(request: MemberRequest, taken: incoming.Taken, what: str) -> None:
    if what == "spec":
        messages.success(request, _("The draft now says what the file says."))
        return
    messages.success(
        request,
        _("%(n)d clauses are proposed. Look at each: nothing is published unseen.") % {"n": taken.n_clauses},
    )
    for remark in taken.remarks[:20]:
        messages.warning(
            request, _("Line %(line)d: %(text)s") % {"line": remark.line, "text": remark.message}
        )


@require_http_methods(["GET", "POST"])
@page(allows("spec.edit"))
def clone(request: MemberRequest, spec: str, number: str) -> HttpResponse:
    """A new spec that begins as this version."""
    found = spec_of(request, spec)
    version = version_of(request, found, number)
    form = CloneForm(request.POST or None, initial={"title": found.title})
    if request.method == "POST" and form.is_valid():
        try:
            made = copying.clone_spec(
                version=version, to=request.project, by=request.member, **form.cleaned_data
            )
        except Invalid as refusal:
            form.add_error("key", refusal.message)
        else:
            return redirect("specs:draft", project=request.project.key, spec=made.spec.key)
    return render(
        request,
        "specs/clone.html",
        {"spec": found, "version": version, "form": form, "crumbs": crumbs(request, found)},
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("spec.edit"))
def add_picture(request: MemberRequest, spec: str) -> HttpResponse:
    """Keep a picture and say how a clause shows it."""
    found = spec_of(request, spec)
    draft_of(request, found)
    upload = request.FILES.get("picture")
    if upload is None:
        raise Invalid(_("Choose a picture first."))
    picture = pictures.add(project=request.project, source=upload.file, by=request.member)  # type: ignore[arg-type]
    return render(request, "specs/picture_added.html", {"spec": found, "picture": picture})


@require_GET
@page(allows("spec.read"))
def picture(request: MemberRequest, digest: str) -> HttpResponse:
    """A kept picture: never anything but pixels, under the type that was decided when it came."""
    found = get_or_404(Picture, project=request.project, digest=digest)
    with store.opened(found.digest) as source:
        reply = HttpResponse(source.read(), content_type=found.media_type)
    reply["X-Content-Type-Options"] = "nosniff"
    reply["Content-Security-Policy"] = "default-src 'none'; sandbox"
    reply["Cache-Control"] = "private, max-age=31536000, immutable"
    return reply
