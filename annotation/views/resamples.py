"""Samples of settled items before people again: drawn from a queue, and what they show."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import auditing, resampled, resampling
from annotation.forms import ResampleForm
from annotation.models import Resample
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Refusal
from workforce.models import Annotator, AnnotatorState, Queue
from workforce.views.queues import crumbs_of, queue_of


@require_GET
@page(allows("agreement.read"))
def resamples(request: MemberRequest, queue: str) -> HttpResponse:
    """The samples of a queue, what its own audits measured, and, for who may, the form that draws one."""
    found = queue_of(request, queue)
    return _render(request, found, _form(request))


def _form(request: MemberRequest) -> ResampleForm:
    annotators = Annotator.objects.filter(project=request.project, state=AnnotatorState.ACTIVE)
    return ResampleForm(
        request.POST or None, annotators=annotators.exclude(kind="imported").order_by("pseudonym")
    )


def _render(
    request: MemberRequest, queue: Queue, form: ResampleForm, refusal: Refusal | None = None
) -> HttpResponse:
    return render(
        request,
        "annotation/resamples.html",
        {
            "queue": queue,
            "samples": Resample.objects.filter(source=queue).select_related("queue").order_by("-pk")[:100],
            "audited": auditing.measured(queue=queue),
            "form": form if "queue.manage" in request.permissions else None,
            "refusal": refusal,
            "crumbs": crumbs_of(request, queue),
        },
        status=422 if refusal or form.errors else 200,
    )


@require_POST
@page(allows("queue.manage"))
def draw(request: MemberRequest, queue: str) -> HttpResponse:
    """Freeze a sample and put it before the chosen people."""
    found = queue_of(request, queue)
    form = _form(request)
    if not form.is_valid():
        return _render(request, found, form)
    data = form.cleaned_data
    try:
        if data["model"]:
            names = ("model", "model_version", "n_items")
            made = resampling.draw_for_model(
                source=found, by=request.member, **{name: data[name] for name in names}
            )
        else:
            made = resampling.draw(
                source=found,
                kind=data["kind"],
                n_items=data["n_items"],
                overlap=data["overlap"],
                annotators=list(data["annotators"]),
                owner=request.member,
                by=request.member,
            )
    except Refusal as refusal:
        return _render(request, found, form, refusal)
    said = (
        _("The sample is drawn. What the model says of its items is compared as it comes in.")
        if data["model"]
        else _("The sample is drawn. Its annotators find it in their inbox.")
    )
    messages.success(request, said)
    return redirect("annotation:resample", project=request.project.key, queue=queue, sample=made.pk)


@require_GET
@page(allows("agreement.read"))
def resample(request: MemberRequest, queue: str, sample: int) -> HttpResponse:
    """How many labels would come out otherwise."""
    found = queue_of(request, queue)
    row = get_or_404(
        Resample.objects.select_related("queue", "trial__based_on", "version"),
        project=request.project,
        source=found,
        pk=sample,
    )
    return render(
        request,
        "annotation/resample.html",
        {
            "queue": found,
            "sample": row,
            "shown": resampled.read(row),
            "crumbs": [
                *crumbs_of(request, found),
                (_("Samples"), f"/p/{request.project.key}/queues/{found.key}/samples/"),
            ],
        },
    )
