"""How leads decide: a lead sees her own figures and how far leads agree; whoever manages people sees all."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotation import comparing_leads
from specs.access import MemberRequest, allows, page
from workforce import staffing


@require_GET
@page(allows("dispute.decide"))
def leads(request: MemberRequest) -> HttpResponse:
    every = "people.manage" in request.permissions
    only = None if every else staffing.annotator_for(member=request.member)
    context = {
        "leads": comparing_leads.read(project=request.project, only=only),
        "every": every,
        "at_leads": True,
    }
    return render(request, "annotation/leads.html", context)
