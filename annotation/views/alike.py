"""Disputes that look like the one just ruled on: seen first, then ruled on in one go, each on its own record."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotation import choosing, establishing, ruling_alike
from annotation.models import Ruling
from annotation.views.console import dispute_of
from specs.access import MemberRequest, allows, page


@require_http_methods(["GET", "POST"])
@page(allows("dispute.decide"))
def alike(request: MemberRequest, dispute: int) -> HttpResponse:
    """The preview, with every dispute chosen; sent, those that are still chosen get the same ruling."""
    found = dispute_of(request, dispute)
    rows = Ruling.objects.select_related("clause", "dispute").filter(dispute=found, by=request.member)
    ruling = rows.order_by("-pk").first()
    if ruling is None:
        messages.info(request, _("Rule on this one first; then on those that look the same."))
        return redirect("annotation:adjudicate", project=request.project.key, dispute=found.pk)
    if request.method == "POST":
        return _rule(request, ruling)
    others = ruling_alike.alike(dispute=found, member=request.member, project=request.project)
    if not others:
        messages.info(request, _("No other dispute looks like this one any more."))
        return redirect("annotation:disputes", project=request.project.key)
    context = {
        "dispute": found,
        "ruling": ruling,
        "described": establishing.ruled(ruling),
        "rows": others,
        "query": choosing.query(request.GET),
    }
    return render(request, "annotation/alike.html", context)


def _rule(request: MemberRequest, ruling: Ruling) -> HttpResponse:
    chosen = [int(one) for one in request.POST.getlist("dispute") if one.isascii() and one.isdigit()]
    done = ruling_alike.rule(ruling=ruling, disputes=chosen, member=request.member)
    n = sum(one.ruling is not None for one in done)
    messages.success(
        request, ngettext("Ruled on %(n)d more dispute.", "Ruled on %(n)d more disputes.", n) % {"n": n}
    )
    for one in done:
        if one.ruling is None:
            messages.warning(request, f"{one.dispute.task.item.key}: {one.refusal}")
    query = choosing.query(request.GET)
    there = reverse("annotation:disputes", kwargs={"project": request.project.key})
    return redirect(f"{there}?{query}" if query else there)
