"""What an annotator does with a task besides answering it: skip it, say that it cannot be labelled, hold it, hand it back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation import asking, declining, ending, surroundings
from annotation.views import label
from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid
from workforce import holding, leasing, skipping


@require_POST
@page(allows("work.label"))
def skip(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Leave the task for good, and take the next one."""
    return _leave(
        request,
        queue,
        lambda: ending.skip(
            assignment_id=assignment,
            annotator=label.annotator_of(request),
            token=label.token_of(request),
            reason=request.POST.get("reason", ""),
            note=request.POST.get("note", ""),
            by=request.member,
        ),
    )


@require_POST
@page(allows("work.label"))
def cannot(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Say that the item cannot be labelled, and take the next one."""
    return _leave(
        request,
        queue,
        lambda: declining.decline(
            assignment_id=assignment,
            annotator=label.annotator_of(request),
            token=label.token_of(request),
            category=request.POST.get("category", ""),
            note=request.POST.get("note", ""),
            by=request.member,
        ),
    )


@require_POST
@page(allows("work.label"))
def hold(request: MemberRequest, queue: str, assignment: int) -> HttpResponse:
    """Ask about a clause, hold the task until the answer comes, and take the next one."""
    return _leave(
        request,
        queue,
        lambda: asking.ask_and_hold(
            assignment_id=assignment,
            annotator=label.annotator_of(request),
            token=label.token_of(request),
            clause_key=request.POST.get("clause", ""),
            text=request.POST.get("text", ""),
            public=request.POST.get("private") != "1",
            by=request.member,
        ),
    )


def _leave(request: MemberRequest, queue: str, leaving: Callable[[], object]) -> HttpResponse:
    """A limit that is reached, or a form that is not complete, is said above the task, which stays."""
    found = label.queue_of(request, queue)
    try:
        with transaction.atomic():
            leaving()
            label.claim_next(found, label.annotator_of(request), request)
    except (skipping.TooManySkips, holding.NoHolds, Invalid, leasing.LeaseLost) as refusal:
        messages.warning(request, refusal.message)
    return label.here(request, queue)


@require_POST
@page(allows("work.label"))
def hand_back(request: MemberRequest, queue: str) -> HttpResponse:
    """Hand back everything that is held in this queue, or in the whole project; drafts stay."""
    found = label.queue_of(request, queue)
    n = leasing.return_leases_of(
        annotator=label.annotator_of(request),
        queue=None if request.POST.get("everything") else found,
        by=request.member,
        kind="assignment.released",
    )
    if n:
        messages.info(request, _("Handed back. What you wrote is kept, should the task come to you again."))
    return label.here(request, queue)


@require_POST
@page(allows("work.label"))
def rest(request: MemberRequest, queue: str) -> HttpResponse:
    """Not now: the hint to rest stays away for as long as it takes to come."""
    label.queue_of(request, queue)
    request.session[surroundings.DISMISSED] = timezone.now().isoformat()
    return label.here(request, queue)
