"""Hours and rates: timesheets to look at and to take away, one's own hours, what work costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs import csvs
from specs.access import MemberRequest, allows, page
from specs.models import Project
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import hours, paying, timesheets
from workforce.forms.pay import PeriodForm, RateForm
from workforce.models import Annotator
from workforce.views.queues import put_errors


def _period(
    request: MemberRequest, annotator: Annotator | None = None
) -> tuple[PeriodForm, timesheets.Period]:
    form = PeriodForm(request.GET)
    asked = timesheets.period(**form.asked, zone=hours.zone_of(annotator, request.project))
    return PeriodForm({"first": asked.first, "last": asked.last}), asked


@require_GET
@page(allows("pay.read"))
def timesheet(request: MemberRequest) -> HttpResponse:
    """Who worked how long in a period, by day, queue and kind of work."""
    form, asked = _period(request)
    rows = timesheets.who_worked(project=request.project, asked=asked)
    named = request.GET.get("annotator", "")
    if named:
        rows = rows.filter(pseudonym=named[:64])
    shown, further = newest_first(request, rows)
    people = list(timesheets.persons(project=request.project, annotators=shown, asked=asked))
    return render(
        request,
        "workforce/timesheet.html",
        {
            "form": form,
            "people": people,
            "sum": timesheets.summed(request.project, (line for person in people for line in person.lines)),
            "whole": not further and "before" not in request.GET,
            "next": further,
            "stamp": timesheets.stamp(project=request.project, asked=asked),
            "query": request.GET.urlencode(),
        },
    )


@require_GET
@page(allows("pay.read"))
def timesheet_file(request: MemberRequest) -> Any:
    """The sheet of everybody as CSV; its head says what it takes to reckon it again."""
    _form, asked = _period(request)
    return csv_of(request.project, asked)


def csv_of(project: Project, asked: timesheets.Period) -> StreamingHttpResponse:
    """A sheet as a download, person by person, so that its size costs no memory."""
    stamp = timesheets.stamp(project=project, asked=asked)
    columns = (*timesheets.COLUMNS, "as_of", "ledger_position")

    def rows() -> Iterator[list[Any]]:
        for person in _everybody(project, asked):
            for line in person.lines:
                yield [*line.as_dict().values(), stamp["as_of"], stamp["ledger_position"]]

    response = StreamingHttpResponse(csvs.lines(columns, rows()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="timesheet-{project.key}-{asked.first}-{asked.last}.csv"'
    )
    return response


def _everybody(project: Project, asked: timesheets.Period) -> Iterator[timesheets.Person]:
    rows = list(timesheets.who_worked(project=project, asked=asked).order_by("pseudonym"))
    for start in range(0, len(rows), settings.PAGE_SIZE):
        yield from timesheets.persons(
            project=project, annotators=rows[start : start + settings.PAGE_SIZE], asked=asked
        )


@require_GET
@page(allows("work.label"))
def my_hours(request: MemberRequest) -> HttpResponse:
    """One's own sheet: what the house reckons is what one sees."""
    annotator = Annotator.objects.filter(project=request.project, member=request.member).first()
    form, asked = _period(request, annotator)
    people = (
        list(timesheets.persons(project=request.project, annotators=[annotator], asked=asked))
        if annotator
        else []
    )
    return render(
        request,
        "workforce/my_hours.html",
        {
            "form": form,
            "person": people[0] if people else None,
            "stamp": timesheets.stamp(project=request.project, asked=asked),
            "idle_cap": settings.IDLE_CAP,
        },
    )


@require_GET
@page(allows("pay.read"))
def rates(request: MemberRequest) -> HttpResponse:
    """What work costs, newest rate first."""
    return _rates(request, RateForm(project=request.project, initial={"currency": request.project.currency}))


@require_POST
@page(allows("pay.manage"))
def set_rate(request: MemberRequest) -> HttpResponse:
    """Another rate, from a day on."""
    form = RateForm(request.POST, project=request.project)
    if form.is_valid():
        try:
            paying.set_rate(project=request.project, by=request.member, **form.cleaned_data)
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            messages.success(request, _("The rate holds from that day on."))
            return redirect("workforce:rates", project=request.project.key)
    return _rates(request, form)


def _rates(request: MemberRequest, form: RateForm) -> HttpResponse:
    return render(
        request,
        "workforce/rates.html",
        {
            "form": form if "pay.manage" in request.permissions else None,
            "annotators": Annotator.objects.filter(project=request.project, kind="person").order_by(
                "pseudonym"
            )[: settings.MAX_PAGE_SIZE],
            "rates": paying.newest(project=request.project),
            "project": request.project,
        },
        status=422 if form.errors else 200,
    )
