"""Snapshots: build one, read its manifest, verify it, download its files."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import jobs
from annotation.downloading import download as serve
from annotation.models import Snapshot, SnapshotFile, SnapshotState, SplitScheme
from annotation.snapshot_forms import SnapshotForm
from specs import running
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import SpecVersion
from specs.paging import newest_first
from specs.refusals import Refusal
from workforce.models import ABOUT_OTHERS, Purpose, Queue


@require_GET
@page(allows("snapshot.read"))
def snapshots(request: MemberRequest) -> HttpResponse:
    return _list(request, _form(request, None))


def _form(request: MemberRequest, data: Any) -> SnapshotForm:
    return SnapshotForm(
        data,
        versions=SpecVersion.objects.published()
        .filter(project=request.project)
        .select_related("spec", "project")
        .order_by("spec__title", "-major", "-minor", "-patch"),
        queues=Queue.objects.filter(project=request.project)
        .exclude(purpose__in=[*ABOUT_OTHERS, Purpose.RELABELLING])
        .order_by("name"),
    )


def _list(request: MemberRequest, form: SnapshotForm, *, status: int = 200) -> HttpResponse:
    shown, further = newest_first(
        request, Snapshot.objects.filter(project=request.project).select_related("version__spec")
    )
    context = {
        "snapshots": shown,
        "next": further,
        "form": form,
        "split": SplitScheme.objects.filter(project=request.project).first(),
    }
    return render(request, "annotation/snapshots.html", context, status=status)


@require_POST
@page(allows("snapshot.build"))
def build(request: MemberRequest) -> HttpResponse:
    """Ask for a snapshot; a job builds it."""
    from annotation import exporting

    form = _form(request, request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    version = form.cleaned_data["version"]
    if any(queue.spec_id != version.spec_id for queue in form.cleaned_data["queue"]):
        raise Http404
    try:
        snapshot = exporting.request(
            project=request.project,
            version=version,
            name=form.cleaned_data["name"],
            queues=form.cleaned_data["queue"],
            terms=form.terms(),
            by=request.member,
        )
    except Refusal as refusal:
        form.add_error(None, [refusal.message, *_told(refusal)])
        return _list(request, form, status=refusal.status)
    running.start(
        project=request.project, kind=jobs.BUILD, arguments={"snapshot": snapshot.pk}, by=request.member
    )
    messages.info(request, _("The snapshot is being built."))
    return redirect("annotation:snapshot", project=request.project.key, snapshot=snapshot.pk)


def _told(refusal: Refusal) -> list[str]:
    return [f"{one['where']}: {one['message']}" for one in refusal.details.get("problems", ())]


def _snapshot(request: MemberRequest, number: int) -> Snapshot:
    rows = Snapshot.objects.select_related("version__spec", "project", "requested_by__user").prefetch_related(
        "files"
    )
    return get_or_404(rows, project=request.project, pk=number)


@require_GET
@page(allows("snapshot.read"))
def snapshot(request: MemberRequest, snapshot: int) -> HttpResponse:
    return _show(request, _snapshot(request, snapshot))


def _show(request: MemberRequest, found: Snapshot, faults: list[str] | None = None) -> HttpResponse:
    manifest: dict[str, Any] = found.manifest or {}
    return render(
        request,
        "annotation/snapshot.html",
        {
            "snapshot": found,
            "manifest": manifest,
            "faults": faults,
            "others": Snapshot.objects.filter(project=request.project, state=SnapshotState.FROZEN)
            .exclude(pk=found.pk)
            .order_by("-pk")[:8],
            "crumbs": [(_("Snapshots"), f"/p/{request.project.key}/snapshots/")],
        },
    )


@require_GET
@page(allows("snapshot.read"))
def verify(request: MemberRequest, snapshot: int) -> HttpResponse:
    """Recompute every digest now."""
    from annotation import exporting

    found = _snapshot(request, snapshot)
    return _show(request, found, exporting.verify(found))


@require_GET
@page(allows("snapshot.read"))
def download(request: MemberRequest, snapshot: int, name: str) -> Any:
    """One file, as an attachment; its bytes are checked before the first of them leaves."""
    file = get_or_404(SnapshotFile, project=request.project, snapshot=_snapshot(request, snapshot), name=name)
    response = serve(request, file)
    if response.status_code == 409:
        return render(request, "annotation/snapshot_damaged.html", {"file": file}, status=409)
    return response
