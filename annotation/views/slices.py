"""Agreement in slices: by a field of the items, label, clause, cohort or time."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from annotation import charting_slices, scoping, slicing
from annotation.answers import Scope
from annotation.views.health import download
from specs import running
from specs.access import MemberRequest, allows, page
from specs.models import Spec
from specs.refusals import Invalid
from workforce.models import WITHOUT_DISPUTES, Queue

BY = {
    "field": gettext_lazy("a field of the items"),
    "label": gettext_lazy("label"),
    "clause": gettext_lazy("clause"),
    "cohort": gettext_lazy("cohort"),
    "time": gettext_lazy("time"),
}
_ASKED = ("spec", "queue", "question", "by", "field")


@require_GET
@page(allows("agreement.read"))
def slices(request: MemberRequest) -> HttpResponse:
    """One question cut as the address says; without a word of how, by time."""
    specs = list(Spec.objects.filter(project=request.project).order_by("title"))
    asked = _asked(request.GET)
    spec = next((one for one in specs if one.key == asked["spec"]), specs[0] if specs else None)
    context: dict[str, Any] = {"specs": specs, "spec": spec, "asked": asked, "by": BY}
    context["crumbs"] = [(_("Agreement"), f"/p/{request.project.key}/agreement/")]
    scope = _scope(spec, asked) if spec else None
    if scope is not None and spec is not None:
        queues = Queue.objects.filter(spec=spec).exclude(purpose__in=WITHOUT_DISPUTES).order_by("name")
        fields = slicing.fields(scope)
        asked["field"] = asked["field"] or (fields[0] if fields and asked["by"] == "field" else "")
        context |= {
            "scope": scope,
            "queues": list(queues),
            "fields": fields,
            "query": f"?{urlencode(asked)}",
        }
        try:
            found = slicing.of(scope, by=asked["by"], field=asked["field"]) if _is_whole(asked) else None
        except Invalid as refusal:
            context["refusal"] = refusal
        else:
            rows = [found["whole"], *found["slices"]] if found else []
            context |= {
                "found": found,
                "figure": charting_slices.of_slices(found) if found else None,
                "with_alpha": asked["by"] not in ("label", "clause")
                and any(one["alpha"]["value"] is not None for one in rows),
            }
    return render(request, "annotation/slices.html", context)


def _asked(given: Any) -> dict[str, str]:
    found = {name: str(given.get(name, ""))[:200] for name in _ASKED}
    return {**found, "by": found["by"] or "time"}


def _is_whole(asked: dict[str, str]) -> bool:
    """Slices by a field need one; where items have none, there is nothing to count."""
    return asked["by"] != "field" or bool(asked["field"])


def _scope(spec: Spec, asked: dict[str, str]) -> Scope | None:
    """None while nothing is published. Raises `Http404` for a queue or question that does not exist."""
    if not spec.versions.published().exists():
        return None
    try:
        return scoping.of(spec=spec, queue=asked["queue"], question=asked["question"])
    except Invalid as refusal:
        raise Http404 from refusal


@require_POST
@page(allows("agreement.measure"))
def count(request: MemberRequest) -> HttpResponse:
    """Count the slices of many answers, in a job."""
    asked = _asked(request.POST)
    spec = Spec.objects.filter(project=request.project, key=asked["spec"]).first()
    scope = _scope(spec, asked) if spec else None
    if scope is None or asked["by"] not in slicing.BY:
        raise Http404
    job = running.start(
        project=request.project,
        kind=slicing.JOB,
        by=request.member,
        arguments=slicing.arguments(scope, by=asked["by"], field=asked["field"]),
    )
    messages.info(request, _("Counting. The slices stand on their page when the job is done."))
    return redirect("specs:job", project=request.project.key, job=job.pk)


@require_GET
@page(allows("agreement.read"))
def chart(request: MemberRequest, name: str) -> HttpResponse:
    """The slices as SVG, CSV or JSON: `slices.csv`."""
    which, _dot, kind = name.rpartition(".")
    asked = _asked(request.GET)
    rows = Spec.objects.filter(project=request.project).order_by("title")
    spec = (rows.filter(key=asked["spec"]) if asked["spec"] else rows).first()
    scope = _scope(spec, asked) if spec and which == "slices" else None
    try:
        found = (
            slicing.of(scope, by=asked["by"], field=asked["field"]) if scope and _is_whole(asked) else None
        )
    except Invalid as refusal:
        raise Http404 from refusal
    return download(charting_slices.of_slices(found) if found else None, kind)
