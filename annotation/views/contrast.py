"""Two snapshots side by side, what is behind one row, which runs used a snapshot, and what changed upstream."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from annotation import contrasting, holding_out, registering, timeline, tracing
from annotation.models import Snapshot, SnapshotState
from specs import running
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import JobState
from specs.paging import newest_first
from specs.refusals import NotAllowed


def _snapshot(request: MemberRequest, number: int) -> Snapshot:
    return get_or_404(
        Snapshot.objects.select_related("version__spec", "project"), project=request.project, pk=number
    )


def _crumbs(request: MemberRequest, *snapshots: Snapshot) -> list[tuple[str, str]]:
    where = f"/p/{request.project.key}/snapshots/"
    return [(_("Snapshots"), where), *((one.name, f"{where}{one.pk}/") for one in snapshots)]


@require_http_methods(["GET", "POST"])
@page(allows("snapshot.read"))
def contrast(request: MemberRequest, snapshot: int, other: int) -> HttpResponse:
    """What became of the labels from one snapshot to the other; large ones are compared in a job. `?as=markdown` for a file."""
    old, new = _snapshot(request, snapshot), _snapshot(request, other)
    told: Any = None
    job = None
    if contrasting.at_once(old, new):
        told = contrasting.as_dict(contrasting.contrast(old, new))
    else:
        job = contrasting.done_in_job(old, new)
        if request.method == "POST" and (job is None or job.state in (JobState.FAILED, JobState.CANCELLED)):
            if "snapshot.build" not in request.permissions:
                raise NotAllowed(_("Whoever may build snapshots has large ones compared."))
            arguments = {"old": old.pk, "new": new.pk}
            running.start(
                project=request.project, kind=contrasting.JOB, arguments=arguments, by=request.member
            )
            return redirect(request.path)
        told = job.result if job is not None and job.state == JobState.DONE else None
    if told and request.GET.get("as") == "markdown":
        reply = HttpResponse(contrasting.as_markdown(told), content_type="text/markdown; charset=utf-8")
        reply["Content-Disposition"] = f'attachment; filename="snapshots-{old.pk}-{new.pk}.md"'
        return reply
    context = {
        "old": old,
        "new": new,
        "told": told,
        "job": job,
        "causes": contrasting.CAUSES,
        "crumbs": _crumbs(request, old),
        "others": _frozen(request).exclude(pk__in=[old.pk, new.pk])[:12],
    }
    return render(request, "annotation/contrast.html", context)


def _frozen(request: MemberRequest) -> Any:
    return Snapshot.objects.filter(project=request.project, state=SnapshotState.FROZEN).order_by("-pk")


@require_GET
@page(allows("snapshot.read"))
def trace(request: MemberRequest, snapshot: int) -> HttpResponse:
    """From an item's key to everything behind its label."""
    found, key = _snapshot(request, snapshot), request.GET.get("key", "").strip()
    context: dict[str, Any] = {"snapshot": found, "key": key, "crumbs": _crumbs(request, found), "told": None}
    if key:
        try:
            context["told"] = tracing.trace(found, key)
        except tracing.NotInSnapshot as refusal:
            context["missing"] = refusal.message
            return render(request, "annotation/trace.html", context, status=404)
    return render(request, "annotation/trace.html", context)


class RunForm(forms.Form):
    name = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    commit = forms.CharField(required=False, max_length=64, label=gettext_lazy("Commit"))
    trained_on = forms.MultipleChoiceField(
        choices=[(name, name) for name in holding_out.SPLITS if name != "test"],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("Splits that it learnt from"),
    )
    metrics = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=gettext_lazy("Metrics"),
        help_text=gettext_lazy("A line each: name = number"),
    )

    def clean_metrics(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["metrics"].splitlines())):
            name, _equals, value = (part.strip() for part in line.partition("="))
            try:
                found[name] = float(value)
            except ValueError as error:
                raise forms.ValidationError(
                    gettext_lazy("“%(line)s” is no line “name = number”."), params={"line": line[:80]}
                ) from error
        return found


@require_http_methods(["GET", "POST"])
@page(allows("snapshot.read"))
def runs(request: MemberRequest, snapshot: int) -> HttpResponse:
    """Training runs that used a snapshot; whoever builds snapshots registers one."""
    found = _snapshot(request, snapshot)
    form = RunForm(request.POST or None)
    if request.method == "POST":
        if "snapshot.build" not in request.permissions:
            raise NotAllowed(_("Whoever may build snapshots registers runs."))
        if form.is_valid():
            registering.register(snapshot=found, by=request.member, **form.cleaned_data)
            messages.success(request, _("The run is registered."))
            return redirect(request.path)
    shown, further = newest_first(request, found.runs.select_related("registered_by__user"))
    context = {
        "snapshot": found,
        "runs": shown,
        "next": further,
        "form": form,
        "crumbs": _crumbs(request, found),
    }
    return render(request, "annotation/runs.html", context, status=422 if form.errors else 200)


@require_GET
@page(allows("snapshot.read"))
def upstream(request: MemberRequest) -> HttpResponse:
    """What changed upstream of the labels, newest first."""
    group = request.GET.get("group", "")
    group = group if group in timeline.GROUPS else ""
    shown, further = newest_first(request, timeline.events(request.project, group))
    context = {
        "entries": timeline.told(request.project, shown),
        "groups": timeline.GROUPS,
        "group": group,
        "next": further,
        "crumbs": _crumbs(request),
    }
    return render(request, "annotation/timeline.html", context)
