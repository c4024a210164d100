"""The list of disputes, and the console where a lead rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from annotation import adjudicating, choosing, establishing, presenting, shadowing, sides
from annotation.models import (
    CAUSES_IN_THE_SPEC,
    Cause,
    Dispute,
    DisputeReason,
    DisputeState,
    Precedent,
    Ruling,
)
from specs import posing, precedents, task_types, versions
from specs.access import MemberRequest, allows, page
from specs.models import Clause
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal
from specs.task_types import BadValue
from workforce import categories, leasing, staffing
from workforce.models import Annotator, Queue, Skip

CAUSE_KEYS = {
    Cause.ANNOTATOR_ERRED: "e",
    Cause.CLAUSE_AMBIGUOUS: "a",
    Cause.CLAUSE_MISSING: "m",
    Cause.ITEM_UNCLEAR: "i",
    Cause.PLURAL: "p",
    Cause.LABEL_MISSING: "l",
}


@require_GET
@page(allows("dispute.read"))
def disputes(request: MemberRequest) -> HttpResponse:
    """Open disputes, worst first or as asked; decided ones newest first."""
    rows = shadowing.visible_to(request.member, Dispute.objects.filter(project=request.project))
    rows = rows.select_related("task__item", "task__queue")
    asked = choosing.Asked.of(request.project, request.GET)
    decided = request.GET.get("state") == "decided"
    if decided:
        shown, further = newest_first(
            request, rows.filter(state__in=[DisputeState.DECIDED, DisputeState.PROBED])
        )
        rulings = {
            ruling.dispute_id: ruling
            for ruling in Ruling.objects.filter(dispute__in=shown).select_related("clause").order_by("pk")
        }
        entries: list[tuple[Dispute, Ruling | None]] = [
            (dispute, rulings.get(dispute.pk)) for dispute in shown
        ]
    else:
        open_ones = choosing.open_of(
            member=request.member,
            project=request.project,
            asked=asked,
            limit=settings.PAGE_SIZE + 1,
            after=request.GET.get("after", ""),
        )
        shown = open_ones[: settings.PAGE_SIZE]
        entries = [(dispute, None) for dispute in shown]
        further = _further(request, asked.mark(shown[-1])) if len(open_ones) > len(shown) else ""
    return render(
        request,
        "annotation/disputes.html",
        {
            "entries": entries,
            "decided": decided,
            "next": further,
            "n_open": choosing.n_open(
                member=request.member, project=request.project, most=settings.COUNTED_DISPUTES
            ),
            "most": settings.COUNTED_DISPUTES,
            "asked": request.GET,
            "query": asked.query(request.GET),
            **({} if decided else _choices(request)),
        },
    )


def _further(request: MemberRequest, mark: str) -> str:
    query = request.GET.copy()
    query["after"] = mark
    return f"?{query.urlencode()}"


def _choices(request: MemberRequest) -> dict[str, Any]:
    """What the list can be narrowed to."""
    project = request.project
    return {
        "queues": Queue.objects.filter(project=project, adjudication_queue__isnull=False).order_by("name")[
            :200
        ],
        "clauses": Clause.objects.filter(project=project).order_by("key")[:500],
        "pairs": choosing.pairs(project=project, limit=50),
    }


def dispute_of(request: MemberRequest, number: int) -> Dispute:
    return shadowing.get(member=request.member, project=request.project, number=number)


@require_GET
@page(allows("dispute.read"))
def adjudicate(request: MemberRequest, dispute: int) -> HttpResponse:
    """One dispute: the competing answers without names, and, once it is taken, the form of the ruling."""
    return console(request, dispute_of(request, dispute))


def console(
    request: MemberRequest, dispute: Dispute, *, form: Any = None, refusal: Refusal | None = None
) -> HttpResponse:
    version = versions.read(adjudicating.version_id(dispute))
    annotator = Annotator.objects.filter(member=request.member).first()
    held = leasing.held(annotator=annotator) if annotator else []
    lease = next((served for served in held if served.task_id == dispute.work_id), None)
    there = sides.of(dispute, version)
    given = form or {}
    questions: list[dict[str, Any]] = []
    for key in dispute.questions:
        question = version.question(key)
        kind = task_types.get(question["kind"])
        posed = posing.pose(
            {**question, "shown_when": None, "title": _("Another answer"), "help": "", "required": True},
            dispute.task.item.payload,
            value=kind.entered(question, given),
        )
        chosen = {side.key for side in there[key]}
        questions.append(
            {
                "question": question,
                "sides": there[key],
                "others": [
                    one for one in posed.options if kind.one_of_options and one["value"] not in chosen
                ],
                "posed": None if kind.one_of_options else posed,
                "overlay": kind.overlay(
                    question,
                    dispute.task.item.payload,
                    [(", ".join(side.letters), side.value) for side in there[key]],
                ),
                "overlaid": f"task_types/{question['kind']}_overlay.html",
                "value": given.get(f"q.{key}") if kind.one_of_options else given.get(f"side.{key}"),
            }
        )
    ruling = _ruling(dispute)
    context = {
        "dispute": dispute,
        "version": version,
        "fields": presenting.fields(
            dispute.task.item.payload,
            declared=request.project.item_fields,
            without=posing.shown_by([asked["question"] for asked in questions if asked["overlay"]]),
        ),
        "questions": questions,
        "clauses": sorted(
            version.clauses, key=lambda c: (not any(c.decides(q) for q in dispute.questions), c.position)
        ),
        "causes": [
            (cause.value, cause.label, CAUSE_KEYS[cause], cause in CAUSES_IN_THE_SPEC) for cause in Cause
        ],
        "lease": lease,
        "form": given,
        "refusal": refusal,
        "ruling": ruling,
        "described": establishing.ruled(ruling) if ruling else "",
        "precedents": precedents.served(
            version_id=version.id, version_digest=version.digest, digest=lease.served_digest if lease else ""
        ),
        "established": Precedent.objects.filter(ruling=ruling).select_related("clause").order_by("pk"),
        "max_characters": settings.MAX_PRECEDENT_CHARACTERS,
        "declined": [(categories.title(one), n) for one, n in sides.declined(dispute).items()],
        "cannot": categories.offered(dispute.task.queue),
        "lapses": lapses(dispute) if dispute.reason == DisputeReason.RETURNED else [],
        "mine": "dispute.decide" in request.permissions,
        "query": choosing.Asked.of(request.project, request.GET).query(request.GET),
    }
    return render(request, "annotation/adjudicate.html", context, status=refusal.status if refusal else 200)


def _ruling(dispute: Dispute) -> Ruling | None:
    """The ruling in force. Of a dispute that an appeal has opened again none: who rules on it now is blind to the first."""
    if dispute.shown_state == DisputeState.OPEN:
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
    adjudicating.take(dispute=found, annotator=annotator, by=request.member)
    return _to(request, found)


@require_POST
@page(allows("dispute.decide"))
def take_next(request: MemberRequest) -> HttpResponse:
    """Lease the first dispute that is free, in the order asked for."""
    return _go_on(request)


def _go_on(request: MemberRequest) -> HttpResponse:
    """To the next dispute, leased; to the list where there is none, or she holds as many as she may."""
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
        query = asked.query(request.GET)
        there = reverse("annotation:disputes", kwargs={"project": request.project.key})
        return redirect(f"{there}?{query}" if query else there)
    return _to(request, found[0])


def _to(request: MemberRequest, dispute: Dispute) -> HttpResponse:
    """The console of a dispute, in the order that the lead goes through them."""
    there = reverse("annotation:adjudicate", kwargs={"project": request.project.key, "dispute": dispute.pk})
    query = choosing.Asked.of(request.project, request.GET).query(request.GET)
    return redirect(f"{there}?{query}" if query else there)


def _ruled(request: MemberRequest, dispute: Dispute) -> dict[str, Any]:
    """The value of each disputed question: one of the competing answers, named by its key, or what the kind's fields hold."""
    version = versions.read(adjudicating.version_id(dispute))
    there = sides.of(dispute, version)
    found: dict[str, Any] = {}
    for key in dispute.questions:
        question, named = version.question(key), request.POST.get(f"side.{key}", "")
        side = next((one for one in there[key] if one.key == named), None) if named else None
        try:
            value = (
                side.value
                if side
                else task_types.get(question["kind"]).parse(question, request.POST, dispute.task.item.payload)
            )
        except BadValue as error:
            problem = {"where": f"question {key}", "message": str(error)}
            raise Invalid(_("The ruling does not fit."), problems=[problem]) from error
        if value is not None:
            found[key] = value
    return found


@require_POST
@page(allows("dispute.decide"))
def rule(request: MemberRequest, dispute: int) -> HttpResponse:
    """Rule, and go on to the next dispute in the order asked for, leased."""
    found = dispute_of(request, dispute)
    form = request.POST
    try:
        assignment, token = int(form.get("assignment", "")), UUID(form.get("token", ""))
    except ValueError as error:
        raise Http404 from error
    try:
        adjudicating.rule(
            dispute=found,
            annotator=staffing.annotator_for(member=request.member),
            assignment_id=assignment,
            token=token,
            values=_ruled(request, found),
            cause=form.get("cause", ""),
            clause_key=form.get("clause", ""),
            reason=form.get("reason", ""),
            precedent=bool(form.get("precedent")),
            gold=bool(form.get("gold")),
            cannot=form.get("cannot", ""),
            by=request.member,
        )
    except Invalid as refusal:
        return console(request, found, form=form, refusal=refusal)
    messages.success(request, _("Ruled. The task is resolved."))
    return _go_on(request)
