"""The item browser: looking for items, one item's story, and filters that are kept."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import bulk_kinds, cataloguing, finding, item_rows, item_story, presenting, saving_filters
from annotation.models import Tag
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Clause
from specs.refusals import Invalid, Refusal
from workforce.models import ABOUT_OTHERS, Item, Queue

LOOKED_FOR = 0.5
"""Seconds for which a page waits at the most until what just happened is found."""
CHOICES = 500
"""Queues, clauses or tags that a form offers."""


@require_GET
@page(allows("item.read"))
def items(request: MemberRequest) -> HttpResponse:
    """What is looked for, a page of it, in the order asked for."""
    whole = cataloguing.catch_up(project_id=request.project.pk, seconds=LOOKED_FOR, wait=False).whole
    eyes, refusal = finding.Eyes.of(request.member), None
    asked, found, rows = finding.Asked(), None, []
    try:
        asked = finding.Asked.of(request.GET)
        found = finding.find(
            project=request.project, asked=asked, eyes=eyes, after=request.GET.get("after", "")
        )
        rows = item_rows.rows(request.project, found.entries)
    except Refusal as refused:
        refusal = refused
    query = asked.query()
    further = urlencode({"after": found.next}) if found is not None and found.next else ""
    context: dict[str, Any] = {
        "asked": asked,
        "typed": request.GET if refusal else None,
        "found": found,
        "rows": rows,
        "whole": whole,
        "eyes": eyes,
        "query": query,
        "next": f"?{query}&{further}" if query and further else f"?{further}" if further else "",
        "refusal": refusal,
        "filters": saving_filters.seen_by(request.member),
        "kinds": _kinds(request),
        **_choices(request, eyes),
    }
    return render(request, "annotation/items.html", context, status=refusal.status if refusal else 200)


def _choices(request: MemberRequest, eyes: finding.Eyes) -> dict[str, Any]:
    project = request.project
    return {
        "orders": finding.ORDERS.items(),
        "states": finding.STATES.items(),
        "standings": finding.STANDING.items(),
        "columns": finding.SHOWN.items(),
        "queues": Queue.objects.filter(project=project)
        .exclude(purpose__in=ABOUT_OTHERS)
        .order_by("name")[:CHOICES],
        "clauses": Clause.objects.filter(project=project).order_by("key")[:CHOICES],
        "tags": Tag.objects.filter(project=project).order_by("key")[:CHOICES],
    }


def _kinds(request: MemberRequest) -> list[bulk_kinds.Kind]:
    """What she may do to many items."""
    return [kind for kind in bulk_kinds.KINDS.values() if kind.permission in request.permissions]


@require_GET
@page(allows("item.read"))
def item(request: MemberRequest, item: int) -> HttpResponse:
    """One item's whole story; `?exports=1` looks it up in the newest snapshots as well, which takes its time."""
    found = get_or_404(Item.objects.select_related("project", "load"), project=request.project, pk=item)
    story = item_story.read(item=found, member=request.member)
    context = {
        "item": found,
        "story": story,
        "fields": presenting.fields(found.payload, declared=request.project.item_fields),
        "end": found.ends.select_related("successor").first(),
        "exports": item_story.exports(item=found)
        if request.GET.get("exports") and "snapshot.read" in request.permissions
        else None,
        "crumbs": [(_("Items"), reverse("annotation:items", args=[request.project.key]))],
    }
    return render(request, "annotation/item.html", context)


@require_POST
@page(allows("item.read"))
def save_filter(request: MemberRequest) -> HttpResponse:
    """Keep what is looked for under a name."""
    asked = finding.Asked()
    try:
        asked = finding.Asked.of(request.POST)
        kept = saving_filters.save(
            name=request.POST.get("name", ""),
            asked=asked,
            shared=bool(request.POST.get("shared")),
            by=request.member,
        )
    except Invalid as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, _("“%(name)s” is kept.") % {"name": kept.name})
    return _to(request, asked.query())


@require_POST
@page(allows("item.read"))
def forget_filter(request: MemberRequest, filter: int) -> HttpResponse:
    """Drop a filter that was kept."""
    kept = get_or_404(saving_filters.seen_by(request.member), project=request.project, pk=filter)
    try:
        saving_filters.forget(kept=kept, by=request.member)
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    return _to(request, "")


def _to(request: MemberRequest, query: str) -> HttpResponse:
    there = reverse("annotation:items", kwargs={"project": request.project.key})
    return redirect(f"{there}?{query}" if query else there)
