"""What seeing predictions beforehand did to the answers of a queue."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from annotation import anchoring as reports
from specs.access import MemberRequest, allows, page
from workforce.models import Predictions
from workforce.views.queues import crumbs_of, queue_of


@require_GET
@page(allows("agreement.read"))
def anchoring(request: MemberRequest, queue: str) -> HttpResponse:
    """Arm against arm, per model, version and question."""
    found = queue_of(request, queue)
    titles = {
        "model": _("the model said"),
        "resolution": _("the task ended with"),
        "gold": _("gold says"),
        "people": _("another person in the same arm says (pairs)"),
    }
    rows = reports.report(queue=found)
    for row in rows:
        row["rows"] = [{"title": titles[against], **row["against"][against]} for against in reports.AGAINST]
    return render(
        request,
        "annotation/anchoring.html",
        {
            "queue": found,
            "rows": rows,
            "minimum": settings.ANCHORING_MINIMUM,
            "draws": found.predictions in (Predictions.BEFORE, Predictions.EXPERIMENT),
            "crumbs": crumbs_of(request, found),
        },
    )
