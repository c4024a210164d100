"""Calibration queues: their test and who sat for it, and the page of whoever takes it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal
from workforce import calibrating, leasing, sitting
from workforce.forms.calibrations import CalibrationForm
from workforce.models import Annotator, Purpose, Queue, QueueState, Sitting
from workforce.views.queues import crumbs_of, put_errors, queue_of

FIELDS = {"share": "percent", "wait": "wait_hours"}


@require_http_methods(["GET", "POST"])
@page(allows("people.manage"))
def calibration(request: MemberRequest, queue: str) -> HttpResponse:
    """The test of a calibration queue, kept as a whole; and everybody who sat for it, newest first."""
    found = queue_of(request, queue)
    terms = calibrating.terms_of(queue=found)
    form = CalibrationForm(request.POST or None, queue=found, initial=CalibrationForm.of(terms))
    if request.method == "POST" and form.is_valid():
        try:
            calibrating.set_terms(queue=found, by=request.member, **form.terms())
        except Invalid as refusal:
            problems = [
                {**one, "where": FIELDS.get(str(one["where"]), one["where"])} for one in refusal.problems
            ]
            put_errors(form, Invalid(refusal.message, problems=problems))
        else:
            messages.success(request, _("Kept. It holds for whoever begins from now on."))
            return redirect("workforce:calibration", project=request.project.key, queue=found.key)
    rows = Sitting.objects.filter(queue=found).select_related("annotator", "granted", "version")
    shown, further = newest_first(request, rows)
    context = {
        "queue": found,
        "terms": terms,
        "form": form,
        "sittings": shown,
        "next": further,
        "possible": found.purpose == Purpose.CALIBRATION,
        "crumbs": crumbs_of(request, found),
    }
    return render(request, "workforce/calibration.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@page(allows("work.label"))
def qualify(request: MemberRequest, queue: str) -> HttpResponse:
    """What a test asks for and grants, how I did, when I may try again; beginning it takes the first item."""
    rows = Queue.objects.select_related("spec", "version").exclude(state=QueueState.CLOSED)
    found = get_or_404(rows, project=request.project, key=queue, purpose=Purpose.CALIBRATION)
    annotator = get_or_404(Annotator, project=request.project, member=request.member)
    terms = calibrating.terms_of(queue=found)
    if terms is None:
        raise Http404
    if request.method == "POST":
        calibrating.enter(queue=found, annotator=annotator, by=request.member)
        try:
            leasing.claim(queue_id=found.pk, annotator=annotator, by=request.member)
        except Refusal as refusal:
            if refusal.code in ("acknowledgement-needed", "quiz-needed"):
                return redirect("annotation:label", project=request.project.key, queue=found.key)
            messages.warning(request, refusal.message)
            return redirect("workforce:qualify", project=request.project.key, queue=found.key)
        return redirect("annotation:label", project=request.project.key, queue=found.key)
    past = sitting.sittings(queue_id=found.pk, annotator=annotator)
    context = {
        "queue": found,
        "terms": terms,
        "past": list(reversed(past)),
        "open": past[-1] if past and not past[-1].ended_at else None,
        "refused": sitting.why_not(terms=terms, past=past, annotator=annotator),
        "held": sitting.holds(terms=terms, annotator=annotator),
    }
    return render(request, "workforce/qualify.html", context)
