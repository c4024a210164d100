"""The thread of a task: what annotators, reviewers and leads write to each other about it."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotation import presenting, talking
from specs.access import MemberRequest, allows, get_or_404, page
from specs.refusals import Invalid
from workforce.models import Task


@require_http_methods(["GET", "POST"])
@page(allows("thread.write"))
def thread(request: MemberRequest, task: int) -> HttpResponse:
    """The messages that the reader may see, and the form for another; posting writes it."""
    found = talking.about(
        get_or_404(Task.objects.select_related("item", "queue"), project=request.project, pk=task)
    )
    place = talking.place_of(task=found, member=request.member)
    if place is None:
        raise Http404
    refusal = None
    if request.method == "POST":
        try:
            talking.say(task=found, text=request.POST.get("text", ""), by=request.member)
        except Invalid as refused:
            refusal = refused
        else:
            return redirect("annotation:thread", project=request.project.key, task=found.pk)
    else:
        talking.open_thread(task=found, member=request.member)
    context = {
        "task": found,
        "place": place,
        "said": talking.read(task=found, member=request.member),
        "numbers": sorted(talking.numbers_of(found).values()) if place.reads_all else [],
        "fields": presenting.fields(found.item.payload, declared=request.project.item_fields),
        "refusal": refusal,
        "text": request.POST.get("text", ""),
        "max_characters": settings.MAX_COMMENT_CHARACTERS,
    }
    return render(request, "annotation/thread.html", context, status=refusal.status if refusal else 200)
