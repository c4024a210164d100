"""One model beside the people who answered the same items."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from annotation import beside_model, charting_models, scoping
from annotation.beside_model import Report
from annotation.views.health import download, spec_of
from specs.access import MemberRequest, allows, page
from specs.models import Spec
from specs.refusals import Invalid


@require_GET
@page(allows("agreement.read"))
def model(request: MemberRequest, spec: str) -> HttpResponse:
    """Agreement with people and of people among themselves, by clause, confusion, and what its confidence is worth."""
    found = spec_of(request, spec)
    asked = beside_model.asked(spec=found, given=request.GET.dict())
    report = _report(found, asked) if asked["model"] else None
    figures = [make(report) for make in charting_models.FIGURES.values()] if report else []
    context: dict[str, Any] = {
        "spec": found,
        "report": report,
        "query": f"?{urlencode(asked)}",
        "figures": [figure for figure in figures if figure is not None],
        "crumbs": [
            (_("Agreement"), f"/p/{request.project.key}/agreement/?spec={found.key}"),
            (_("What models said"), f"/p/{request.project.key}/specs/{found.key}/models/"),
        ],
    }
    return render(request, "annotation/model.html", context)


@require_GET
@page(allows("agreement.read"))
def chart(request: MemberRequest, spec: str, name: str) -> HttpResponse:
    """A figure of it as SVG, CSV or JSON: `calibration.svg`."""
    found = spec_of(request, spec)
    which, _dot, kind = name.rpartition(".")
    make, asked = charting_models.FIGURES.get(which), beside_model.asked(spec=found, given=request.GET.dict())
    return download(make(_report(found, asked)) if make and asked["model"] else None, kind)


def _report(spec: Spec, asked: dict[str, str]) -> Report:
    """Raises `Http404` for a model, question or queue that does not exist."""
    try:
        scope = scoping.of(spec=spec, queue=asked["queue"], question=asked["question"])
        series = beside_model.series_of(scope, model=asked["model"], version=asked["model_version"])
    except Invalid as refusal:
        raise Http404 from refusal
    return beside_model.read(scope, series)
