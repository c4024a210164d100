"""A queue's tasks: who has them, who they are kept for, what waits; work given to somebody by name."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal
from workforce import assigning, holding, reordering
from workforce import tasks as reading
from workforce.models import Annotator, Assignment, Enrolment, Hold, Queue, TaskState
from workforce.views.queues import named, queue_of


def _items(text: str) -> list[str]:
    return [key for line in text.splitlines() if (key := line.strip())][: settings.MAX_ASSIGNED_AT_ONCE]


@require_GET
@page(allows("queue.read"))
def tasks(request: MemberRequest, queue: str) -> HttpResponse:
    """The tasks of a queue, newest first, by state and by item."""
    found = queue_of(request, queue)
    state, items = request.GET.get("state", ""), _items(request.GET.get("items", ""))
    rows, further = newest_first(request, reading.matching(queue=found, state=state, items=items))
    slots = reading.slots_of([task.pk for task in rows])
    return render(
        request,
        "workforce/queue_tasks.html",
        {
            "queue": found,
            "rows": [(task, slots.get(task.pk, [])) for task in rows],
            "next": further,
            "state": state,
            "items": request.GET.get("items", ""),
            "filters": reading.FILTERS.items(),
            "holds": holding.waiting(queue=found).select_related("annotator", "task__item")[:50],
            "annotators": Annotator.objects.filter(
                pk__in=Enrolment.objects.filter(queue=found, active=True).values("annotator"), state="active"
            ).order_by("pseudonym")[: settings.MAX_PAGE_SIZE],
            "crumbs": [
                (_("Queues"), reverse("workforce:queues", kwargs={"project": request.project.key})),
                (found.name, _address("workforce:queue", request, found)),
            ],
        },
    )


def _address(name: str, request: MemberRequest, queue: Queue) -> str:
    return reverse(name, kwargs={"project": request.project.key, "queue": queue.key})


def _back(request: MemberRequest, queue: Queue) -> HttpResponse:
    asked = request.POST.get("state", "")
    query = f"?state={asked}" if asked in reading.FILTERS and asked else ""
    return redirect(_address("workforce:queue-tasks", request, queue) + query)


@require_POST
@page(allows("queue.manage"))
def assign(request: MemberRequest, queue: str) -> HttpResponse:
    """Give the chosen tasks to somebody, take them back, take leases away, or say how urgent they are."""
    found = queue_of(request, queue)
    step = request.POST.get("step", "")
    try:
        if step == "prioritise":
            _prioritise(request, found)
            return _back(request, found)
        chosen = _chosen(request, found)
        if step == "assign":
            _assign(request, found, chosen)
        elif step == "take-back":
            n = assigning.take_back(queue=found, task_ids=chosen, by=request.member)
            messages.success(request, _("%(n)d slots are open to all again.") % {"n": n})
        elif step == "recall":
            _recall(request, found, chosen)
        else:
            raise Http404
    except Refusal as refusal:
        messages.warning(request, refusal.message)
    return _back(request, found)


def _chosen(request: MemberRequest, queue: Queue) -> list[int]:
    """The tasks that are ticked; or, if asked for, all open ones of the items that are listed."""
    if request.POST.get("which") == "items":
        items = _items(request.POST.get("items", ""))
        if not items:
            raise Invalid(_("List the items, one key a line."))
        rows = reading.matching(queue=queue, items=items).filter(state=TaskState.OPEN)
        return list(rows.values_list("pk", flat=True)[: settings.MAX_ASSIGNED_AT_ONCE])
    ticked = [
        int(number)
        for number in request.POST.getlist("task")
        if number.isascii() and number.isdigit() and len(number) < 19
    ]
    if not ticked:
        raise Invalid(_("Tick the tasks, or list their items."))
    return ticked


def _prioritise(request: MemberRequest, queue: Queue) -> None:
    number = request.POST.get("priority", "")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise Invalid(_("A priority is a whole number."))
    by_field = request.POST.get("which") == "field"
    done = reordering.prioritise(
        queue=queue,
        priority=int(number),
        tasks=() if by_field else _chosen(request, queue),
        field=request.POST.get("field", "")[:100] if by_field else "",
        value=request.POST.get("value", "")[:200] if by_field else "",
        by=request.member,
    )
    if done.n_tasks is None:
        messages.success(request, _("They are many: they get their priority in the background."))
    else:
        messages.success(
            request,
            _("%(n)d tasks have another priority; the next claims obey it.") % {"n": done.n_tasks},
        )


def _hours(request: MemberRequest) -> timedelta:
    number = request.POST.get("hours", "")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise Invalid(_("Say for how many hours the tasks are kept."))
    return timedelta(hours=int(number))


def _assign(request: MemberRequest, queue: Queue, chosen: list[int]) -> None:
    annotator = named(request, request.POST.get("annotator", ""))
    done = assigning.assign(
        queue=queue,
        task_ids=chosen,
        annotator=annotator,
        keep=_hours(request),
        taking_over=bool(request.POST.get("taking_over")),
        by=request.member,
    )
    messages.success(
        request,
        _("%(n)d tasks are kept for %(who)s.") % {"n": len(done.tasks), "who": annotator.pseudonym},
    )
    for reason in sorted(set(done.left.values())):
        n = sum(1 for why in done.left.values() if why == reason)
        messages.warning(request, _("%(n)d not: %(why)s.") % {"n": n, "why": assigning.REASONS[reason]})


def _recall(request: MemberRequest, queue: Queue, chosen: list[int]) -> None:
    to = request.POST.get("annotator", "") if request.POST.get("hand_on") else ""
    out = Assignment.objects.filter(queue=queue, task__in=chosen, state="leased").select_related("queue")
    taken = [
        assigning.recall(
            assignment=slot,
            reason=request.POST.get("reason", ""),
            to=named(request, to) if to else None,
            by=request.member,
            **({"keep": _hours(request)} if to else {}),
        )
        for slot in out
    ]
    messages.success(request, _("%(n)d leases were taken away.") % {"n": len(taken)})


@require_POST
@page(allows("queue.manage"))
def release(request: MemberRequest, queue: str, hold: int) -> HttpResponse:
    """Let a held task go on without waiting for the answer."""
    found = queue_of(request, queue)
    holding.release(hold=get_or_404(Hold, project=request.project, queue=found, pk=hold), by=request.member)
    messages.success(request, _("The task goes on; it is offered first to who asked."))
    return _back(request, found)
