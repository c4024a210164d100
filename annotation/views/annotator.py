"""One annotator, for whoever may see people; the same about oneself; and a second look at her answers."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation import charting_people, dossier, dossier_file, rechecking
from annotation.views.health import download
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid
from workforce import leasing
from workforce.models import Annotator

RECENT = timedelta(days=14)


def _annotator(request: MemberRequest, **keys: Any) -> Annotator:
    return get_or_404(Annotator.objects.select_related("member__user"), project=request.project, **keys)


@require_GET
@page(allows("member.read"))
def annotator(request: MemberRequest, pseudonym: str) -> HttpResponse:
    """Standing, skills, queues, and what her answers say, with n and interval or too few to say."""
    return _render(request, _annotator(request, pseudonym=pseudonym), own=False)


@require_GET
@page(allows("work.label"))
def about_me(request: MemberRequest) -> HttpResponse:
    """The same about oneself."""
    return _render(request, _annotator(request, member=request.member), own=True)


@require_GET
@page(allows("member.read"))
def chart(request: MemberRequest, pseudonym: str, name: str) -> HttpResponse:
    """A figure about somebody as SVG, CSV or JSON: `drift.svg`."""
    return _file(_annotator(request, pseudonym=pseudonym), name)


@require_GET
@page(allows("work.label"))
def own_chart(request: MemberRequest, name: str) -> HttpResponse:
    """The same about oneself."""
    return _file(_annotator(request, member=request.member), name)


def _file(found: Annotator, name: str) -> HttpResponse:
    which, _dot, kind = name.rpartition(".")
    make = charting_people.FIGURES.get(which)
    return download(make(dossier.figures(found)) if make else None, kind)


def _render(request: MemberRequest, found: Annotator, *, own: bool) -> HttpResponse:
    figures = dossier.figures(found)
    context = {
        "annotator": found,
        "own": own,
        "figures": figures,
        "drift": charting_people.of_drift(figures),
        "errors": charting_people.of_errors(figures),
        "queues": dossier.queues(found),
        "late": dossier.late(found),
        "events": dossier.events(found),
        **dossier.standing(found),
    }
    if not own:
        context["crumbs"] = [(_("Roster"), reverse("workforce:roster", args=[request.project.key]))]
    return render(request, "annotation/annotator.html", context)


@require_GET
@page(allows("work.label"))
def export(request: MemberRequest) -> HttpResponse:
    """What is recorded about me, as a file."""
    found = _annotator(request, member=request.member)
    return StreamingHttpResponse(  # type: ignore[return-value]  # it is answered like one
        (chunk.encode() for chunk in dossier_file.chunks(found)),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{found.pseudonym}.json"'},
    )


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def recheck(request: MemberRequest, pseudonym: str) -> HttpResponse:
    """What a second look at recent answers would want, in figures; and asking for it."""
    found = _annotator(request, pseudonym=pseudonym)
    asked = request.POST if request.method == "POST" else request.GET
    since, refusal = _since(asked.get("since", "")), None
    if request.method == "POST":
        try:
            done = rechecking.recheck(
                annotator=found, since=since, reason=request.POST.get("reason", ""), by=request.member
            )
        except Invalid as error:
            refusal = error
        else:
            messages.success(request, _("%(n)d tasks want one more answer.") % {"n": len(done.tasks)})
            return redirect("annotation:annotator", project=request.project.key, pseudonym=pseudonym)
    context = {
        "annotator": found,
        "since": since,
        "preview": rechecking.preview(annotator=found, since=since),
        "refusal": refusal,
    }
    return render(request, "annotation/recheck.html", context, status=422 if refusal else 200)


def _since(text: str) -> datetime:
    """The first moment of the given day; the last fortnight where none is given."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        day = (leasing.database_now() - RECENT).astimezone(UTC).date()
    return datetime.combine(day, time.min, tzinfo=UTC)
