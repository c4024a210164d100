"""The board of all queues, live, and one queue's operations with its forecast and its what-if."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid
from workforce import degrading, operating
from workforce.forms.operations import DegradeForm, WhatIfForm
from workforce.models import Degradation, Queue, QueueGauge, QueueHour
from workforce.views.queues import crumbs_of, put_errors, queue_of


@require_GET
@page(allows("queue.read"))
def board(request: MemberRequest) -> HttpResponse:
    """Every queue at a glance, worst first; asked again by htmx, it answers 204 while nothing moved."""
    standings = operating.board(project=request.project)
    in_use = degrading.in_use(one.queue for one in standings)
    mark = operating.mark(standings) + "".join(str(row.pk) for rows in in_use.values() for row in rows)
    asked_again = "HX-Request" in request.headers and request.GET.get("mark")
    if asked_again and request.GET["mark"] == mark:
        return HttpResponse(status=204)
    template = "workforce/board_rows.html" if asked_again else "workforce/queues.html"
    context = {
        "standings": standings,
        "demands": operating.demands(standings),
        "in_use": in_use,
        "mark": mark,
    }
    return render(request, template, context)


@require_GET
@page(allows("queue.read"))
def operations(request: MemberRequest, queue: str) -> HttpResponse:
    """One queue: backlog by age, what was done by the hour, what is to be expected, and what would change it."""
    return _operations(request, queue_of(request, queue))


def _operations(
    request: MemberRequest, found: Queue, degrade_form: DegradeForm | None = None
) -> HttpResponse:
    standing = operating.of(found)
    asked = any(request.GET.get(name) for name in ("people", "items", "overlap"))
    form = WhatIfForm(request.GET if asked else None, initial={"overlap": found.overlap})
    answer = None
    if standing.gauge and asked and form.is_valid():
        answer = _what_if(found, standing.gauge, form.cleaned_data)
    if "HX-Request" in request.headers and asked:
        return render(
            request,
            "workforce/what_if.html",
            {"answer": answer, "form": form, "queue": found},
            status=200 if answer else 422,
        )
    hours = list(QueueHour.objects.filter(queue=found).order_by("-hour")[:48])[::-1]
    return render(
        request,
        "workforce/operations.html",
        {
            "queue": found,
            "standing": standing,
            "form": form,
            "answer": answer,
            "ages": _ages(standing.gauge) if standing.gauge else [],
            "path": _path(standing.gauge) if standing.gauge else [],
            "hours": hours,
            "ages_bars": [(age, n) for age, n, _tasks in _ages(standing.gauge)] if standing.gauge else [],
            "columns": [(f"{hour.hour:%H}", float(hour.n_answers)) for hour in hours],
            "in_use": degrading.in_use([found]).get(found.pk, []),
            "used": found.degradations.filter(ended_at__isnull=False)
            .select_related("began_by__user", "ended_by__user")
            .order_by("-pk")[:20],
            "degrade": degrade_form or DegradeForm(queue=found),
            "crumbs": crumbs_of(request, found),
        },
        status=422 if degrade_form else 200,
    )


@require_POST
@page(allows("queue.manage"))
def degrade(request: MemberRequest, queue: str) -> HttpResponse:
    """Put a measure into use: what is lowered, why, until when."""
    found = queue_of(request, queue)
    form = DegradeForm(request.POST, queue=found)
    if form.is_valid():
        try:
            degrading.begin(queue=found, by=request.member, **form.given())
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            messages.success(request, _("In use, and on record with every answer given meanwhile."))
            return redirect("workforce:queue-operations", project=request.project.key, queue=found.key)
    return _operations(request, found, form)


@require_POST
@page(allows("queue.manage"))
def restore(request: MemberRequest, queue: str, degradation: int) -> HttpResponse:
    """Take a measure out of use before its time."""
    found = queue_of(request, queue)
    row = get_or_404(Degradation, project=request.project, queue=found, pk=degradation)
    degrading.end(degradation=row, by=request.member)
    messages.success(request, _("Ended; what was is restored."))
    return redirect("workforce:queue-operations", project=request.project.key, queue=found.key)


def _ages(gauge: QueueGauge) -> list[tuple[str, float, int]]:
    """(up to which age, answers wanted, tasks) of the groups, oldest first."""
    return [(_age(seconds), n, tasks) for seconds, n, tasks in gauge.ages]


def _age(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1.5:
        return _("%(n)d min") % {"n": max(1, round(seconds / 60))}
    return _("%(n)d h") % {"n": round(hours)} if hours < 48 else _("%(n)d d") % {"n": round(hours / 24)}


def _path(gauge: QueueGauge) -> list[tuple[float, float, float, float]]:
    return [(hour / 24, low, middle, high) for hour, low, middle, high in gauge.forecast["path"]]


def _what_if(queue: Any, gauge: QueueGauge, data: dict[str, Any]) -> dict[str, Any]:
    found = operating.what_if(
        queue=queue,
        gauge=gauge,
        people=data["people"] or 0,
        items=data["items"] or 0,
        overlap=data["overlap"],
    )
    rows = []
    for title, name in ((_("Empty in"), "drained"), (_("Service level missed in"), "missed")):
        rows.append((title, found.before[name], found.after[name]))
    return {"rows": rows, "before": found.before, "after": found.after, "load": found.load}
