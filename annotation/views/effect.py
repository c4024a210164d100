"""The effect of a publication: its clauses before and after, what flipped, what came back, and the loop's own clock."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import aftermath, charting_effect
from annotation.models import RelabelPlan
from annotation.views.health import download, spec_of
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import SpecVersion
from specs.versions import keys_of
from specs.views.specs import crumbs


@require_GET
@page(allows("agreement.read"))
def effect(request: MemberRequest, spec: str) -> HttpResponse:
    """Of `?version=`, or of the newest version that changed the meaning."""
    found = spec_of(request, spec)
    rows = SpecVersion.objects.published().filter(spec=found, meaning__gt=1, minor=0, patch=0)
    asked = request.GET.get("version", "")
    version = get_or_404(rows, **keys_of(asked)) if asked else rows.newest_first().first()
    newest = SpecVersion.objects.published().filter(spec=found).newest_first().first()
    curve = aftermath.curve(newest) if newest else []
    plans = RelabelPlan.objects.filter(to_version=version).select_related("queue").order_by("pk")
    return render(
        request,
        "annotation/effect.html",
        {
            "spec": found,
            "version": version,
            "versions": rows.newest_first()[:20],
            "effect": aftermath.of(version) if version else None,
            "curve": curve,
            "figure": charting_effect.of_curve(curve),
            "clock": aftermath.clock(newest) if newest else {},
            "plans": plans[:50] if version else [],
            "crumbs": crumbs(request, found),
        },
    )


@require_GET
@page(allows("agreement.read"))
def curve(request: MemberRequest, spec: str, name: str) -> HttpResponse:
    """The curve of the whole spec as a file, `curve.svg`, `.csv` or `.json`."""
    chart, _dot, kind = name.rpartition(".")
    if chart != "curve":
        raise Http404
    found = spec_of(request, spec)
    newest = SpecVersion.objects.published().filter(spec=found).newest_first().first()
    return download(charting_effect.of_curve(aftermath.curve(newest)) if newest else None, kind)
