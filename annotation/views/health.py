"""Which clauses cause the disagreement, the evidence of each, and the figures of it to take away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from annotation import charting, evidence, gathering
from annotation import health as healths
from annotation.charts.figure import Figure
from annotation.models import ClauseIssue, ClauseVerdict
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause, Spec, SpecVersion
from specs.views.specs import crumbs
from workforce.models import Annotator


def spec_of(request: MemberRequest, key: str) -> Spec:
    return get_or_404(Spec.objects.select_related("project"), project=request.project, key=key)


def health_of(request: MemberRequest, spec: Spec) -> healths.Health | None:
    """The health as last measured, of the question that `?question=` names or the first; None where nothing was measured."""
    asked = request.GET.get("question", "")[:64]
    reports = healths.newest(spec=spec, question=asked)
    return healths.of(reports[0]) if reports else None


@require_GET
@page(allows("agreement.read"))
def health(request: MemberRequest, spec: str) -> HttpResponse:
    """Every clause: how often people differ under it, by how much more than elsewhere, what that is, and what to do about it."""
    found = spec_of(request, spec)
    whole = health_of(request, found)
    context: dict[str, Any] = {
        "spec": found,
        "health": whole,
        "questions": [
            (report.question, report.numbers.get("title", report.question))
            for report in healths.newest(spec=found)
        ],
        "people": _people(request, whole),
        "draft": SpecVersion.objects.draft().filter(spec=found).exists(),
        "crumbs": crumbs(request, found),
    }
    if whole is not None and whole.evidence is not None:
        context |= {
            "figures": [figure for make in charting.FIGURES.values() if (figure := make(whole)) is not None],
            "tones": charting.TONES,
            "in_force": SpecVersion.objects.published()
            .filter(spec=found, meaning=whole.report.meaning)
            .order_by("pk")
            .first(),
            "upper": _scale(whole),
        }
    return render(request, "annotation/health.html", context)


def _people(request: MemberRequest, whole: healths.Health | None) -> dict[int, str]:
    """Pseudonyms of those whom verdicts name, for who may see people; nobody for the others."""
    if whole is None or "member.read" not in request.permissions:
        return {}
    wanted = [pk for row in whole.rows for pk in row.found.annotators]
    return dict(Annotator.objects.filter(pk__in=wanted).values_list("pk", "pseudonym"))


def _scale(whole: healths.Health) -> tuple[float, float]:
    """The ends of the scale on which all intervals are drawn."""
    bounds = [bound for row in whole.rows if row.over is not None for bound in row.over]
    return min([0.0, *bounds]), max([0.05, *bounds])


@require_GET
@page(allows("dispute.read"))
def clause(request: MemberRequest, spec: str, clause: str) -> HttpResponse:
    """What a clause's verdict rests on: the items that are read in the most ways, with both readings side by side."""
    found = spec_of(request, spec)
    get_or_404(Clause, project=request.project, spec=found, key=clause)
    whole = health_of(request, found)
    row = next((row for row in whole.rows if row.clause.key == clause), None) if whole else None
    if whole is None or row is None:
        return render(
            request,
            "annotation/evidence.html",
            {"spec": found, "key": clause, "crumbs": _crumbs(request, found)},
        )
    course = healths.effects(
        spec=found, question=whole.report.question, queue=whole.report.queue, clauses=[row.clause.id]
    ).get(row.clause.id, [])
    named = "member.read" in request.permissions
    return render(
        request,
        "annotation/evidence.html",
        {
            "spec": found,
            "key": clause,
            "health": whole,
            "row": row,
            "tone": charting.TONES.get(ClauseVerdict(row.found.verdict), ""),
            "course": course,
            "trend": charting.of_trend(clause, _("Pairs that differ, by version"), course)
            if len(course) > 1
            else None,
            "cases": evidence.cases(
                items=row.found.items, report=whole.report, version=whole.version, named=named
            ),
            "people": _people(request, whole),
            "issues": ClauseIssue.objects.filter(clause=row.clause.id).order_by("-pk")[:20],
            "limit": gathering.ITEMS_KEPT,
            "draft": SpecVersion.objects.draft().filter(spec=found).exists(),
            "crumbs": _crumbs(request, found),
        },
    )


def _crumbs(request: MemberRequest, spec: Spec) -> list[tuple[str, str]]:
    return [
        *crumbs(request, spec),
        (_("Clause health"), f"/p/{request.project.key}/specs/{spec.key}/health/"),
    ]


@require_GET
@page(allows("agreement.read"))
def chart(request: MemberRequest, spec: str, name: str) -> HttpResponse:
    """A figure of the newest report as SVG, CSV or JSON: `clauses.svg`."""
    return _file(request, spec, name, charting.FIGURES)


@require_GET
@page(allows("member.read"))
def people_chart(request: MemberRequest, spec: str, name: str) -> HttpResponse:
    """A figure that names people, by pseudonym."""
    return _file(request, spec, name, charting.OF_PEOPLE)


def _file(request: MemberRequest, spec: str, name: str, figures: Mapping[str, charting.Make]) -> HttpResponse:
    found = spec_of(request, spec)
    chart, _dot, kind = name.rpartition(".")
    make = figures.get(chart)
    whole = health_of(request, found) if make else None
    return download(make(whole) if make and whole else None, kind)


@require_GET
@page(allows("member.read"))
def people(request: MemberRequest, spec: str) -> HttpResponse:
    """Who agrees with whom: the matrix of pairs, and groups with a reading of their own. No ranking."""
    found = spec_of(request, spec)
    whole = health_of(request, found)
    figure = charting.of_pairs(whole) if whole else None
    camps: dict[int, list[str]] = {}
    if whole is not None and whole.evidence is not None:
        numbers = whole.evidence.numbers
        names = dict(Annotator.objects.filter(pk__in=numbers["people"]).values_list("pk", "pseudonym"))
        for pk, camp in zip(numbers["people"], numbers["camps"], strict=True):
            camps.setdefault(camp, []).append(names.get(pk, "–"))
    return render(
        request,
        "annotation/camps.html",
        {
            "spec": found,
            "health": whole,
            "figure": figure,
            "camps": sorted(camps.items()),
            "across": whole.evidence.numbers["across"] if whole and whole.evidence else [],
            "crumbs": _crumbs(request, found),
        },
    )


def download(figure: Figure | None, kind: str) -> HttpResponse:
    """The figure as a file. Raises `Http404` for one that does not exist, or a kind of file that is none of the three."""
    if figure is None or kind not in charting.FORMATS:
        raise Http404
    body = {"svg": figure.standalone, "csv": figure.csv, "json": figure.json}[kind]()
    return HttpResponse(
        body,
        content_type=f"{charting.FORMATS[kind]}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{figure.key}.{kind}"'},
    )
