"""Two versions side by side, as a page and as Markdown."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import comparing
from specs.access import MemberRequest, allows, page
from specs.models import SpecVersion, VersionState
from specs.views.specs import crumbs, spec_of, version_of


@require_GET
@page(allows("spec.read"))
def compare(request: MemberRequest, spec: str, old: str, new: str) -> HttpResponse:
    """What changed, why it has its class, what it touches, what relabelling would cost; `?as=markdown` for a file."""
    found = spec_of(request, spec)
    before, after = version_of(request, found, old), version_of(request, found, new)
    if before.state == VersionState.DRAFT and after.state != VersionState.DRAFT:
        raise Http404
    comparison = comparing.compare(before, after)
    if request.GET.get("as") == "markdown":
        text = comparing.as_markdown(comparison, title=found.title)
        reply = HttpResponse(text, content_type="text/markdown; charset=utf-8")
        name = f"{found.key}-{before.number}-{after.number}.md"
        reply["Content-Disposition"] = f'attachment; filename="{name}"'
        return reply
    return render(
        request,
        "annotation/compare.html",
        {
            "spec": found,
            "before": before,
            "after": after,
            "comparison": comparison,
            "difference": comparison.difference,
            "versions": SpecVersion.objects.published().filter(spec=found).newest_first(),
            "crumbs": crumbs(request, found),
        },
    )
