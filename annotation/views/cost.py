"""What labels cost: by source, by clause, for one accepted label."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import costing
from specs.access import MemberRequest, allows, page
from workforce import hours, timesheets
from workforce.forms.pay import PeriodForm


@require_GET
@page(allows("pay.read"))
def cost(request: MemberRequest) -> HttpResponse:
    asked = timesheets.period(**PeriodForm(request.GET).asked, zone=hours.zone_of(None, request.project))
    found = costing.reckon(project=request.project, asked=asked)
    return render(
        request,
        "annotation/cost.html",
        {
            "form": PeriodForm({"first": asked.first, "last": asked.last}),
            "cost": found,
            "bars": [
                {
                    "label": share.title,
                    "share": share.seconds / found.seconds if found.seconds else 0,
                    "share_text": share,
                }
                for share in found.sources
            ],
            "stamp": timesheets.stamp(project=request.project, asked=asked),
        },
    )
