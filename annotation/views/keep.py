"""Nothing that is being written is lost: drafts, copies that come back out of a browser, leases that ended meanwhile."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from annotation import keeping, labelling
from annotation.views import label
from specs import versions
from specs.access import MemberRequest, allows, page
from specs.refusals import Stale
from workforce import leasing

KEPT = "X-Kept"
"""What became of a copy out of a browser: `saved`, `stale` (a newer one stands), `answered`."""


@require_POST
@page(allows("work.label"))
def draft(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Keep what is being written; answers with the revision that is kept now. Also after the lease: for its author alone."""
    found, place = label.queue_of(request, queue), _place(request, assignment)
    told: dict[str, Any] = {"queue": found, "lapsed": not place.live}
    try:
        told["revision"] = _save(request, place)
    except keeping.AnsweredAlready:
        told["answered"] = True
    except Stale as stale:
        told |= {"revision": stale.details["revision"], "other": _others(place, stale)}
    return render(request, "annotation/label_draft.html", told)


@require_POST
@page(allows("work.label"))
def restore(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """What a browser kept while the server had it not: a draft from now on, and the task with it, where she still holds it."""
    found, annotator = label.queue_of(request, queue), label.annotator_of(request)
    place, other = _place(request, assignment), None
    try:
        _save(request, place)
    except keeping.AnsweredAlready:
        return HttpResponse(status=204, headers={KEPT: "answered"})
    except Stale as stale:
        other = _others(place, stale)
    headers = {KEPT: "saved" if other is None else "stale"}
    held = leasing.held(annotator=annotator, queue_id=found.pk, assignment_id=assignment)
    if not held:
        return HttpResponse(status=204, headers=headers)
    form = None if other is None else request.POST
    response = label.show(request, found, annotator, held[0], form, restored=True, other=other)
    for name, value in headers.items():
        response[name] = value
    return response


@require_GET
@page(allows("work.label"))
def token(request: MemberRequest, queue: str) -> HttpResponse:
    """A fresh token for forms on a page that is older than the log-in, and whose log-in it is."""
    label.queue_of(request, queue)
    return JsonResponse({"token": get_token(request), "user": str(request.user.pk)})


def _place(request: MemberRequest, assignment: int) -> keeping.Place:
    found = keeping.place(
        annotator=label.annotator_of(request), assignment_id=assignment, token=label.token_of(request)
    )
    if found is None:
        raise Http404
    return found


def _save(request: MemberRequest, place: keeping.Place) -> int:
    return keeping.save_draft(
        annotator=label.annotator_of(request),
        task_id=place.task_id,
        **labelling.written(versions.read(place.version_id), request.POST),
    )


def _others(place: keeping.Place, stale: Stale) -> list[tuple[str, str]]:
    """The newer draft in words."""
    version = versions.read(place.version_id)
    return keeping.in_words(version, values=stale.details["values"], payload=place.payload)
