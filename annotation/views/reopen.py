"""A stale ruling: its dispute is opened again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation import reopening
from annotation.views.console import console, dispute_of
from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid


@require_POST
@page(allows("dispute.decide"))
def reopen(request: MemberRequest, dispute: int) -> HttpResponse:
    """Open a decided dispute again, with a reason."""
    found = dispute_of(request, dispute)
    try:
        reopening.reopen(dispute=found, reason=request.POST.get("reason", ""), by=request.member)
    except Invalid as refusal:
        return console(request, found, refusal=refusal)
    messages.success(request, _("The dispute is open again; the label stands until it is decided."))
    return redirect("annotation:adjudicate", project=request.project.key, dispute=found.pk)
