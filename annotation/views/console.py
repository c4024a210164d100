"""The console where a lead decides one dispute: see it, take it, read it first, rule, or pass it on."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from annotation import (
    adjudicating,
    choosing,
    comparing_sides,
    deferring,
    establishing,
    reading_first,
    ruling_alike,
    seconding,
    settling,
    shadowing,
    splitting,
)
from annotation.models import (
    MOST_MORE,
    Deferral,
    Dispute,
    DisputeReason,
    DisputeState,
    FirstReading,
    Precedent,
    Reopening,
    Ruling,
)
from specs import task_types, versions
from specs.access import MemberRequest, allows, page
from specs.refusals import Invalid, Refusal
from specs.task_types import BadValue
from workforce import categories, leasing, staffing
from workforce.models import Annotator, Queue, Skip


def dispute_of(request: MemberRequest, number: int) -> Dispute:
    return shadowing.get(member=request.member, project=request.project, number=number)


@require_GET
@page(allows("dispute.read"))
def adjudicate(request: MemberRequest, dispute: int) -> HttpResponse:
    """One dispute: the competing answers without names, and, once it is taken, the form of the ruling."""
    return console(request, dispute_of(request, dispute))


def console(
    request: MemberRequest,
    dispute: Dispute,
    *,
    lease: leasing.Served | None = None,
    form: Any = None,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """The page, or its work area for htmx: under *lease*, or the one that the lead holds on it."""
    answers = settling.counted(dispute.task_id)
    version = versions.read(adjudicating.version_id(dispute, answers))
    annotator = Annotator.objects.filter(member=request.member).first()
    if lease is None and annotator:
        held = leasing.held(annotator=annotator)
        lease = next((served for served in held if served.task_id == dispute.work_id), None)
    hidden = reading_first.hides(dispute, lease.assignment_id if lease else None)
    first = reading_first.of(dispute, lease.assignment_id) if lease else None
    ruling = _ruling(request, dispute)
    context = {
        **comparing_sides.compared(
            dispute,
            version,
            answers=answers,
            form=form or {},
            declared=request.project.item_fields,
            hidden=hidden,
        ),
        "dispute": dispute,
        "version": version,
        "lease": lease,
        "served_digest": lease.served_digest if lease else "",
        "hidden": hidden,
        "first": first,
        "form": form or {},
        "refusal": refusal,
        "ruling": ruling,
        "stale": adjudicating.stale(ruling) if ruling else 0,
        "described": establishing.ruled(ruling) if ruling else "",
        "reopenings": Reopening.objects.filter(dispute=dispute).order_by("pk"),
        "deferrals": Deferral.objects.filter(dispute=dispute).order_by("pk"),
        "said_first": _in_words(first) if first else "",
        "established": Precedent.objects.filter(ruling=ruling).select_related("clause").order_by("pk")
        if ruling
        else [],
        "max_characters": settings.MAX_PRECEDENT_CHARACTERS,
        "lapses": lapses(dispute) if dispute.reason == DisputeReason.RETURNED else [],
        "mine": "dispute.decide" in request.permissions,
        "here": _there(request, dispute),
        "ways": {
            name: _there(request, dispute, f"annotation:{name.replace('_', '-')}")
            for name in ("rule", "read_first", "take", "defer")
        },
        **(_ways(dispute, annotator) if lease and annotator and not hidden else {}),
        **comparing_sides.beside(dispute, version, lease),
    }
    part = "adjudicate_work" if _in_place(request) else "adjudicate"
    status = refusal.status if refusal else 200
    return render(request, f"annotation/{part}.html", context, status=status)


def _in_place(request: MemberRequest) -> bool:
    """Whether the work area is swapped on the page; without a script whole pages follow each other."""
    return "HX-Request" in request.headers


def _in_words(first: FirstReading) -> str:
    version = versions.read(first.version_id)
    if first.cannot:
        return categories.title(first.cannot)
    asked = [version.question(key) for key in first.values]
    return ", ".join(task_types.get(one["kind"]).describe(one, first.values[one["key"]]) for one in asked)


def _ways(dispute: Dispute, annotator: Annotator) -> dict[str, Any]:
    """What can be done with it besides one value."""
    return {
        "splits": splitting.fields(dispute.task.item),
        "more": range(1, MOST_MORE + 1),
        "tiers": deferring.tiers(dispute=dispute),
        "people": deferring.people(dispute=dispute, without=annotator),
        "n_alike": ruling_alike.n_alike(dispute=dispute),
    }


def _ruling(request: MemberRequest, dispute: Dispute) -> Ruling | None:
    """The ruling in force; none while another lead is to decide it blind, after an appeal or as a second one."""
    if dispute.shown_state == DisputeState.OPEN or seconding.hides(dispute, request.member):
        return None
    return Ruling.objects.filter(dispute=dispute).select_related("clause").order_by("-pk").first()


def lapses(dispute: Dispute) -> list[tuple[str, str]]:
    """Why people skipped a task that nobody labelled, and their words, without names."""
    return [
        (skipped.get_reason_display(), " ".join(note.text for note in skipped.notes.all()))
        for skipped in Skip.objects.filter(task=dispute.task_id).prefetch_related("notes").order_by("pk")[:50]
    ]


@require_POST
@page(allows("dispute.decide"))
def take(request: MemberRequest, dispute: int) -> HttpResponse:
    """Lease the work on a dispute."""
    found = dispute_of(request, dispute)
    if found.work is None:
        raise Http404
    annotator = staffing.annotator_for(member=request.member)
    staffing.enrol(queue=found.work.queue, annotator=annotator, by=request.member)
    served = adjudicating.take(dispute=found, annotator=annotator, by=request.member)
    return _show(request, found, served)


@require_POST
@page(allows("dispute.decide"))
def take_next(request: MemberRequest) -> HttpResponse:
    """Lease the first dispute that is free, in the order asked for."""
    return _go_on(request)


def _go_on(request: MemberRequest, said: str = "") -> HttpResponse:
    """The next dispute, leased; the list where there is none, or she holds as many as she may. *said*: what was done before."""
    if said:
        messages.success(request, said)
    asked = choosing.Asked.of(request.project, request.GET)
    try:
        found = choosing.take_next(member=request.member, project=request.project, asked=asked)
    except leasing.TooManyLeases as refusal:
        messages.warning(request, refusal.message)
        found = None
    else:
        if found is None:
            messages.info(request, _("No dispute is left for you here just now."))
    if found is None:
        query = choosing.query(request.GET)
        there = reverse("annotation:disputes", kwargs={"project": request.project.key})
        return _away(request, f"{there}?{query}" if query else there)
    return _show(request, found[0], found[1], said)


def _there(request: MemberRequest, dispute: Dispute, name: str = "annotation:adjudicate") -> str:
    """The address of a dispute's page, in the order that the lead goes through them."""
    there = reverse(name, kwargs={"project": request.project.key, "dispute": dispute.pk})
    query = choosing.query(request.GET)
    return f"{there}?{query}" if query else there


def _show(
    request: MemberRequest, dispute: Dispute, lease: leasing.Served | None = None, said: str = ""
) -> HttpResponse:
    """The console of a dispute: in place, under its own address and announced, or as the page that follows."""
    there = _there(request, dispute)
    if not _in_place(request):
        return redirect(there)
    whole = Dispute.objects.select_related("task__item", "task__queue", "work__queue").get(pk=dispute.pk)
    response = console(request, whole, lease=lease)
    response["HX-Push-Url"] = there
    if said:
        response["HX-Trigger"] = json.dumps({"announce": said})
    return response


def _away(request: MemberRequest, there: str) -> HttpResponse:
    """To another page, whole."""
    return HttpResponseClientRedirect(there) if _in_place(request) else redirect(there)


def _leased(form: QueryDict) -> dict[str, Any]:
    try:
        return {"assignment_id": int(form.get("assignment", "")), "token": UUID(form.get("token", ""))}
    except ValueError as error:
        raise Http404 from error


def _ruled(request: MemberRequest, dispute: Dispute, *, without: set[str]) -> dict[str, Any]:
    """The value of each disputed question: one of the competing answers, named by its key, or what the kind's fields hold."""
    version = versions.read(adjudicating.version_id(dispute))
    chosen = any(request.POST.get(f"side.{key}") for key in dispute.questions)
    there = comparing_sides.values(dispute, version) if chosen else {}
    found: dict[str, Any] = {}
    for key in set(dispute.questions) - without:
        question, named = version.question(key), request.POST.get(f"side.{key}", "")
        try:
            value = (
                there[key][named]
                if named in there.get(key, {})
                else task_types.get(question["kind"]).parse(question, request.POST, dispute.task.item.payload)
            )
        except BadValue as error:
            problem = {"where": f"question {key}", "message": str(error)}
            raise Invalid(_("The ruling does not fit."), problems=[problem]) from error
        if value is not None:
            found[key] = value
    return found


def _plural(request: MemberRequest, dispute: Dispute) -> dict[str, list[Any]]:
    """Per question that stays plural the answers that are kept."""
    if not request.POST.get("plural"):
        return {}
    there = comparing_sides.values(dispute, versions.read(adjudicating.version_id(dispute)))
    kept = {
        key: [there[key][named] for named in request.POST.getlist(f"keep.{key}") if named in there[key]]
        for key in dispute.questions
    }
    found = {key: values for key, values in kept.items() if values}
    if not found:
        raise Invalid(_("Say which answers are right."))
    return found


@require_POST
@page(allows("dispute.decide"))
def rule(request: MemberRequest, dispute: int) -> HttpResponse:
    """Rule, and go on to the next dispute in the order asked for, leased; or to those that look the same."""
    found, form = dispute_of(request, dispute), request.POST
    leased = _leased(form)
    split = splitting.Split.typed(field, form.get("parts", "")) if (field := form.get("split", "")) else None
    try:
        plural = _plural(request, found)
        instead = bool(form.get("cannot") or split)
        adjudicating.rule(
            dispute=found,
            annotator=staffing.annotator_for(member=request.member),
            **leased,
            values={} if instead else _ruled(request, found, without=set(plural)),
            plural=plural,
            split=split,
            cause=form.get("cause", "") or ("plural" if plural else ""),
            clause_key=form.get("clause", ""),
            reason=form.get("reason", ""),
            precedent=bool(form.get("precedent")),
            gold=bool(form.get("gold")),
            cannot=form.get("cannot", ""),
            by=request.member,
        )
    except Invalid as refusal:
        return console(request, found, form=form, refusal=refusal)
    said = _("Ruled. The task is resolved.")
    if form.get("alike"):
        messages.success(request, said)
        return _away(request, _there(request, found, "annotation:alike"))
    return _go_on(request, said)


@require_POST
@page(allows("dispute.decide"))
def read_first(request: MemberRequest, dispute: int) -> HttpResponse:
    """Keep what the lead thinks before she sees the answers, and show them."""
    found, form = dispute_of(request, dispute), request.POST
    try:
        reading_first.read(
            dispute=found,
            annotator=staffing.annotator_for(member=request.member),
            **_leased(form),
            values={} if form.get("cannot") else _ruled(request, found, without=set()),
            cannot=form.get("cannot", ""),
            by=request.member,
        )
    except Invalid as refusal:
        return console(request, found, form=form, refusal=refusal)
    return _show(request, found)


@require_POST
@page(allows("dispute.decide"))
def defer(request: MemberRequest, dispute: int) -> HttpResponse:
    """Ask for more answers, or pass the dispute on; then the next one."""
    found, form = dispute_of(request, dispute), request.POST
    way, _colon, named = form.get("to", "").partition(":")
    terms: dict[str, Any] = {
        "dispute": found,
        "annotator": staffing.annotator_for(member=request.member),
        **_leased(form),
        "reason": form.get("why", ""),
        "by": request.member,
    }
    try:
        if way == "more":
            deferring.ask_more(n=int(named) if named.isascii() and named.isdigit() else 0, **terms)
            said = _("The task wants more answers now.")
        else:
            _escalate(request, way, named, terms)
            said = _("Passed on.")
    except Invalid as refusal:
        return console(request, found, form=form, refusal=refusal)
    return _go_on(request, said)


def _escalate(request: MemberRequest, way: str, named: str, terms: dict[str, Any]) -> None:
    queue = Queue.objects.filter(project=request.project, key=named).first() if way == "tier" else None
    person = (
        Annotator.objects.filter(project=request.project, pseudonym=named).first()
        if way == "person"
        else None
    )
    deferring.escalate(queue=queue, person=person, **terms)
