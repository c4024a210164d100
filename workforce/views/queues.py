"""One queue, its settings, and its people."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Member, Spec, SpecVersion, VersionState
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import order_rules, queues, quizzing, reordering, service_levels, staffing
from workforce.forms.queues import FIELDS, NewQueueForm, SettingsForm
from workforce.models import Annotator, Enrolment, InProgress, Load, Queue, Task

_WITH = ("spec", "version", "owner__user", "adjudication_queue", "project")


def queue_of(request: MemberRequest, key: str) -> Queue:
    return get_or_404(Queue.objects.select_related(*_WITH), project=request.project, key=key)


def member_named(request: MemberRequest, name: str) -> Member:
    """The member whose user name was typed."""
    members = Member.objects.filter(project=request.project).select_related("user")
    found = members.filter(user__username=name.strip()).first()
    if found is None:
        raise Invalid(_("No member here has the user name “%(name)s”.") % {"name": name.strip()[:150]})
    return found


def proposed_owners(request: MemberRequest) -> list[Member]:
    """What is proposed to whoever may hand over: the first of those who can own a queue; anybody else is typed."""
    if "queue.manage" not in request.permissions:
        return []
    members = Member.objects.filter(
        project=request.project,
        state="active",
        roles__overlap=service_levels.OWNING_ROLES,
        user__isnull=False,
    )
    return list(members.select_related("user").order_by("user__username")[: settings.PAGE_SIZE])


def named(request: MemberRequest, pseudonym: str) -> Annotator:
    """The annotator whose pseudonym was typed."""
    found = Annotator.objects.filter(project=request.project, pseudonym=pseudonym.strip()).first()
    if found is None:
        raise Invalid(_("Nobody here has the pseudonym “%(name)s”.") % {"name": pseudonym.strip()[:64]})
    return found


def crumbs_of(request: MemberRequest, queue: Queue | None = None) -> list[tuple[str, str]]:
    found = [(_("Queues"), f"/p/{request.project.key}/queues/")]
    return [*found, (queue.name, f"/p/{request.project.key}/queues/{queue.key}/")] if queue else found


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def create(request: MemberRequest) -> HttpResponse:
    specs = (
        Spec.objects.filter(project=request.project, versions__state=VersionState.PUBLISHED)
        .distinct()
        .order_by("title")
    )
    form = NewQueueForm(request.POST or None, specs=specs)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            queue = queues.create_queue(
                project=request.project,
                key=data["key"],
                spec=data["spec"],
                owner=request.member,
                purpose=data["purpose"],
                by=request.member,
                **form.settings(),
            )
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            messages.success(request, _("The queue is open. Load items into it and enrol annotators."))
            return redirect("workforce:queue", project=request.project.key, queue=queue.key)
    return render(
        request,
        "workforce/queue_form.html",
        {"form": form, "title": _("New queue"), "crumbs": crumbs_of(request), "no_spec": not specs.exists()},
        status=422 if form.errors else 200,
    )


def put_errors(form: forms.Form, refusal: Invalid) -> None:
    """A transition's problems, beside the fields they belong to."""
    if not refusal.problems:
        form.add_error(None, refusal.message)
    for problem in refusal.problems:
        where = FIELDS.get(str(problem["where"]), str(problem["where"]))
        form.add_error(
            where if where in form.fields else None,
            f"{problem['message']}" if where in form.fields else f"{where}: {problem['message']}",
        )


@require_GET
@page(allows("queue.read"))
def queue(request: MemberRequest, queue: str) -> HttpResponse:
    """One queue: what is in it, who works there, what came in."""
    found = queue_of(request, queue)
    tasks, further = newest_first(
        request, Task.objects.filter(queue=found, purpose="work").select_related("item")
    )
    enrolled = Enrolment.objects.filter(queue=found, active=True)
    people, more_people = newest_first(
        request, enrolled.select_related("annotator", "annotator__member__user"), named="people_before"
    )
    counts = queues.counts(project=request.project).get(found.pk, {})
    return render(
        request,
        "workforce/queue.html",
        {
            "queue": found,
            "order": order_rules.described(found),
            "reordering": reordering.waiting(queue=found),
            "counts": counts,
            "tasks": tasks,
            "next": further,
            "oldest": queues.oldest(queue=found),
            "loads": Load.objects.filter(queue=found).order_by("-pk")[:10],
            "enrolments": people,
            "n_enrolled": enrolled.count(),
            "more_people": more_people,
            "waiting": quizzing.waiting(queue=found),
            "candidates": Member.objects.filter(
                project=request.project, state="active", roles__overlap=["annotator", "lead"]
            )
            .exclude(pk__in=enrolled.filter(annotator__member__isnull=False).values("annotator__member"))
            .select_related("user")
            .order_by("user__username")[: settings.MAX_PAGE_SIZE]
            if "queue.manage" in request.permissions
            else [],
            "owners": proposed_owners(request),
            "crumbs": crumbs_of(request),
        },
    )


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def change(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    form = SettingsForm(request.POST or None, initial=SettingsForm.of(found))
    if request.method == "POST" and form.is_valid():
        try:
            queues.change_settings(queue=found, by=request.member, **form.settings())
        except Invalid as refusal:
            put_errors(form, refusal)
        else:
            messages.success(request, _("Kept. Answers per task hold for tasks made from now on."))
            return redirect("workforce:queue", project=request.project.key, queue=found.key)
    return render(
        request,
        "workforce/queue_form.html",
        {"form": form, "title": _("Settings"), "queue": found, "crumbs": crumbs_of(request, found)},
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("queue.manage"))
def move(request: MemberRequest, queue: str, step: str) -> HttpResponse:
    """Pause or reopen."""
    found = queue_of(request, queue)
    if step == "pause":
        queues.pause(queue=found, by=request.member)
    elif step == "reopen":
        queues.reopen(queue=found, by=request.member)
    else:
        raise Http404
    return redirect("workforce:queue", project=request.project.key, queue=found.key)


@require_POST
@page(allows("queue.manage"))
def transfer(request: MemberRequest, queue: str) -> HttpResponse:
    """Somebody else answers for the queue."""
    found = queue_of(request, queue)
    to = member_named(request, request.POST.get("owner", ""))
    service_levels.transfer(queue=found, to=to, by=request.member)
    messages.success(request, _("%(owner)s owns this queue now.") % {"owner": to})
    return redirect("workforce:queue", project=request.project.key, queue=found.key)


@require_POST
@page(allows("spec.roll-back"))
def put_in_force(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    number = request.POST.get("version", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404
    version = get_or_404(SpecVersion.objects.published(), project=request.project, pk=int(number))
    queues.put_in_force(
        queue=found,
        version=version,
        in_progress=request.POST.get("in_progress", InProgress.FINISH),
        by=request.member,
    )
    messages.success(request, _("%(number)s is in force here.") % {"number": version.number})
    return redirect("workforce:queue", project=request.project.key, queue=found.key)


@require_POST
@page(allows("queue.manage"))
def enrol(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    member = member_named(request, request.POST.get("member", ""))
    staffing.enrol(queue=found, annotator=staffing.annotator_for(member=member), by=request.member)
    return redirect("workforce:queue", project=request.project.key, queue=found.key)


@require_POST
@page(allows("queue.manage"))
def dismiss(request: MemberRequest, queue: str) -> HttpResponse:
    found = queue_of(request, queue)
    annotator = get_or_404(Annotator, project=request.project, pseudonym=request.POST.get("annotator", ""))
    staffing.dismiss(queue=found, annotator=annotator, by=request.member)
    return redirect("workforce:queue", project=request.project.key, queue=found.key)
