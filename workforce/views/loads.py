"""Items in: a file looked at before anything is written, loaded, and every load with what came of it."""

from __future__ import annotations

import csv
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs import store
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import JobState
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import loading, looking, row_files, signalling, undoing
from workforce.forms.loads import LoadForm
from workforce.models import Load, LoadState, Queue
from workforce.views.queues import crumbs_of, queue_of

_KEPT = "workforce.loads"  # what a kept file's digest is signed for: nobody names another project's file
_KEPT_FOR = 86_400


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def load(request: MemberRequest, queue: str) -> HttpResponse:
    """A file of items: looked at, then loaded, small ones at once and large ones in a job."""
    found = queue_of(request, queue)
    form = LoadForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"queue": found, "crumbs": crumbs_of(request, found)}
    if request.method == "POST" and form.is_valid():
        try:
            if "look" in request.POST:
                context |= _look(request, found, form)
            else:
                done = _load(request, found, form)
                return redirect("workforce:load", project=request.project.key, queue=found.key, load=done.pk)
        except Invalid as refusal:
            form.add_error(None, refusal.message)
            context["problems"] = refusal.problems
    return render(
        request, "workforce/queue_load.html", {"form": form, **context}, status=422 if form.errors else 200
    )


def _look(request: MemberRequest, queue: Queue, form: LoadForm) -> dict[str, Any]:
    """The first rows as they would be kept; the file waits in the store."""
    upload = form.cleaned_data["file"]
    if not upload:
        raise Invalid(_("Choose a file."))
    with store.writing() as scratch:
        for chunk in upload.chunks():
            scratch.write(chunk)
        digest, size = store.keep(scratch)
    kind = form.cleaned_data["form"] or row_files.form_of(upload.name)
    with store.opened(digest) as source:
        seen = looking.look(source, form=kind, queue=queue, options=form.options())
    kept = signing.dumps([digest, upload.name[-300:], size, request.project.pk], salt=_KEPT)
    return {"seen": seen, "kept": kept, "name": upload.name, "kind": row_files.FORMS[kind], "kind_key": kind}


def _load(request: MemberRequest, queue: Queue, form: LoadForm) -> Load:
    data, upload = form.cleaned_data, form.cleaned_data["file"]
    named = {"project": request.project, "queue": queue, "by": request.member, **form.options()}
    if upload:
        return loading.receive(chunks=upload.chunks(), name=upload.name, form=data["form"] or None, **named)
    try:
        digest, name, size, project = signing.loads(data["kept"], salt=_KEPT, max_age=_KEPT_FOR)
    except signing.BadSignature as error:
        raise Invalid(_("The file is not kept any more; choose it again.")) from error
    if project != request.project.pk:
        raise Invalid(_("The file is not kept any more; choose it again."))
    return loading.from_store(file=digest, size=size, name=name, form=data["form"] or None, **named)


@require_GET
@page(allows("queue.read"))
def loads(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    shown, further = newest_first(request, Load.objects.filter(queue=found).select_related("loaded_by__user"))
    return render(
        request,
        "workforce/loads.html",
        {
            "queue": found,
            "loads": shown,
            "next": further,
            "signals": signalling.freshness(queue=found),
            "looked_back": settings.SIGNALS_LOOKED_BACK,
            "crumbs": crumbs_of(request, found),
        },
    )


def _of(request: MemberRequest, queue: str, number: int) -> Load:
    rows = Load.objects.select_related("project", "queue", "job", "loaded_by__user")
    return get_or_404(rows, project=request.project, queue=queue_of(request, queue), pk=number)


@require_GET
@page(allows("queue.read"))
def one(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    """One load; its state is asked again by htmx while it is being read, and answered 204 while nothing moved."""
    found = _of(request, queue, load)
    job = found.job
    mark = f"{found.state}:{job.n_done if job else 0}:{job.note if job else ''}"
    live = found.state == LoadState.READING and (
        job is None or job.state in (JobState.QUEUED, JobState.RUNNING)
    )
    context: dict[str, Any] = {"load": found, "queue": found.queue, "job": job, "mark": mark, "live": live}
    if request.headers.get("HX-Request"):
        if request.GET.get("mark") == mark:
            return HttpResponse(status=204)
        if not live:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return render(request, "workforce/load_state.html", context)
    twins, further = newest_first(request, found.twins.all())
    touched = undoing.n_touched(load=found) if found.state == LoadState.LOADED else 0
    return render(
        request,
        "workforce/load.html",
        {
            **context,
            "twins": twins,
            "next": further,
            "touched": touched,
            "problems": [
                {"where": _("line %(n)d") % {"n": bad["line"]}, "message": bad["reason"]}
                for bad in found.problems[:50]
            ],
            "crumbs": [*crumbs_of(request, found.queue), (_("What came in"), "../")],
        },
    )


@require_GET
@page(allows("queue.read"))
def bad_rows(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    """The bad rows as a CSV file: line and reason."""
    found = _of(request, queue, load)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="load-{found.pk}-bad-rows.csv"'
    rows = csv.writer(answer)
    rows.writerow(("line", "reason"))
    rows.writerows((bad["line"], _cell(bad["reason"])) for bad in found.problems)
    return answer


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _back(request: MemberRequest, load: Load) -> HttpResponse:
    assert load.queue is not None
    return redirect("workforce:load", project=request.project.key, queue=load.queue.key, load=load.pk)


@require_POST
@page(allows("queue.manage"))
def cancel(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    found = _of(request, queue, load)
    loading.cancel(load=found, by=request.member)
    return _back(request, found)


@require_POST
@page(allows("queue.manage"))
def resume(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    found = _of(request, queue, load)
    loading.resume(load=found, by=request.member)
    return _back(request, found)


@require_POST
@page(allows("queue.manage"))
def undo(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    found = _of(request, queue, load)
    undoing.undo(load=found, by=request.member)
    return _back(request, found)


@require_POST
@page(allows("queue.manage"))
def withdraw(request: MemberRequest, queue: str, load: int) -> HttpResponse:
    found = _of(request, queue, load)
    undoing.withdraw(load=found, by=request.member)
    return _back(request, found)
