"""What models said: their series against the labels, and more of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import beside_model, foretold
from annotation.forms import PredictionsForm
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Job, Spec
from specs.refusals import Invalid
from workforce import predicting


@require_GET
@page(allows("agreement.read"))
def predictions(request: MemberRequest, spec: str) -> HttpResponse:
    """Model by model: how many predictions, how many of them right."""
    return _shown(request, _spec(request, spec), PredictionsForm(), [])


@require_POST
@page(allows("queue.manage"))
def bring_in(request: MemberRequest, spec: str) -> HttpResponse:
    """A file of predictions: a small one at once, a large one in a job."""
    found = _spec(request, spec)
    form = PredictionsForm(request.POST, request.FILES)
    problems: list[dict[str, Any]] = []
    if form.is_valid():
        data = form.cleaned_data
        try:
            done = predicting.receive(
                spec=found,
                chunks=data["file"].chunks(),
                name=data["file"].name,
                model=data["model"],
                model_version=data["model_version"],
                by=request.member,
            )
        except Invalid as refusal:
            form.add_error(None, refusal.message)
            problems = refusal.problems
        else:
            if isinstance(done, Job):
                return redirect("specs:job", project=request.project.key, job=done.pk)
            messages.success(
                request,
                _("%(new)d new predictions, %(known)d known ones.")
                % {"new": done.n_new, "known": done.n_known},
            )
            if done.left_out:
                messages.warning(
                    request,
                    _("Left out: %(what)s.")
                    % {"what": ", ".join(f"{what} {n}" for what, n in list(done.left_out.items())[:20])},
                )
            return redirect("annotation:predictions", project=request.project.key, spec=found.key)
    return _shown(request, found, form, problems)


def _spec(request: MemberRequest, key: str) -> Spec:
    return get_or_404(Spec.objects.select_related("project"), project=request.project, key=key)


def _shown(
    request: MemberRequest, spec: Spec, form: PredictionsForm, problems: list[dict[str, Any]]
) -> HttpResponse:
    return render(
        request,
        "annotation/predictions.html",
        {
            "spec": spec,
            "series": foretold.series(spec=spec),
            "answering": beside_model.answering(spec=spec),
            "form": form,
            "problems": problems[:50],
            "crumbs": [(_("Agreement"), f"/p/{request.project.key}/agreement/?spec={spec.key}")],
        },
        status=422 if form.errors else 200,
    )
